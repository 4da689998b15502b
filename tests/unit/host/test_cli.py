"""The command line: what a person who mistypes or presses Ctrl-C gets to see."""

from __future__ import annotations

import importlib.metadata
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceloop import cli
from faceloop.errors import UsageError
from faceloop.options import FaceOptions
from faceloop.tasks import demo as demo_module
from faceloop.tasks import live as live_module
from faceloop.tasks.demo import DemoOptions
from faceloop.tasks.live import LiveOptions

FACELOOP = Path(sys.executable).with_name("faceloop")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process; returns exit code, output, errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["faceloop", *map(str, arguments)])
        on_ctrl_c = signal.getsignal(signal.SIGINT)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        signal.signal(signal.SIGINT, on_ctrl_c)
        out, err = capsys.readouterr()
        code = ended.value.code or 0
        assert isinstance(code, int)
        return code, out, err

    return run


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("demo --seconds x", "--seconds takes a number from 1 to 604800. Try: faceloop demo"),
        ("demo --seconds 0", "--seconds takes a number from 1 to 604800."),
        ("demo --seconds 1e9", "--seconds takes a number from 1 to 604800."),
        ("demo --seed 1.5", "--seed takes a whole number of at least 0. Try: faceloop demo"),
        ("demo --seed -1", "--seed takes a whole number of at least 0."),
        ("demo --radio-loss 2", "--radio-loss takes a number from 0 to 0.95."),
        ("demo --mains-hz x", "--mains-hz takes a number. Try: faceloop demo --help"),
        ("demo --seconds", "requires an argument. Try: faceloop demo --help"),
        ("demo --secnds 3", "--seconds"),
        ("demo more", "more"),
        ("heat simulate --wearers nan", "100000. Try: faceloop heat simulate --help"),
        ("heat simulate --wearers", "requires an argument. Try: faceloop heat simulate --help"),
        ("heat unlock --serial", "requires an argument. Try: faceloop heat unlock --help"),
        ("heat up", "'up'. Try: faceloop heat --help"),
        ("dmo", "'demo'? Try: faceloop --help"),
        ("replay", "Missing argument 'FILE'. Try: faceloop replay --help"),
        ("demo --affected up", "The affected side is left or right, not 'up'."),
        ("run --mains-hz 55", "The mains have 50 or 60 Hz, not 55."),
        ("demo --radio-blackout 3", "A blackout is START,LENGTH"),
        ("demo --radio-blackout x,y", "A blackout is START,LENGTH"),
        ("demo --radio-blackout 1,2,3", "A blackout is START,LENGTH"),
        ("demo --radio-blackout=-1,2", "A blackout starts at 0 s or later"),
        ("demo --radio-blackout 1,0", "A blackout starts at 0 s or later"),
        ("demo --radio-blackout nan,1", "A blackout starts at 0 s or later"),
        ("demo --radio-blackout 0.1,nan", "A blackout starts at 0 s or later"),
        ("demo --radio-blackout 1,inf", "A blackout starts at 0 s or later"),
        ("demo --seconds nan", "--seconds takes a number from 1 to 604800."),
        ("record --seconds inf", "--seconds takes a number of at least 1."),
        ("demo --radio-loss nan", "--radio-loss takes a number from 0 to 0.95."),
        ("demo --radio-interval-ms nan", "--radio-interval-ms takes a number from 7.5 to 4000."),
        ("demo --rest-s nan", "--rest-s takes a number from 0 to 120."),
        ("analyse F --rest-s 1e9", "--rest-s takes a number from 0 to 120."),
        ("demo --wait-s inf", "--wait-s takes a number of at least 0."),
        ("run --mains-hz nan", "--mains-hz takes a number."),
        ("devices --seconds nan", "--seconds takes a number from 0.5 to 60."),
        ("demo --montage x", "There is no montage 'x'."),
        ("demo --source a.edf --scenario smile", "leave --source or --scenario out."),
        ("run --virtual --serial x", "Choose one board"),
        ("pair", "Say how"),
    ],
)
def test_wrong_argument_is_one_sentence_and_code_2(
    command: Command, arguments: str, sentence: str
) -> None:
    code, out, err = command(*arguments.split())
    assert (code, out) == (2, "")
    assert err.startswith("faceloop: ") and err.count("\n") == 1
    assert sentence in err


@pytest.mark.parametrize(("group", "member"), [("heat", "simulate"), ("programme", "check")])
def test_name_of_a_group_shows_what_is_in_it(command: Command, group: str, member: str) -> None:
    code, out, err = command(group)
    assert (code, err) == (0, "")
    assert out == command(group, "--help")[1]
    assert out.startswith(f"Usage: faceloop {group} ") and member in out


def test_no_argument_shows_what_there_is_and_where_to_begin(command: Command) -> None:
    code, out, err = command()
    assert (code, err) == (0, "")
    assert "faceloop demo" in out and "doctor" in out


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Options with which a session would have been started."""
    seen: list[Any] = []

    async def note(options: Any, *_: Any) -> dict[str, Any]:
        seen.append(options)
        raise UsageError("Seen.")

    monkeypatch.setattr(live_module, "live", note)
    monkeypatch.setattr(demo_module, "demo", note)
    return seen


@pytest.mark.parametrize("name", ["run", "record"])
def test_every_option_of_a_board_arrives_under_its_name(
    command: Command, asked: list[Any], name: str
) -> None:
    given = "--device D --montage upper8 --affected right --rest-s 3 --mains-hz 60 --wait-s 7"
    command(name, *given.split(), "--out", "O", *(["--seconds", "9"] if name == "record" else []))
    assert asked == [
        LiveOptions(
            device="D",
            montage="upper8",
            affected_side="right",
            rest_s=3.0,
            mains_hz=60.0,
            out=Path("O"),
            seconds=9.0 if name == "record" else None,
            wait_s=7.0,
        )
    ]


def test_record_needs_no_end_and_replay_may_have_one(command: Command, asked: list[Any]) -> None:
    command("record", "--serial", "S")
    command("replay", "F", "--seconds", "5")
    assert asked == [
        LiveOptions(serial="S"),
        DemoOptions(
            source=Path("F"),
            seconds=5.0,
            affected_side=None,
            is_headless=False,
            is_recording=False,
        ),
    ]


def test_group_gives_its_defaults_to_the_command(command: Command, asked: list[Any]) -> None:
    command("demo", "--headless")
    assert asked == [DemoOptions(rest_s=cli.PLAYED_FACE.rest_s)]
    assert cli.PLAYED_FACE.rest_s != FaceOptions().rest_s


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}", "bash", str(FACELOOP)],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", ["--help", "demo --help", "doctor", "doctor --json"])
def test_output_that_cannot_be_written_is_one_sentence_and_code_7(arguments: str) -> None:
    done = shell(f'"$1" {arguments} > /dev/full')
    assert done.returncode == 7
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("faceloop: The output cannot be written (No space left")


@pytest.mark.parametrize("arguments", ["--help", "doctor --json"])
def test_reader_that_has_had_enough_gets_no_complaint(arguments: str) -> None:
    done = shell(f'"$1" {arguments} | sleep 0')
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_version_is_the_one_that_is_installed() -> None:
    done = shell('"$1" --version')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"faceloop {importlib.metadata.version('faceloop')}\n"


def test_errors_that_nobody_takes_keep_their_code() -> None:
    assert shell('"$1" demo --seconds x 2> /dev/full').returncode == 2


def test_ctrl_c_while_the_program_loads_is_silent(tmp_path: Path) -> None:
    """In the middle of an import, which is where the first half second goes."""
    (tmp_path / "typer.py").write_text(
        "import sys, time, weakref\n"
        "sys.stdout.write('loading\\n'); sys.stdout.flush()\n"
        # Short ones: a signal just before the system's call does not shorten that one.
        "for _ in range(600): time.sleep(0.1)\n"
    )
    process = subprocess.Popen(
        [FACELOOP, "doctor"],
        env={"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_ctrl_c_after_the_last_word_keeps_the_exit_code() -> None:
    """One more than was needed; the interpreter would end by the signal."""
    late = (
        "import atexit, os, signal, sys, time\n"
        "atexit.register(lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(30)))\n"
        "from faceloop.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", late, "--version"], capture_output=True, text=True, timeout=25
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("faceloop ")


def test_analyse_without_a_rest_does_not_contradict_itself_and_names_its_table(
    command: Command, root: Path, tmp_path: Path
) -> None:
    recording = root / "tests" / "data" / "limb_short_3s.edf"
    table = tmp_path / "short.parquet"
    code, out, _ = command("analyse", recording, "--parquet", table)
    assert code == 0
    assert table.exists()
    assert f"Table: {table}" in out
    assert "No rest was learnt" in out
    assert "onsets" not in out
    assert "rest 4" not in out
    assert "quietest 4845" in out
