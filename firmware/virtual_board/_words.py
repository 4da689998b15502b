"""Numbers out of buffers that the twin fills, without allocating."""

import micropython


@micropython.viper
def low_and_high(words: ptr32) -> int:
    # 62 bits hold any count that occurs: a small integer.
    return int(words[0]) | int(words[1]) << 32
