"""What is printed for people: short, plain, and no more alarming than it is."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from faceloop import output
from faceloop.tasks.analysis_lines import analysis_lines

ACCOUNT: dict[str, Any] = {
    "duration_s": 60.0,
    "gaps": [],
    "frames_resent": 0,
    "frames_lost_silently": 0,
    "recording": None,
    "frames_recorded": 120_000,
    "calibrated": True,
    "alerts": [],
    "affected_side": "left",
    "latency_ms": {"p50": None, "p95": None, "n": 0, "kind": "to_host"},
    "continued": False,
    "recovered": [],
    "end_known": True,
    "error": None,
}


def lines(**changes: Any) -> list[str]:
    return list(output.session_lines(ACCOUNT | changes))


def test_whole_session_is_called_complete_and_nothing_else() -> None:
    assert lines() == ["60.0 s of signal from 8 channels, complete."]


def test_what_came_late_is_a_time_and_no_loss() -> None:
    first, second = lines(frames_resent=760)
    assert first.endswith("complete.")
    assert second == "0.38 s of it came late and was put where it belongs."


def test_what_is_missing_is_a_time() -> None:
    assert lines(gaps=[[100, 200], [900, 500]])[0].endswith("0.35 s of it missing.")


def test_end_that_is_missing_is_no_part_of_what_is_there() -> None:
    first, second, third = lines(end_known=False, gaps=[[120_000, 4000]])
    assert first == "60.0 s of signal from 8 channels."
    assert second == "Another 2.00 s that the board measured after it are missing."
    assert third == "The board was out of reach when the session ended."
    gaps = [[100, 1000], [120_000, 4000]]
    first, second = lines(end_known=False, gaps=gaps, error={"message": "Gone.", "exit_code": 4})
    assert first.endswith(", 0.50 s of it missing.")
    assert second.startswith("Another 2.00 s")


def test_recording_whose_end_is_not_known_is_not_called_complete() -> None:
    first, second, _ = lines(end_known=False, recording="R")
    assert first == "60.0 s of signal from 8 channels."
    assert second.startswith("The board was out of reach when the session ended: what it still")


def test_silent_loss_is_never_called_complete() -> None:
    text = "\n".join(lines(frames_lost_silently=3))
    assert "complete" not in text and "3 frames were lost without a trace" in text


def test_alerts_are_told_in_words() -> None:
    alerts = [
        {"t_s": 8.25, "pair": "mouth_to_eye", "index": 3.14},
        {"t_s": 13.0, "pair": "eye_to_mouth", "index": None},
    ]
    assert lines(alerts=alerts)[1:] == [
        "A quiet muscle joined in 2 times on the left:",
        "      8.2 s  the eye while the mouth moved, 3.1 times the other side",
        "     13.0 s  the mouth while the eye moved",
    ]


def test_account_of_a_long_session_stays_short() -> None:
    alerts = [{"t_s": float(t), "pair": "mouth_to_eye", "index": None} for t in range(30)]
    *_, sixth, rest = lines(alerts=alerts)
    assert sixth.startswith("      5.0 s")
    assert rest == "  and 24 more"


@pytest.mark.parametrize(("kind", "where"), [("to_screen", "screen"), ("to_host", "computer")])
def test_delay_says_where_it_ends(kind: str, where: str) -> None:
    latency = {"p50": 61.6, "p95": 75.4, "n": 5, "kind": kind}
    assert lines(latency_ms=latency)[1] == (
        f"From muscle to {where}: 62 ms (median), 75 ms (95 %), 5 movements."
    )


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    monkeypatch.setattr(output, "_err", Console(file=text, soft_wrap=True))
    return text


@pytest.mark.parametrize(("is_quiet", "shown"), [(False, "A sentence [x].\n"), (True, "")])
def test_what_is_said_is_a_line_unless_only_json_is_wanted(
    screen: io.StringIO, is_quiet: bool, shown: str
) -> None:
    with output.progress(is_quiet=is_quiet) as progress:
        progress.step("Working")
        progress.amount(1, 2)
        progress.say("A sentence [x].")
    assert screen.getvalue() == shown


def test_path_is_shown_as_it_is(screen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        output, "_err", Console(file=screen, force_terminal=True, width=200, highlight=False)
    )
    with output.progress(is_quiet=False) as progress:
        progress.step("Reading [b]:smile:.csv")
        progress.say("/home/:smile:/[b].csv")
    assert "/home/:smile:/[b].csv" in screen.getvalue()
    assert "Reading [b]:smile:.csv" in screen.getvalue()


def test_terminal_gets_its_cursor_back_before_the_last_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = io.StringIO()
    monkeypatch.setattr(output, "_err", Console(file=text, force_terminal=True))
    with output.progress(is_quiet=False) as progress:
        progress.step("Working")
        progress.close("Leaving.")
        written = text.getvalue()
        assert written.rindex("\x1b[?25h") < written.index("Leaving.")


def test_terminal_that_went_away_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(output, "_err", Console(file=Gone()))
    with output.progress(is_quiet=False) as progress:
        progress.say("Anybody there?")


def analysed_file(**changes: Any) -> dict[str, Any]:
    symmetry = {"symmetry_ratio": 0.8, "asymmetry_index": 0.11, "signed_asymmetry": 0.11}
    file = {
        "file": "a.bdf",
        "fs_hz": 1000.0,
        "duration_s": 12.0,
        "gaps": [],
        "calibrated": True,
        "warnings": [],
        "channels": [
            {
                **{"name": "A", "muscle": "a_l", "onsets_s": [1.0], "rest_rms_uv": 2.2},
                "quality": {"usable": True, "reasons": ["heart"], "bad_s": 0.0},
            }
        ],
        "pairs": [
            {
                **{"a": "A", "b": "B", "muscle": "a", "active_s": 3.0, **symmetry},
                "whole": {"symmetry_ratio": 0.7},
            }
        ],
        "alerts": [{}],
        "live": {"late": [[0, 1000]], "alerts": [{}, {}]},
    }
    return {"files": [{**file, **changes}]}


def test_analysis_counts_in_words_that_fit_one_and_many() -> None:
    text = "\n".join(analysis_lines(analysed_file()))
    assert "rest 2.2 uV, 1 burst\n" in text
    assert "1 synkinesis event\n" in text
    assert text.endswith("the live session counted 2 events")
    assert (
        "a, left / right: symmetry 80% in the 3.0 s in which it moved,"
        " 70% over the whole recording" in text
    )


def test_analysis_without_a_pair_says_that_nothing_could_be_judged() -> None:
    live = {"late": [[0, 1000]], "alerts": None}
    text = "\n".join(analysis_lines(analysed_file(alerts=None, live=live)))
    assert "Synkinesis could not be judged" in text
    assert "0 synkinesis" not in text
    assert text.endswith("the live session could not judge")


def test_analysis_without_a_rest_says_what_bursts_are_counted_from() -> None:
    text = "\n".join(analysis_lines(analysed_file(calibrated=False, alerts=None)))
    assert "No rest was learnt, so synkinesis was not judged; bursts are counted" in text
    assert "quietest 2.2 uV, 1 burst\n" in text
    assert "rest 2.2" not in text
    assert "onsets" not in text


def test_analysis_says_which_channel_cannot_be_used_and_why() -> None:
    content = analysed_file()
    content["files"][0]["channels"][0]["quality"] = {
        "usable": False,
        "reasons": ["lead_off", "mains"],
        "bad_s": 9.0,
    }
    assert "2.2 uV, 1 burst; not usable: lead off, mains\n" in "\n".join(analysis_lines(content))


def test_analysis_goes_on_after_a_file_that_could_not_be_read() -> None:
    content = analysed_file()
    content["files"].insert(0, {"file": "b.edf", "error": "b.edf is empty.", "exit_code": 3})
    lines = list(analysis_lines(content))
    assert lines[0] == "b.edf: not analysed. b.edf is empty."
    assert lines[1].startswith("a.bdf: 12.0 s")


def test_analysis_says_where_the_table_is() -> None:
    lines = list(analysis_lines(analysed_file(), Path("face.parquet")))
    assert lines[-1] == "Table: face.parquet"


def test_flashed_board_is_named_and_the_next_step_with_it() -> None:
    content = {
        **{"board": "pico2w", "device_id": "00" * 8, "firmware_version": "0.1.0"},
        **{"interpreter": "MicroPython 1.29.0", "copied": 3, "files": 64, "bytes": 102400},
        **{"seconds": 21.4, "port": "/dev/ttyACM0", "slot": "a"},
    }
    first, second, third = output.flash_lines(content)
    assert first == "pico2w 0000000000000000 now has faceloop 0.1.0 (MicroPython 1.29.0)."
    assert second == "3 of 64 files copied, all 100 KiB checked, 21 s."
    assert "faceloop pair --serial /dev/ttyACM0" in third


def test_self_test_lists_what_failed_last_and_says_so() -> None:
    def check(name: str, ok: bool | None, note: str = "") -> dict[str, Any]:
        return {"name": name, "ok": ok, "value": 1.5, "unit": "uV", "note": note}

    content = {
        "ok": False,
        "device_id": "ab",
        "report": "report.html",
        "checks": [check("A", False), check("B", True), check("C", None, "why")],
    }
    assert list(output.selftest_lines(content)) == [
        "ok      B: 1.5 uV",
        "-       C: 1.5 uV  (why)",
        "FAILED  A: 1.5 uV",
        "Board ab failed. Report to print: report.html",
    ]


def test_label_is_shown_as_text_and_code_while_it_is_known() -> None:
    label = "FL1:0011223344556677:00112233445566778899aabbccddeeff"
    content = {"device_id": "0011223344556677", "stored_in": None, "label": label}
    lines = list(output.pair_lines(content))
    assert "for another computer" in lines[0]
    assert lines[1] == label
    assert lines[2].count("\n") == 17, "33 rows, two to a line"
    del content["label"]
    assert len(list(output.pair_lines({**content, "stored_in": "keys.json"}))) == 1


@pytest.mark.parametrize(
    ("typed", "is_yes"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("", False)]
)
def test_only_a_clear_yes_is_one(
    typed: str, is_yes: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert output.ask("Is it?") is is_yes
    assert capsys.readouterr() == ("", "Is it? [y/n] ")
