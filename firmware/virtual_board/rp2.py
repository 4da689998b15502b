"""`rp2` of the virtual board, with the interface of MicroPython 1.29 on the RP2350.

Ref: docs.micropython.org/en/v1.29.0/library/rp2.html.
"""

from _dma import DMA
from _pioasm import PIOASMError, asm_pio, asm_pio_encode
from _state_machine import PIO, StateMachine
