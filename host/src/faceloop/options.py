"""The options of the command line, each defined once, in groups that commands take as a whole."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from typer import Argument, BadParameter, Option

from faceloop.errors import UsageError

__all__ = [
    "AirOptions",
    "BoardOptions",
    "DemoFaceOptions",
    "DemoSeconds",
    "FaceOptions",
    "Headless",
    "Json",
    "Recording",
    "Recordings",
    "Seconds",
    "SerialPort",
    "StoreOptions",
    "TrainingOptions",
    "finite",
    "unfolded",
]


def finite(value: float | None) -> float | None:
    """Refuse what a range lets through: ``nan`` is neither too small nor too large."""
    if value is not None and not math.isfinite(value):
        raise BadParameter(f"{value} is no number to count with.")
    return value


Json = Annotated[bool, Option("--json", help="Print one JSON object, nothing else.")]
Headless = Annotated[bool, Option("--headless", help="No page, only the result.")]
Seconds = Annotated[
    float | None,
    Option(
        min=1.0,
        metavar="SECONDS",
        help="How long; without it until the end, or Ctrl-C.",
        callback=finite,
    ),
]
DemoSeconds = Annotated[
    float | None,
    Option(
        min=1.0,
        max=7 * 86400.0,  # as long as a made-up face can be
        metavar="SECONDS",
        help="How long; without it to the end of --source, else 60 s with --headless.",
        callback=finite,
    ),
]
SerialPort = Annotated[
    str | None, Option("--serial", metavar="PORT", help="Board on a USB cable (bench).")
]
Recording = Annotated[Path, Argument(metavar="FILE", help="EDF, BDF or CSV recording.")]
Recordings = Annotated[
    list[Path],
    Argument(metavar="FILES", help="EDF, BDF or CSV recordings, journals, session folders."),
]


@dataclass(frozen=True, kw_only=True)
class FaceOptions:
    """Whose face, and how it is judged."""

    montage: Annotated[
        str,
        Option(
            metavar="NAME",
            help="Which channel sits on which muscle: guarded8, upper8, minimal4.",
        ),
    ] = "guarded8"
    affected: Annotated[
        str | None, Option(metavar="left|right", help="Side of the face that is affected.")
    ] = None
    rest_s: Annotated[
        float,
        Option(
            "--rest-s",
            min=0.0,
            max=120.0,
            metavar="SECONDS",
            help="Seconds of rest to learn from, 2 s after the start; with 0 no alerts.",
            callback=finite,
        ),
    ] = 10.0
    mains_hz: Annotated[
        float | None,
        Option(
            "--mains-hz",
            metavar="HZ",
            help="50 or 60; found out when not given.",
            callback=finite,
        ),
    ] = None

    @property
    def side(self) -> Literal["left", "right"] | None:
        """The affected side.

        Raises
        ------
        UsageError
            If it is no side.
        """
        if self.affected == "left":
            return "left"
        if self.affected == "right":
            return "right"
        if self.affected is None:
            return None
        raise UsageError(f"The affected side is left or right, not {self.affected!r}.")

    @property
    def line_hz(self) -> float | None:
        """The frequency of the mains.

        Raises
        ------
        UsageError
            If no country has it.
        """
        if self.mains_hz not in (None, 50.0, 60.0):
            raise UsageError(f"The mains have 50 or 60 Hz, not {self.mains_hz:g}.")
        return self.mains_hz


@dataclass(frozen=True, kw_only=True)
class BoardOptions:
    """Which board."""

    device: Annotated[
        str | None, Option(metavar="NAME", help="Name or address of a board in the air.")
    ] = None
    serial: SerialPort = None
    virtual: Annotated[bool, Option("--virtual", help="Start a virtual board and use it.")] = False


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """Where recordings go, and how long a board is waited for that may hold a part of one."""

    out: Annotated[
        Path | None,
        Option(metavar="DIR", help="Data folder to record into; made in a folder that exists."),
    ] = None
    wait_s: Annotated[
        float,
        Option(
            "--wait-s",
            min=0.0,
            metavar="SECONDS",
            help="Wait this long for a board that went out of reach.",
            callback=finite,
        ),
    ] = 120.0


@dataclass(frozen=True, kw_only=True)
class DemoFaceOptions:
    """What the virtual board's electrodes touch."""

    source: Annotated[
        Path | None, Option(metavar="FILE", help="EDF, BDF or CSV recording to play.")
    ] = None
    scenario: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="What the made-up face does: rest, smile, eye_closure, jaw_clench, synkinesis"
            " (unless named), mixed or steps.",
        ),
    ] = None
    seed: Annotated[
        int, Option(min=0, metavar="NUMBER", help="Of the face and of the radio's losses.")
    ] = 1
    tap: Annotated[Path | None, Option(hidden=True)] = None
    clock_ppm: Annotated[float, Option(hidden=True, min=-500.0, max=500.0)] = 20.0


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Who trains, and what."""

    profile: Annotated[
        str, Option(metavar="NAME", help="Pseudonym: a-z, 0-9 and -. Made if need be.")
    ] = "made-up"
    stage: Annotated[
        str,
        Option(
            metavar="NAME",
            help="Of a profile that is made: flaccid, paresis, synkinesis, relaxation.",
        ),
    ] = "synkinesis"
    affected: Annotated[
        str, Option(metavar="left|right", help="Side of the face that is affected.")
    ] = "left"
    montage: Annotated[
        str,
        Option(
            metavar="NAME",
            help="Which channel sits on which muscle: guarded8, upper8, minimal4.",
        ),
    ] = "guarded8"
    programme: Annotated[
        Path | None, Option(metavar="FILE", help="Programme (TOML) instead of the profile's.")
    ] = None
    short: Annotated[bool, Option("--short", help="The five-minute day.")] = False
    resume: Annotated[bool, Option("--resume", help="Go on with the last day that was left.")] = (
        False
    )
    rest_s: Annotated[
        float,
        Option(
            "--rest-s",
            min=3.0,
            max=120.0,
            metavar="SECONDS",
            help="Of rest in set-up.",
            callback=finite,
        ),
    ] = 60.0
    contract_s: Annotated[
        float,
        Option(
            "--contract-s",
            min=1.2,
            max=10.0,
            metavar="SECONDS",
            help="Length of each movement and pause of set-up.",
            callback=finite,
        ),
    ] = 2.5
    seed: Annotated[int, Option(min=0, metavar="NUMBER", help="Of the made-up face.")] = 1

    @property
    def side(self) -> Literal["left", "right"]:
        """The affected side.

        Raises
        ------
        UsageError
            If it is no side.
        """
        return FaceOptions(affected=self.affected).side or "left"


@dataclass(frozen=True, kw_only=True)
class AirOptions:
    """What a virtual board's radio goes through."""

    radio_interval_ms: Annotated[
        float,
        Option(min=7.5, max=4000.0, metavar="MS", help="Connection interval.", callback=finite),
    ] = 15.0
    radio_loss: Annotated[
        float,
        Option(
            min=0.0,
            max=0.95,
            metavar="SHARE",
            help="Share of radio packets lost and repeated.",
            callback=finite,
        ),
    ] = 0.0
    radio_blackout: Annotated[
        list[str] | None,
        Option(metavar="START,LENGTH", help="Radio silence, in seconds; repeatable."),
    ] = None

    @property
    def blackouts(self) -> tuple[tuple[float, float], ...]:
        """Start and length of each blackout, in seconds.

        Raises
        ------
        UsageError
            If a text is no blackout.
        """
        return tuple(_blackout(text) for text in self.radio_blackout or ())


def unfolded(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take groups of options.

    On the command line each field of a group is an option of its own. The parameter's default,
    if it has one, is a group that gives their defaults.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type] = {}
    shown: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        kind = hints[name]
        if not is_dataclass(kind):
            shown.append(parameter.replace(annotation=kind))
            continue
        assert isinstance(kind, type)
        groups[name] = kind
        own = get_type_hints(kind, include_extras=True)
        shown += [
            parameter.replace(
                name=field.name,
                default=getattr(parameter.default, field.name, field.default),
                annotation=own[field.name],
            )
            for field in fields(kind)
        ]

    @functools.wraps(command)
    def call(**given: Any) -> None:
        folded = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**folded, **given)

    call.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    call.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    return call


def _blackout(text: str) -> tuple[float, float]:
    try:
        start_s, length_s = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"A blackout is START,LENGTH in seconds, for example 5,3; not {text!r}."
        ) from None
    if not (0 <= start_s < math.inf and 0 < length_s < math.inf):
        raise UsageError(
            f"A blackout starts at 0 s or later and lasts more than 0 s, not {text!r}."
        )
    return start_s, length_s
