"""Which pages there are, room by room: whoever builds a room adds it here."""

from __future__ import annotations

from faceloop.ui.heat_view import HeatView
from faceloop.ui.profile_view import ProfileView
from faceloop.ui.results_view import ResultsView
from faceloop.ui.settings_view import SettingsView
from faceloop.ui.setup_view import SetupView
from faceloop.ui.shell import Room
from faceloop.ui.signal_view import SignalView
from faceloop.ui.therapist_view import TherapistView
from faceloop.ui.today_view import TodayView
from faceloop.ui.training_view import TrainingView
from faceloop.ui.welcome_view import WelcomeView

__all__ = ["ROOMS"]

# Train is the patient's. "review" (therapist) and "bench" (builder) have their names in the
# catalogues; with a second room the header shows a way from one to the other.
ROOMS = (
    Room(
        "train",
        (
            WelcomeView,
            ProfileView,
            TodayView,
            SetupView,
            TrainingView,
            ResultsView,
            HeatView,
            SignalView,
            SettingsView,
            TherapistView,
        ),
    ),
)
