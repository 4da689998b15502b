"""What differs between the ADS1298 and the ADS1299.

Ref: TI SBAS459 (ADS1298) and SBAS499 (ADS1299), section "Register Maps".
"""

ID_ADS1298 = 0x92
ID_ADS1299 = 0x3E


class Part:
    """One member of the family.

    Parameters
    ----------
    name : str
    gains : tuple of int
        By the code in CHnSET.
    vref_mv : int
        Internal reference.
    config1_2k, config2, config3 : int
        2 kSPS; no test signal; reference buffer and bias amplifier on.
    loff : int
        DC lead-off, 6 nA, threshold 95 %.
    """

    def __init__(self, name, gains, vref_mv, config1_2k, config2, config3, loff):
        self.name = name
        self.gains = gains
        self.vref_mv = vref_mv
        self.config1_2k = config1_2k
        self.config2 = config2
        self.config3 = config3
        self.loff = loff

    def gain_code(self, gain):
        """Return GAIN of CHnSET, in its place.

        Raises
        ------
        ValueError
            If this part has no such gain.
        """
        return self.gains.index(gain) << 4

    def lsb_fv(self, gain):
        """Return femtovolt per count at the electrode."""
        return self.vref_mv * 10**12 // (gain * (2**23 - 1))


PARTS = {
    ID_ADS1298: Part("ADS1298", (6, 1, 2, 3, 4, 8, 12), 2400, 0x84, 0x00, 0xCC, 0x03),
    ID_ADS1299: Part("ADS1299", (1, 2, 4, 6, 8, 12, 24), 4500, 0x93, 0xC0, 0xEC, 0x00),
}
