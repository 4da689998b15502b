"""faceloop_protocol: the one definition of what board and host say to each other.

The same files run on the board (MicroPython) and on the host (CPython). Nothing here imports
anything of ours from outside this package, and nothing allocates per frame on the board.

=============  ==============================================================================
module         what it defines
=============  ==============================================================================
uuids          GATT services and characteristics
limits         sizes, windows and times that both sides rely on
stream         header of a stream packet, its keystream blocks
rice           payload of a stream packet (reference codec)
control        commands and replies
session        mutual proof, session keys, tags
config         how a board is set up
info           what a board says about itself ("describe")
state          what a board reports once a second
selftest       what a board finds out about its front end
heat           states, causes and commands of the heat pad
heat_limits    numbers that keep it safe, with their sources
serial_frame   the same messages over a USB serial port
reports        fields of ``state`` and of heat's state; for the host only
texts          what numbers mean, in words; for the host only
errors         the one exception of every parser
=============  ==============================================================================
"""

PROTOCOL_VERSION = 1
