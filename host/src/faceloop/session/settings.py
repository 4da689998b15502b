"""How a session's signal is judged: kept with its recording, so that it can be done again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from faceloop.errors import UsageError
from faceloop.session.analysis import Analysis
from faceloop.session.converter import CONVERTER_KEY, Converter, converter_in
from faceloop.session.live import Side
from faceloop.session.montage import montage_named
from faceloop_dsp import RestReference
from faceloop_protocol.info import Info
from faceloop_protocol.limits import N_CHANNELS

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What an analysis needs besides the signal.

    Parameters
    ----------
    montage : str
    affected_side : str or None
    rest_s : float
        Seconds of rest to learn from at the start.
    mains_hz : float or None
        None finds out.
    played : str
        What a virtual board played instead of a person; empty for a person.
    played_labels : tuple of str
        Names of the channels of the file that it played, in the order of the electrodes; none
        where it played no file.
    converter : "ads1298" or None
        Whose filter the core makes good; see ``faceloop.session.converter``.
    """

    montage: str
    affected_side: Side | None
    rest_s: float
    mains_hz: float | None
    played: str = field(default="", compare=False)
    converter: Converter | None = None
    played_labels: tuple[str, ...] = field(default=(), compare=False)

    def analysis(
        self,
        fs_hz: float,
        lsb_uv: float,
        rest: RestReference | None = None,
        rest_frame: int = 0,
        first_frame: int = 0,
    ) -> Analysis:
        """Return an analysis that has seen nothing yet.

        Parameters
        ----------
        fs_hz, lsb_uv : float
        rest : RestReference, optional
            Used from ``rest_frame`` on; then none is learnt.
        rest_frame : int
        first_frame : int
            With which it begins.

        Raises
        ------
        UsageError
            If there is no such montage.
        """
        return Analysis(
            montage_named(self.montage),
            self.affected_side,
            fs_hz=fs_hz,
            lsb_uv=lsb_uv,
            mains_hz=self.mains_hz,
            converter=self.converter,
            rest_s=self.rest_s,
            rest=rest,
            rest_frame=rest_frame,
            first_frame=first_frame,
        )

    def analysis_on(
        self,
        info: Info,
        rest: RestReference | None = None,
        rest_frame: int = 0,
        first_frame: int = 0,
    ) -> Analysis:
        """Return ``analysis`` of what a board sends that described itself."""
        fs_hz, lsb_uv = float(info.fs_hz), info.lsb_fv * 1e-9
        return self.analysis(fs_hz, lsb_uv, rest, rest_frame, first_frame)

    def to_json(self) -> dict[str, Any]:
        """Return what decides how a signal is judged, by name."""
        return {
            "montage": self.montage,
            "affected_side": self.affected_side,
            "rest_s": self.rest_s,
            "mains_hz": self.mains_hz,
            CONVERTER_KEY: self.converter,
        }

    def to_extra(self, rest: RestReference | None = None) -> dict[str, Any]:
        """Return what a journal's header has no member of its own for.

        Parameters
        ----------
        rest : RestReference, optional
            Which the session knows already.
        """
        extra: dict[str, Any] = {
            "rest_s": self.rest_s,
            "mains_hz": self.mains_hz,
            CONVERTER_KEY: self.converter,
        }
        if self.played:
            extra["played"] = self.played
        if self.played_labels:
            extra["played_labels"] = list(self.played_labels)
        if rest is not None:
            extra["rest"] = rest.as_dict()
        return extra

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> Settings | None:
        """Return those in a journal's header as JSON; None when they are not all there."""
        extra = header.get("extra")
        side = header.get("affected_side") or None
        if not isinstance(extra, dict) or side not in (None, "left", "right"):
            return None
        rest_s, mains_hz = extra.get("rest_s"), extra.get("mains_hz")
        if not isinstance(rest_s, int | float) or not isinstance(mains_hz, int | float | None):
            return None
        try:
            montage = montage_named(str(header.get("montage"))).name
        except UsageError:
            return None
        converter = converter_in(extra.get(CONVERTER_KEY))
        played, labels = str(extra.get("played") or ""), extra.get("played_labels")
        names = tuple(map(str, labels[:N_CHANNELS])) if isinstance(labels, list) else ()
        return cls(
            montage=montage,
            affected_side=side,
            rest_s=rest_s,
            mains_hz=mains_hz,
            played=played,
            converter=converter,
            played_labels=names,
        )
