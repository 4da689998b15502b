"""faceloop_heat: decides about the heat pad, and nothing else does.

A software item of its own (IEC 62304, class B by virtue of the hardware behind it): it imports
Python's ``array``, ``struct`` and ``binascii``, the protocol's heat files, and itself. A test
enforces that. It runs under MicroPython on the board; the host runs the same files, plain or
compiled, on a simulated pad. All numbers are integers, and a tick allocates nothing.

==========  =================================================================================
module      what it does
==========  =================================================================================
hal         what the supervisor asks of the hardware: readings, two switches, watchdog, storage
thermistor  code of the converter to temperature
sensors     five sensors and the fixed resistor: range, agreement, frozen readings
checks      consistency of power, temperature, supply, switches and clock
dose        equivalent minutes at 43 C
controller  PI with feed-forward and reference governor
ledger      what survives a reset: sessions, dose, faults
selftest    proves both switches and both cut-offs before heat
leadtest    proves before heat comes back that the core leads, and skin takes the warmth
session     one session: its time, dose and power
output      two switches and the watchdog
parts       what all states share: the parts, latching, the flash
heating     WARMUP, HOLD, PAUSED, COOL: heat, and what turns it off
start       BOOT_TEST, OFF, WAIT_BUTTON, LATCHED: the way to heat, and back to the test
supervisor  the table of states, what a host may ask, the tick
==========  =================================================================================
"""
