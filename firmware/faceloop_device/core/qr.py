"""The QR code of the board's label, for a terminal: who has nothing else can scan it.

Ref: ISO/IEC 18004:2015. One size is enough, version 3 with error correction M: 61 of the 45
characters that QR codes pack two by two, and a label has 53.
"""

SIZE = 29
MOST_CHARS = 61
_CHARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_DATA_BYTES = 44
_CHECK_BYTES = 26
_FORMAT = 0x5412  # 8.9: error correction M, mask 0
_FREE = 2


def qr_rows(text):
    """Return the code as ``SIZE`` rows of bytes, 1 for dark.

    Parameters
    ----------
    text : str
        At most ``MOST_CHARS`` digits, capitals and ``$%*+-./:``.

    Raises
    ------
    ValueError
        If it is longer, or has another character.
    """
    data = _packed(text)
    rows = [bytearray([_FREE] * SIZE) for _ in range(SIZE)]
    _draw_patterns(rows)
    _draw_data(rows, data + _checked(data))
    return rows


def qr_lines(text):
    """Return lines for a terminal: two rows in each, light on dark, with a margin."""
    rows = qr_rows(text)
    lines = []
    for y in range(-2, SIZE + 2, 2):
        line = ""
        for x in range(-2, SIZE + 2):
            line += " \u2584\u2580\u2588"[2 * _is_light(rows, x, y) + _is_light(rows, x, y + 1)]
        lines.append("\x1b[97;40m" + line + "\x1b[0m")
    return lines


def _is_light(rows, x, y):
    is_inside = 0 <= x < SIZE and 0 <= y < SIZE
    return not (is_inside and rows[y][x])


def _packed(text):
    """Return the data bytes: mode, length, characters by twos, end, padding (7.4)."""
    n = len(text)
    if n > MOST_CHARS:
        raise ValueError("a QR code of this size holds %d characters" % MOST_CHARS)
    bits = 0b0010 << 9 | n
    n_bits = 13
    for at in range(0, n, 2):
        value = _CHARS.index(text[at])
        if at + 1 < n:
            bits = bits << 11 | value * 45 + _CHARS.index(text[at + 1])
            n_bits += 11
        else:
            bits = bits << 6 | value
            n_bits += 6
    n_end = min(4, 8 * _DATA_BYTES - n_bits)
    n_end += -(n_bits + n_end) % 8
    packed = bytearray((bits << n_end).to_bytes((n_bits + n_end) // 8, "big"))
    while len(packed) < _DATA_BYTES:
        packed.append(0xEC)
        if len(packed) < _DATA_BYTES:
            packed.append(0x11)
    return packed


def _times(a, b):
    """Return the product in the field of 256 elements (7.5.2)."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11D
        b >>= 1
    return product


def _checked(data):
    """Return the Reed-Solomon bytes: what is left of the data divided by the generator."""
    generator = bytearray([1] + [0] * _CHECK_BYTES)
    root = 1
    for n in range(_CHECK_BYTES):
        for i in range(n + 1, 0, -1):
            generator[i] ^= _times(generator[i - 1], root)
        root = _times(root, 2)
    left = bytearray(_CHECK_BYTES)
    for byte in data:
        first = byte ^ left[0]
        left = left[1:] + b"\x00"
        for i in range(_CHECK_BYTES):
            left[i] ^= _times(generator[i + 1], first)
    return left


def _draw_patterns(rows):
    """Draw what is the same in every code of this size (6.3), and the format (7.9)."""
    last = SIZE - 1
    for top, left in ((0, 0), (0, last - 6), (last - 6, 0)):
        for y in range(max(top - 1, 0), min(top + 8, SIZE)):
            for x in range(max(left - 1, 0), min(left + 8, SIZE)):
                ring = max(abs(y - top - 3), abs(x - left - 3))
                rows[y][x] = ring in (0, 1, 3)
    for i in range(8, last - 7):
        rows[6][i] = rows[i][6] = i % 2 == 0
    for y in range(-2, 3):
        for x in range(-2, 3):
            rows[22 + y][22 + x] = max(abs(y), abs(x)) != 1
    for i in range(15):
        bit = _FORMAT >> i & 1
        rows[i if i < 6 else i + 1 if i < 8 else last - 14 + i][8] = bit
        rows[8][last - i if i < 8 else 7 if i == 8 else 14 - i] = bit
    rows[last - 7][8] = 1


def _draw_data(rows, data):
    """Fill two columns at a time from the right, upwards and downwards in turn (7.7.3)."""
    n = 0
    is_up = True
    for right in (28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 5, 3, 1):
        for step in range(SIZE):
            y = SIZE - 1 - step if is_up else step
            for x in (right, right - 1):
                if rows[y][x] != _FREE:
                    continue
                bit = data[n >> 3] >> (7 - n % 8) & 1 if n < 8 * len(data) else 0
                rows[y][x] = bit ^ ((y + x) % 2 == 0)
                n += 1
        is_up = not is_up
