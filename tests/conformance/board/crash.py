"""An exception is written down, counted over the restarts, and given up when it comes back."""

import os
import sys

from faceloop_device.core.crash import (
    ARMED_FILE,
    CAUSE_FILE,
    MAX_RESTARTS,
    RESTART_FILE,
    STEADY_MS,
    Crash,
)

folder = sys.argv[1]


def fail(words, ran_ms, has_run=True):
    """Start, fail after ``ran_ms``; return (restarts that led here, whether to start again)."""
    crash = Crash(folder)
    restarts = crash.take()
    try:
        raise ValueError(words)
    except ValueError as error:
        return restarts, crash.keep(error, ran_ms, has_run)


assert Crash(folder).take() == 0
assert fail("the first", 10) == (0, True)
assert Crash(folder).take() == 1
assert Crash(folder).take() == 0, "a start by hand is none after a fault"
with open(folder + CAUSE_FILE) as file:
    assert "ValueError: the first" in file.read()

for n in range(MAX_RESTARTS):
    assert fail("again", STEADY_MS) == (n, True)
assert fail("again", STEADY_MS) == (MAX_RESTARTS, False)
assert RESTART_FILE not in os.listdir(folder), "the next start is a fresh one"
assert fail("again", 10) == (0, True)
for _ in range(2 * MAX_RESTARTS):
    assert fail("after long work", STEADY_MS + 1) == (1, True)

assert fail("no radio", 10, has_run=False) == (1, False)
assert fail("no radio", 10, has_run=False) == (0, False), "the same at every start"

# a hang: found out by who finds the program armed after a reset by the watchdog
for n in range(MAX_RESTARTS + 1):
    crash = Crash(folder)
    assert crash.take(n > 0) == n and crash.has_hung == (n > 0)
    assert crash.may_run()
    crash.arm(10)
    crash.arm(10)
crash = Crash(folder)
assert crash.take(True) == MAX_RESTARTS + 1 and not crash.may_run()
with open(folder + CAUSE_FILE) as file:
    assert "hung" in file.read()
assert Crash(folder).take(True) == 0, "the next start is a fresh one"

crash = Crash(folder)
crash.arm(10)
crash = Crash(folder)
assert crash.take(False) == 0 and not crash.has_hung, "switched off while it ran"
crash.arm(STEADY_MS + 1)
crash.disarm()
assert ARMED_FILE not in os.listdir(folder)
assert Crash(folder).take(True) == 0, "a reset on purpose"
crash.give_up()
crash = Crash(folder)
crash.take(True)
assert not crash.may_run() and Crash(folder).take() == 0

with open(folder + RESTART_FILE, "w") as file:
    file.write("nonsense")
assert Crash(folder).take() == 0
assert not Crash(folder + "no/such/folder/").keep(ValueError("x"), 10, True), (
    "nobody would be told"
)
print("ok")
