"""Which pages there are, room by room: whoever builds a room adds it here."""

from __future__ import annotations

from faceloop.ui.heat_view import HeatView
from faceloop.ui.settings_view import SettingsView
from faceloop.ui.shell import Room
from faceloop.ui.signal_view import SignalView
from faceloop.ui.welcome_view import WelcomeView

__all__ = ["ROOMS"]

# Train is the patient's. "review" (therapist) and "bench" (builder) have their names in the
# catalogues; with a second room the header shows a way from one to the other.
ROOMS = (Room("train", (WelcomeView, SignalView, HeatView, SettingsView)),)
