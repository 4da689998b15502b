"""The heat pad on skin, and the board's own supervisor in charge of it.

===========  ==================================================================================
module       what it does
===========  ==================================================================================
_skin        core, skin, deep tissue, dilation: a lumped model
_trips       the hardware behind the supervisor: two cut-offs, timer, watchdog, USB gate
thermistors  those of the face, and how any of the five breaks
_pad         sensors, switches, supply, and every way in which they break
_bench       lets time pass, for board, host and wearer
compiled     the board's supervisor, compiled from the same files
wearer       the nominal wearer and random ones
wires        the pad in real time, on the pins of a virtual board
board        a board that is ready to heat
faults       the fault list: how each is brought about, and how fast heat has to be off
campaign     many wearers, many faults
===========  ==================================================================================
"""
