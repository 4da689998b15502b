"""The catalogues: complete, used, with the same parameters; looks that everyone can read."""

from __future__ import annotations

import ast
import errno
import os
import re
import string
from datetime import date
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop import cli
from faceloop.errors import UsageError
from faceloop.session import detail_notes, heat_session
from faceloop.session.disk import storage_error
from faceloop.tasks import recovery
from faceloop.training.keys import message_keys
from faceloop.training.message import message
from faceloop.training.programme_file import parse_programme
from faceloop.ui.preferences import CHOICES, PreferenceFile, Preferences
from faceloop.ui.texts import LANGUAGES, Texts, best_language, catalogue
from faceloop_protocol import heat, texts
from faceloop_protocol.state import FAULT_NONE
from faceloop_protocol.texts import FAULT_TEXT

HOST = Path(__file__).resolve().parents[3] / "host" / "src" / "faceloop"
ENGLISH = catalogue("en")
OTHERS = [language for language in LANGUAGES if language != "en"]
# Said by the session or the board in English; looked up by the sentence, not by the key.
TOLD = {key for key in ENGLISH if key.startswith("told.")}
# The same with something filled in.
SAID = {key: entry for key, entry in ENGLISH.items() if key.startswith("said.")}
# Why something failed, as system and board say it inside a sentence.
REASONS = {key: str(entry) for key, entry in ENGLISH.items() if key.startswith("reason.")}
# Rooms whose pages are not there yet.
PROMISED = {"room.review", "room.bench"}

FILE_NAME = re.compile(r"\.(?:css|js|html|svg|jsonl?)$")


def forms(entry: Any) -> list[str]:
    return [entry] if isinstance(entry, str) else [entry["one"], entry["other"]]


def fields(entry: Any) -> list[set[str]]:
    parse = string.Formatter().parse
    return [{name for _, name, _, _ in parse(text) if name is not None} for text in forms(entry)]


@cache
def patterns_in_source() -> frozenset[str]:
    """Every key that the source names, as a regular expression: ``{...}`` may be anything."""
    found: set[str] = set()
    files = [*(HOST / "ui").glob("*.py"), *(HOST / "training").glob("*.py")]
    for path in files:
        nodes = list(ast.walk(ast.parse(path.read_text())))
        parts_of = {
            id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values
        }
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if id(node) not in parts_of and not FILE_NAME.search(node.value):
                    found.add(re.escape(node.value))
            elif isinstance(node, ast.JoinedStr):
                parts = (
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_0-9.]+"
                    for part in node.values
                )
                found.add("".join(parts))
    sections = "|".join(sorted({key.partition(".")[0] for key in ENGLISH}))
    looks_like_a_key = re.compile(rf"(?:{sections})\\\..+")
    return frozenset(pattern for pattern in found if looks_like_a_key.fullmatch(pattern))


@pytest.mark.parametrize("language", OTHERS)
def test_catalogue_has_every_text_with_the_same_parameters(language: str) -> None:
    texts = catalogue(language)
    assert set(texts) == set(ENGLISH)
    for key, entry in ENGLISH.items():
        assert fields(texts[key]) == fields(entry), key
        assert all(text.strip() == text and text for text in forms(texts[key])), key


@pytest.mark.parametrize("language", OTHERS)
def test_catalogue_is_translated(language: str) -> None:
    """What stays as in English is a name, a number or a word that both languages have."""
    same = [
        key
        for key, entry in ENGLISH.items()
        if entry == catalogue(language)[key] and len(forms(entry)[0].split()) > 2
    ]
    assert same == []


def test_every_key_in_the_source_is_in_the_catalogue() -> None:
    missing = [
        pattern
        for pattern in patterns_in_source()
        if not any(re.match(pattern.removesuffix("\\.") + r"(?:\.|$)", key) for key in ENGLISH)
    ]
    assert missing == []


def test_every_key_of_the_catalogue_is_used() -> None:
    unused = {
        key
        for key in ENGLISH
        if not any(re.fullmatch(pattern, key) for pattern in patterns_in_source())
    }
    assert unused - TOLD - set(SAID) - set(REASONS) - PROMISED - set(message_keys()) == set()


def test_what_the_board_and_the_link_say_is_known_in_every_language() -> None:
    told = {text for code, text in FAULT_TEXT.items() if code != FAULT_NONE}
    told |= {cli.MADE_UP, cli.ACTS_SYNKINESIS, cli.PRESSES, cli.PLAYED}
    told |= {cli.BEGINS_WITH_PAGE, recovery.FINISHED, recovery.NOT_FINISHED}
    told |= {detail_notes.COARSE_TEXT, detail_notes.HALF_RATE_TEXT}
    told |= {text for cause, text in texts.CAUSE_TEXT.items() if cause != heat.CAUSE_NONE}
    told |= {heat_session.EXERCISE, heat_session.SILENT}
    assert {ENGLISH[key] for key in TOLD} == told
    for language in OTHERS:
        assert not {text for text in told if Texts(language).known(text) == text}
    assert Texts("de").known("Never heard.") == "Never heard."


def sentences_in(folder: str) -> set[str]:
    """Return every text of a part of the host, ``{}`` for what is filled in."""
    found = set()
    for path in (HOST / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.add(
                    "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "{}"
                        for part in node.values
                    )
                )
    return found


def test_what_is_known_of_session_link_and_disk_is_what_they_really_say() -> None:
    folders = ("session", "device", "training", "tasks")
    there = set().union(*map(sentences_in, folders))
    known = {re.sub(r"\{\w+\}", "{}", str(entry)) for entry in SAID.values()}
    assert known <= there, known - there


def test_every_message_of_a_session_is_known_in_every_language() -> None:
    said = set()
    for node in ast.walk(ast.parse((HOST / "session" / "live_session.py").read_text())):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "self._message":
            said |= {
                part.value
                for part in ast.walk(node.value)
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value
            }
    assert len(said) >= 3
    known = [str(ENGLISH[key]) for key in (*SAID, *TOLD)]
    assert [text for text in said if not any(one.startswith(text) for one in known)] == []


@pytest.mark.parametrize("language", OTHERS)
def test_sentence_with_a_path_or_a_reason_is_said_in_the_language(language: str) -> None:
    full = storage_error(OSError(errno.ENOSPC, "full"), Path("/a b/c (d)"))
    said = Texts(language).known(str(full))
    assert "/a b/c (d)" in said and "What was" not in said
    fault = FAULT_TEXT[FAULT_NONE + 1]
    said = Texts(language).known(f"{fault} What was recorded until then is safe.")
    assert said.startswith(Texts(language).known(fault)) and "What was" not in said
    stopped = Texts(language).known(f"The recording has stopped. {full}")
    assert stopped.endswith(Texts(language).known(str(full))) and "The " not in stopped
    assert Texts("en").known(str(full)) == str(full)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_the_training_says_can_be_said(language: str) -> None:
    for key, names in message_keys().items():
        params = {name: 2 for name in names}
        assert "{" not in Texts(language).say(message(key, **params)), key
    inner = message("train.cue.synkinesis", muscle=message("train.muscle.orbicularis_oculi"))
    assert Texts("de").say(inner) == "Locker lassen: das Auge bewegt sich mit."


@pytest.mark.parametrize(
    ("language", "n", "expected"),
    [
        ("en", 0, "Your recordings are here:"),
        ("en", 1, "Your recording is here:"),
        ("fr", 0, "Votre enregistrement est ici\N{NO-BREAK SPACE}:"),
        ("de", 2, "Ihre Aufzeichnungen liegen hier:"),
    ],
)
def test_plural_follows_the_language(language: str, n: int, expected: str) -> None:
    assert Texts(language)("ended.recordings", n=n) == expected


def test_reasons_are_those_of_the_system_and_the_board() -> None:
    system = {os.strerror(number) for number in errno.errorcode}
    assert set(REASONS.values()) <= system | set(texts.STATUS_TEXT.values())


@pytest.mark.parametrize("language", OTHERS)
def test_reason_is_said_in_the_language_or_left_to_the_log(language: str) -> None:
    said = Texts(language)
    there = storage_error(OSError(errno.ENOENT, os.strerror(errno.ENOENT)), Path("/a"))
    assert said("reason.not_there") in said.refused(there)
    assert said("reason.not_there") in said.known(str(there))
    odd = storage_error(OSError(errno.EBADF, os.strerror(errno.EBADF)), Path("/a"))
    for shown in (said.refused(odd), said.known(str(odd))):
        assert "/a" in shown and "(" not in shown and "  " not in shown
    assert os.strerror(errno.EBADF) in Texts("en").refused(odd)
    for reason in ("the key does not fit", "wrong tag"):
        shown = said.known(f"The board refused: {reason}.")
        assert reason not in shown and "The " not in shown and shown.endswith(".")
    with pytest.raises(UsageError) as caught:
        parse_programme("format 1", "day.toml")
    shown = said.refused(caught.value)
    assert "Expected" not in shown and re.search(r"\(\w+ 1, \w+ 8\)", shown), shown
    assert "Expected" in str(caught.value)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        *(("en", "7 Dec 2026"), ("de", "7. Dez. 2026"), ("fr", "7 déc. 2026")),
        *(("es", "7 dic 2026"), ("it", "7 dic 2026"), ("pt", "7 dez. 2026")),
    ],
)
def test_dates_have_the_form_of_the_language(language: str, expected: str) -> None:
    assert Texts(language).calendar_day(date(2026, 12, 7)) == expected


def test_numbers_have_the_marks_of_the_language() -> None:
    assert Texts("en").percent(0.0025, 2) == "0.25\N{NO-BREAK SPACE}%"
    assert Texts("de").percent(0.0025, 2) == "0,25\N{NO-BREAK SPACE}%"
    assert Texts("de").number(float("nan")) == "–"
    assert Texts("de").number(-0.04) == "0"
    assert Texts("de").number(-0.6) == "-1"
    with pytest.raises(KeyError):
        Texts("en")("no.such_text")


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("nl,pt-BR;q=0.7,fr;q=0.9", "fr"),
        ("ja", "en"),
        ("", "en"),
        ("it;q=x,es;q=0", "en"),
    ],
)
def test_first_language_is_the_browsers(accepted: str, expected: str) -> None:
    assert best_language(accepted) == expected


def test_choices_are_kept_and_nonsense_is_not(tmp_path: Path) -> None:
    kept = PreferenceFile(tmp_path / "data")
    kept.change(language="fr", theme="dark", volume="30", palette="rainbow")
    assert kept.now == Preferences(language="fr", theme="dark", volume="30")
    assert PreferenceFile(tmp_path / "data").now == kept.now
    for content in ("", "[]", '{"theme": 7, "language": ["de"], "volume": "11"}', "\0"):
        (tmp_path / "data" / "preferences.json").write_text(content)
        assert PreferenceFile(tmp_path / "data").now == Preferences()


def test_choices_without_a_place_last_as_long_as_the_app(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    for folder in (None, blocked):
        kept = PreferenceFile(folder)
        kept.change(theme="dark")
        assert kept.now.theme == "dark"
    assert all(getattr(Preferences(), name) == values[0] for name, values in CHOICES.items())


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(colour: str) -> list[float]:
    """Linear sRGB, 0 to 1."""
    shares = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(palette: str, theme: str) -> dict[str, str]:
    css = (HOST / "ui" / "static" / "colors.css").read_text()
    found: dict[str, str] = {}
    for selector, body in re.findall(r"^(:root\S*) \{(.*?)\}", css, re.S | re.M):
        wants_dark = 'data-theme="dark"' in selector
        named = re.search(r'data-palette="(\w+)"', selector)
        if (not wants_dark or theme == "dark") and (named is None or named[1] == palette):
            found |= dict(re.findall(r"--([\w-]+): (#\w{6});", body))
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("palette", CHOICES["palette"])
def test_colours_of_every_palette_can_be_read_and_told_apart(palette: str, theme: str) -> None:
    shown = colours(palette, theme)
    for ground in ("paper", "surface"):
        for ink in ("ink", "quiet", "left-ink", "right-ink"):
            assert contrast(shown[ink], shown[ground]) >= 4.5, (ink, ground)
        for mark in ("left", "right", "alert", "focus"):
            assert contrast(shown[mark], shown[ground]) >= 3.0, (mark, ground)
    if palette == "plain":  # no hue to tell them by
        assert contrast(shown["left"], shown["right"]) >= 3.0


# Severity 1.0 of Machado, Oliveira, Fernandes, IEEE TVCG 2009, 10.1109/TVCG.2009.113; linear sRGB.
COLOUR_VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
XYZ_OF_SRGB = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
LEAST_DISTANCE = 15.0  # CIE76; 2.3 is just noticeable side by side


def lab(colour: str, vision: str) -> np.ndarray:
    """Return CIE L*a*b* (D65) of a colour as it is seen."""
    seen = np.clip(COLOUR_VISION[vision] @ linear(colour), 0.0, 1.0)
    white = XYZ_OF_SRGB.sum(axis=1)
    share = XYZ_OF_SRGB @ seen / white
    f = np.where(share > 216 / 24389, np.cbrt(share), (24389 / 27 * share + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: str, other: str, vision: str) -> float:
    return float(np.linalg.norm(lab(one, vision) - lab(other, vision)))


@pytest.mark.parametrize("vision", COLOUR_VISION)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("palette", CHOICES["palette"])
def test_left_right_and_alert_are_told_apart_by_every_kind_of_colour_vision(
    palette: str, theme: str, vision: str
) -> None:
    shown = colours(palette, theme)
    for one, other in combinations(("left", "right", "alert"), 2):
        apart = distance(shown[one], shown[other], vision)
        assert apart >= LEAST_DISTANCE, (one, other, apart)


def test_colour_blindness_is_simulated_as_published() -> None:
    """What is grey stays so; red and green of one lightness fall together, blue and yellow not."""
    for vision in COLOUR_VISION:
        assert np.abs(lab("#808080", vision)[1:]).max() < 1.0
    assert distance("#b36b00", "#7d7d00", "deuteranopia") < 8
    assert distance("#b36b00", "#7d7d00", "usual") > 30
    assert distance("#3050c0", "#c0a030", "deuteranopia") > 80
