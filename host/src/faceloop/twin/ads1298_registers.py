"""Registers, commands and constants of the ADS1298 and ADS1299: numbers from the data sheets.

Ref: TI SBAS459K (ADS1298), SBAS499C (ADS1299): register map (9.6), SPI commands (9.5.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["ADS1298", "ADS1299", "FRAME_BYTES", "F_CLK_HZ", "N_REGISTERS", "Opcode", "Profile"]

F_CLK_HZ = 2_048_000
FRAME_BYTES = 27
N_REGISTERS = 26
POWER_ON_S = 2**18 / F_CLK_HZ
REFERENCE_SETTLE_S = 0.150
SCLK_MAX_HZ = 20_000_000
BACK_TO_BACK_MAX_HZ = 8 * F_CLK_HZ // 4
"""Fastest clock at which a command's bytes may follow without a gap: 4 tCLK for 8 bits."""

ID, CONFIG1, CONFIG2, CONFIG3, LOFF, CH1SET = range(6)
RLD_SENSP, RLD_SENSN, LOFF_SENSP, LOFF_SENSN, LOFF_FLIP = range(0x0D, 0x12)
LOFF_STATP, LOFF_STATN, GPIO, PACE, RESP, CONFIG4, WCT1, WCT2 = range(0x12, 0x1A)

RREG, WREG = 0x20, 0x40


class Opcode(IntEnum):
    """One-byte commands."""

    NOP = 0x00
    WAKEUP = 0x02
    STANDBY = 0x04
    RESET = 0x06
    START = 0x08
    STOP = 0x0A
    RDATAC = 0x10
    SDATAC = 0x11
    RDATA = 0x12


@dataclass(frozen=True)
class Profile:
    """What differs between the members of the family.

    Parameters
    ----------
    name : str
        Part number.
    resets : bytes
        Value of each register after a reset; the first one is the ID.
    writable : bytes
        Bits of each register that a WREG can change.
    gains : tuple of int
        Gain of each code of CHnSET.GAIN; 0 marks a reserved code.
    vref_v : float
        Internal reference with VREF_4V = 0.
    top_rate_hz, top_rate_lp_hz : int
        Data rate at DR = 0, with CONFIG1.HR set and clear.
    """

    name: str
    resets: bytes
    writable: bytes
    gains: tuple[int, ...]
    vref_v: float
    top_rate_hz: int
    top_rate_lp_hz: int


def _table(head: str, channel: str, tail: str) -> bytes:
    return bytes.fromhex(head + channel * 8 + tail)


ADS1298 = Profile(
    name="ADS1298",
    resets=_table("92 06 00 40 00", "00", "00 00 00 00 00 00 00 0F 00 00 00 00 00"),
    writable=_table("00 E7 37 BE FF", "F7", "FF FF FF FF FF 00 00 FF 1F FF EE FF FF"),
    gains=(6, 1, 2, 3, 4, 8, 12, 0),
    vref_v=2.4,
    top_rate_hz=32_000,
    top_rate_lp_hz=16_000,
)
ADS1299 = Profile(
    name="ADS1299",
    resets=_table("3E 96 C0 60 00", "61", "00 00 00 00 00 00 00 0F 00 00 00 00 00"),
    writable=_table("00 67 17 9E EF", "FF", "FF FF FF FF FF 00 00 FF 20 00 0A 00 00"),
    gains=(1, 2, 4, 6, 8, 12, 24, 0),
    vref_v=4.5,
    top_rate_hz=16_000,
    top_rate_lp_hz=16_000,
)
