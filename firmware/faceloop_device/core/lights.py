"""What the one light says. Highest line that is true wins.

==================  ==============================================================
pattern             when
==================  ==============================================================
HELD                the button has been held for 5 s: let go, or reset at 15 s
PAIRING             a key may be fetched, a bond made: for a minute after 5 s on the button
HEAT_FAULT          heat is off because of a fault, until that is cleared on the board
FAULT               a fault is shown in the state
BATTERY_LOW         the battery is too low to start
STREAMING           the converter runs
LINKED              a host is connected
DARK                standby
IDLE                waiting for a host
==================  ==============================================================
"""

# (period in ms, time lit in ms, how often in a row)
HELD = (100, 50, 1)
PAIRING = (1500, 150, 2)
HEAT_FAULT = (2400, 200, 5)
FAULT = (400, 200, 1)
BATTERY_LOW = (3000, 100, 3)
STREAMING = (2000, 1000, 1)
LINKED = (1000, 1000, 1)
IDLE = (3000, 50, 1)
DARK = (1000, 0, 1)


def is_lit(pattern, now_ms):
    """Return whether the light is on at ``now_ms``; allocates nothing."""
    period_ms, lit_ms, n = pattern
    at_ms = now_ms % period_ms
    return at_ms < lit_ms * (2 * n - 1) and at_ms // lit_ms % 2 == 0 if lit_ms else False


def choose(
    is_held, is_pairing, is_heat_fault, is_fault, is_low, is_streaming, is_linked, is_standby
):
    """Return the pattern of the highest line that is true; allocates nothing."""
    if is_held:
        return HELD
    if is_pairing:
        return PAIRING
    if is_heat_fault:
        return HEAT_FAULT
    if is_fault:
        return FAULT
    if is_low:
        return BATTERY_LOW
    if is_streaming:
        return STREAMING
    if is_linked:
        return LINKED
    return DARK if is_standby else IDLE
