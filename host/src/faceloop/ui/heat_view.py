"""The page of the heat pad."""

from __future__ import annotations

from faceloop.session.live import LiveStatus
from faceloop.ui.heat_panel import HeatPanel
from faceloop.ui.shell import View

__all__ = ["HeatView"]


class HeatView(View):
    """Heat, on a page of its own."""

    name = "heat"
    title = "nav.heat"
    is_listed = True
    stops_heat = True

    def build(self) -> None:
        """Put the page together."""
        self._panel = HeatPanel(self.state.heat, self.state.room, self.text)

    def refresh(self, status: LiveStatus) -> None:
        """Say what is new."""
        self._panel.refresh()
