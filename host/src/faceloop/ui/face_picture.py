"""A drawing of a plain face with the electrodes of a montage on it, left and right as in a mirror.

Our own drawing, of nobody: an outline, no expression. Places are those of the electrode table of
the clinical reference (one pair per muscle and side, 1 cm apart, along the fibres); on a face of
14 cm width one centimetre is 16 units here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from faceloop.session.live import MusclePair
from faceloop.ui.elements import Text, tag

__all__ = ["SITES", "FacePicture", "Site"]

WIDTH, HEIGHT, MIDDLE = 320, 436, 160
DOT, RING = 5, 8


@dataclass(frozen=True, slots=True)
class Site:
    """Both contacts of a pair on one side: distance from the midline and height, in units.

    Parameters
    ----------
    first, second : (int, int)
    label : (int, int)
        Where the number stands.
    """

    first: tuple[int, int]
    second: tuple[int, int]
    label: tuple[int, int]


SITES: Mapping[str, Site] = {
    "frontalis": Site((50, 118), (50, 100), (72, 108)),
    "corrugator": Site((28, 130), (44, 124), (20, 112)),
    "orbicularis_oculi": Site((74, 190), (60, 198), (96, 193)),
    "levator_labii_superioris": Site((34, 226), (40, 242), (20, 244)),
    "zygomaticus_major": Site((74, 238), (62, 250), (88, 224)),
    "orbicularis_oris": Site((36, 314), (20, 318), (52, 330)),
    "depressor_anguli_oris": Site((48, 316), (52, 332), (70, 322)),
    "mentalis": Site((14, 332), (14, 349), (32, 346)),
    "platysma": Site((62, 392), (52, 407), (80, 408)),
    "masseter": Site((87, 270), (81, 286), (107, 282)),
}
# The face, right half and left half mirrored; drawn once, with the line of the theme.
_OUTLINE = (
    "M160 24 C92 24 50 74 48 150 C47 196 52 236 62 270 C72 306 98 340 126 364"
    " C140 375 180 375 194 364 C222 340 248 306 258 270 C268 236 273 196 272 150"
    " C270 74 228 24 160 24 Z"
)
_LINES = (
    "M47 168 C30 158 24 180 32 202 C38 220 46 226 54 222",  # ears
    "M273 168 C290 158 296 180 288 202 C282 220 274 226 266 222",
    "M112 352 C112 384 104 404 70 424",  # neck
    "M208 352 C208 384 216 404 250 424",
    "M82 143 C96 133 118 132 132 140",  # brows
    "M238 143 C224 133 202 132 188 140",
    "M84 172 C96 160 120 160 132 173 C120 182 97 182 84 172 Z",  # eyes
    "M236 172 C224 160 200 160 188 173 C200 182 223 182 236 172 Z",
    "M152 178 C150 204 144 222 142 232 C148 243 172 243 178 232 C176 222 170 204 168 178",
    "M122 296 C138 286 150 286 160 290 C170 286 182 286 198 296",  # mouth
    "M122 296 C140 300 180 300 198 296",
    "M122 296 C140 316 180 316 198 296",
)
_STATES = ("unknown", "good", "check", "loose")


class FacePicture:
    """The drawing; each pair of contacts shows its number and state, by form and by colour.

    Parameters
    ----------
    muscles : tuple of MusclePair
    title : str
        What a screen reader says of the whole; the electrodes are listed beside it.
    """

    def __init__(self, muscles: tuple[MusclePair, ...], title: str) -> None:
        self._sites: dict[int, Text] = {}
        with tag(
            *("svg", "", "fl-face"),
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            aria_label=title,
            preserveAspectRatio="xMidYMid meet",
        ):
            tag("path", d=_OUTLINE, classes="fl-face-skin")
            for line in _LINES:
                tag("path", d=line, classes="fl-face-line")
            for pair in muscles:
                site = SITES.get(pair.muscle)
                if site is not None:
                    self._draw(pair.left, site, -1)
                    self._draw(pair.right, site, 1)

    def show(self, channel: int, state: str, *, is_now: bool = False) -> None:
        """Show how a pair is: ``unknown``, ``good``, ``check`` or ``loose``.

        Parameters
        ----------
        channel : int
        state : str
        is_now : bool
            It is this one's turn.
        """
        assert state in _STATES, state
        site = self._sites.get(channel)
        if site is not None:
            site.set_attribute("data-state", state)
            site.set_attribute("data-now", str(is_now).lower())

    def _draw(self, channel: int, site: Site, side: int) -> None:
        def x(distance: int) -> int:
            return MIDDLE + side * distance

        name = "left" if side < 0 else "right"
        group = tag("g", classes=f"fl-site fl-site-{name}", data_state="unknown")
        with group:
            (x1, y1), (x2, y2) = site.first, site.second
            tag("line", x1=x(x1), y1=y1, x2=x(x2), y2=y2, classes="fl-site-pair")
            for distance, y in (site.first, site.second):
                tag("circle", cx=x(distance), cy=y, r=RING, classes="fl-site-ring")
                tag("circle", cx=x(distance), cy=y, r=DOT, classes="fl-site-dot")
            tag("text", str(channel + 1), "fl-site-number", x=x(site.label[0]), y=site.label[1])
        self._sites[channel] = group
