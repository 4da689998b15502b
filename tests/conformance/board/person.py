"""Presses of the button, told by their length; what the light shows, and when."""

from faceloop_device.core import lights
from faceloop_device.core.button import LONG_PRESS, PRESS, RESET_PRESS, Button

STEP_MS = 20


def play(*levels, start_ms=0x3FFFFFFF - 4000):
    """Return what comes of pairs of (is down, for how many ms)."""
    button = Button()
    now_ms = start_ms
    seen = []
    for is_down, length_ms in levels:
        for _ in range(length_ms // STEP_MS):
            press = button.look(is_down, now_ms & 0x3FFFFFFF)
            if press:
                seen.append(press)
            now_ms += STEP_MS
    return seen


def presses_are_told_by_their_length():
    for length_ms, expected in (
        (100, [PRESS]),
        (1900, [PRESS]),
        (3000, []),
        (5200, [LONG_PRESS]),
        (14000, [LONG_PRESS]),
        (15200, [RESET_PRESS]),
        (60000, [RESET_PRESS]),
    ):
        assert play((False, 500), (True, length_ms), (False, 500)) == expected, length_ms
    assert play((False, 500), *[(True, 200), (False, 200)] * 3) == [PRESS] * 3


def bounces_and_stuck_buttons_do_nothing():
    assert play((False, 500), *[(True, 20), (False, 20)] * 50, (False, 500)) == []
    assert play((True, 60000), (False, 500)) == [], "down since the start"
    assert play((True, 60000), (False, 500), (True, 100), (False, 500)) == [PRESS]


def light_shows_the_highest_line_that_is_true():
    order = (
        lights.HELD,
        lights.HEAT_FAULT,
        lights.FAULT,
        lights.BATTERY_LOW,
        lights.STREAMING,
        lights.LINKED,
        lights.DARK,
        lights.IDLE,
    )
    for n, pattern in enumerate(order):
        facts = [False] * n + [True] * (7 - n)
        assert lights.choose(*facts) is pattern, n
    shown = set()
    for pattern in order:
        lit = bytes(int(lights.is_lit(pattern, ms)) for ms in range(0, 12000, 10))
        shown.add(lit)
        period_ms, lit_ms, n = pattern
        assert sum(lit) * 10 == 12000 // period_ms * lit_ms * n, pattern
    assert len(shown) == len(order), "no two look the same"


for test in (
    presses_are_told_by_their_length,
    bounces_and_stuck_buttons_do_nothing,
    light_shows_the_highest_line_that_is_true,
):
    test()
    print("ok", test.__name__)
