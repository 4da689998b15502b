"""Presses of the button, told by their length; what the light shows, and when."""

import sys
import time


class Pin:
    IN = OUT = PULL_UP = 0

    def __init__(self, number, mode=0, pull=0, value=0):
        self.number = number
        levels.setdefault(number, 1)

    def value(self, level=None):
        if level is None:
            return levels[self.number]
        levels[self.number] = level


class FakeMachine:
    ADC = PWM = None
    Pin = Pin


class Pins:
    BUTTON, LED, MOTOR = 1, 2, 3


levels = {}  # by pin; a button that is not pressed is high
sys.modules["machine"] = FakeMachine

from faceloop_device import wearer as module  # noqa: E402
from faceloop_device.core import lights  # noqa: E402  the machine has to be there first
from faceloop_device.core.button import LONG_PRESS, PRESS, RESET_PRESS, Button  # noqa: E402

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
        lights.PAIRING,
        lights.HEAT_FAULT,
        lights.FAULT,
        lights.BATTERY_LOW,
        lights.STREAMING,
        lights.LINKED,
        lights.DARK,
        lights.IDLE,
    )
    for n, pattern in enumerate(order):
        facts = [False] * n + [True] * (8 - n)
        assert lights.choose(*facts) is pattern, n
    shown = set()
    for pattern in order:
        lit = bytes(int(lights.is_lit(pattern, ms)) for ms in range(0, 12000, 10))
        shown.add(lit)
        period_ms, lit_ms, n = pattern
        assert sum(lit) * 10 == 12000 // period_ms * lit_ms * n, pattern
    assert len(shown) == len(order), "no two look the same"


def light_goes_out_where_nobody_wants_anything_for_ten_minutes():
    # Not the computer's clock: it may go on between the wearer's first look at it and ours.
    now_ms = 0x3FFFFFFF - 100000

    class Clock:
        ticks_ms = staticmethod(lambda: now_ms)
        ticks_add, ticks_diff = time.ticks_add, time.ticks_diff

    module.time = Clock
    wearer = module.Wearer(Pins)

    def second(is_linked=False):
        """Pass one; return whether the light was on in it."""
        nonlocal now_ms
        wearer.report(now_ms, False, False, False, False, is_linked, False, False)
        is_seen = False
        for _ in range(50):
            now_ms = time.ticks_add(now_ms, STEP_MS)
            wearer.look(now_ms)
            is_seen = is_seen or bool(levels[Pins.LED])
        return is_seen

    def until_dark_s():
        for n in range(1, 700):
            second()
            if wearer.is_standby(now_ms):
                return n

    assert any([second() for _ in range(4)])
    assert until_dark_s() == 600 - 4 + 1
    assert not any([second() for _ in range(8)])
    assert second(is_linked=True) and not wearer.is_standby(now_ms), "a host"
    assert 599 <= until_dark_s() <= 601
    for level in (0, 1):
        levels[Pins.BUTTON] = level
        second()
    assert wearer.presses == 1 and not wearer.is_standby(now_ms), "a press"
    assert any([second() for _ in range(4)])


for test in (
    light_goes_out_where_nobody_wants_anything_for_ten_minutes,
    presses_are_told_by_their_length,
    bounces_and_stuck_buttons_do_nothing,
    light_shows_the_highest_line_that_is_true,
):
    test()
    print("ok", test.__name__)
