"""The documents are true and complete; the tree holds what was agreed and nothing private."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from faceloop import errors
from faceloop.cli import app

ROOT = Path(__file__).resolve().parents[2]
HOST_README = (ROOT / "host" / "README.md").read_text()
FIRMWARE_README = (ROOT / "firmware" / "README.md").read_text()

TOP_LEVEL = {
    *("firmware", "host", "dsp", "hardware", "tools", "tests"),
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"),
}

# Paths of one machine, notes that are not in the repository, and names of writing aids.
PRIVATE = re.compile(
    r"(?<![\w.])/(?:work|root|home)/(?!me/)\w|/tmp/(?!\.)\w|shared/(?:docs|data|prototype)"
    r"|\b(?:claude|anthropic|chatgpt|openai|copilot)\b",
    re.IGNORECASE,
)


def tracked_files() -> list[Path]:
    """Files of the repository, those included that are new and not ignored."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = {ROOT / name for name in listed.stdout.split("\0") if name}
    return sorted(path for path in paths if path.is_file())


FILES = tracked_files()
DOCUMENTS = [path for path in FILES if path.suffix == ".md"]


def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        if inner is None:
            found[name] = command
        else:
            found |= {f"{name} {part}": one for part, one in inner.items()}
    return found


def source_text(*folders: str) -> str:
    inside = [ROOT / folder for folder in folders]
    return "\n".join(
        path.read_text()
        for path in FILES
        if path.suffix == ".py" and any(path.is_relative_to(folder) for folder in inside)
    )


@pytest.mark.parametrize("name", commands())
def test_every_option_is_in_the_readme(name: str) -> None:
    _, found, section = HOST_README.partition(f"### `faceloop {name}")
    assert found
    section = section.partition("### ")[0]
    for param in commands()[name].params:
        if not param.hidden:
            shown = param.opts[0] if param.param_type_name == "option" else param.name.upper()
            assert f"| `{shown}` |" in section


def test_command_tables_are_fresh() -> None:
    page = ROOT / "tools" / "cli_page.py"
    done = subprocess.run([sys.executable, page, "--check"], check=False)
    assert done.returncode == 0, "Stale. Run: .venv/bin/python tools/cli_page.py"


def test_commands_in_documents_exist() -> None:
    for path in DOCUMENTS:
        first_words = {name.split()[0] for name in commands()}
        for name in re.findall(r"run\.py -- ([a-z]+)|bin/faceloop ([a-z]+)", path.read_text()):
            assert "".join(name) in first_words, f"{path.name}: {''.join(name)}"


def test_every_environment_variable_is_documented_and_no_other() -> None:
    used = set(re.findall(r"\bFACELOOP_[A-Z_]+\b", source_text("host", "firmware", "tools")))
    documented = set(re.findall(r"`(FACELOOP_[A-Z_]+)`", HOST_README + FIRMWARE_README))
    assert documented == used


def test_every_exit_code_is_documented_and_no_other() -> None:
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if inspect.isclass(kind) and issubclass(kind, errors.FaceloopError)
    }
    section = HOST_README.partition("## Exit codes")[2].partition("\n## ")[0]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.M)}
    ended_by_ctrl_c = 130
    assert documented == {0, ended_by_ctrl_c, errors.OUR_MISTAKE_EXIT_CODE} | raised


def test_exit_codes_in_the_error_tree_are_the_real_ones() -> None:
    rows = re.findall(r"(\w+) {2,}.* exit (\d)$", errors.__doc__ or "", re.M)
    assert {name: getattr(errors, name).exit_code for name, _ in rows} == {
        name: int(code) for name, code in rows
    }
    assert {name for name, _ in rows} == set(errors.__all__) - {
        "FaceloopError",
        "OUR_MISTAKE_EXIT_CODE",
    }


def test_every_field_of_a_session_is_documented() -> None:
    tree = ast.parse((ROOT / "host/src/faceloop/tasks/account.py").read_text())
    account = next(
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == "session_account"
    )
    fields = {
        key.value
        for node in ast.walk(account)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    assert "frames_lost_silently" in fields
    section = HOST_README.partition("## Results as JSON")[2].partition("\n## ")[0]
    assert {field for field in fields if f"`{field}`" not in section} == set()


def test_every_scenario_and_montage_is_documented() -> None:
    from faceloop.session.montage import MONTAGES
    from faceloop.twin.sources.face_script import SCENARIOS

    assert {name for name in (*MONTAGES, *SCENARIOS) if f"`{name}`" not in HOST_README} == set()


def test_top_level_holds_only_what_was_agreed() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in FILES}
    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL


def test_every_top_level_folder_has_a_readme() -> None:
    for name in TOP_LEVEL:
        if (ROOT / name).is_dir():
            assert (ROOT / name / "README.md").stat().st_size > 0, name
            assert f"({name}/README.md)" in (ROOT / "README.md").read_text(), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        place = (path.parent / name).resolve() if name else path
        assert place.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", place.read_text(), re.M)
            assert anchor in {
                re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings
            }


def test_nothing_private_is_in_the_repository() -> None:
    found = []
    for path in FILES:
        if path == Path(__file__):
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in PRIVATE.finditer(text)]
    assert found == []


def test_first_words_of_the_readme_carry_the_warning() -> None:
    text = re.sub(r"[\s>*]+", " ", (ROOT / "README.md").read_text())
    assert "It can be a stroke: call the emergency number now." in text
    assert "not a certified medical device, does not diagnose" in text
    assert "EMG feedback has not been shown to beat mirror feedback" in text
    assert text.index("stroke") < text.index("## Start")
