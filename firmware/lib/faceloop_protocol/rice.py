"""Payload of a stream packet: first differences in adaptive Rice code, channel after channel.

Bits are written most significant first. For each of the eight channels:

- ``k``: 4 bits, 0-14 the Rice parameter, 15 means raw;
- the first value: ``24 - shift`` bits, two's complement;
- raw: each further value in ``24 - shift`` bits;
- Rice: each further value as the difference ``d`` to the one before, folded to
  ``u = 2d (d >= 0) or -2d - 1``: quotient ``u >> k`` as ones ended by a zero, then ``k`` bits.
  A quotient of 15 or more is fifteen ones followed by ``u`` in ``25 - shift`` bits.

``k`` is the smallest with ``(n - 1) << k >= 11/16 of the sum of u`` (the mean times ln 2), and a
channel goes raw as soon as Rice would cost as much, so noise and rails never cost more than raw.

This is the reference: the board's viper encoder and the host's compiled decoder must agree with
it byte for byte (``tests/vectors/rice.json``).
"""

from ._compat import const
from .errors import ProtocolError
from .limits import MAX_PAYLOAD_BYTES, N_CHANNELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compat import Bytes, Sequence

K_BITS = const(4)
K_RAW = const(15)
ESCAPE = const(15)


def fold(difference: int) -> int:
    """Map a signed difference to an unsigned number, small magnitudes first."""
    return (difference << 1) if difference >= 0 else -(difference << 1) - 1


def choose_k(folded_sum: int, n_residuals: int) -> int:
    """Return the Rice parameter for ``n_residuals`` folded differences of this sum."""
    bound = (folded_sum * 11) >> 4
    k = 0
    while k < K_RAW and (n_residuals << k) < bound:
        k += 1
    return k


def channel_bits(values: "Sequence[int]", shift: int) -> "tuple[int, int]":
    """Return ``(k, bits)`` for one channel: its parameter (15 = raw) and its cost in bits."""
    width = 24 - shift
    head = K_BITS + width
    residuals = [fold(values[i] - values[i - 1]) for i in range(1, len(values))]
    raw = width * len(residuals)
    k = choose_k(sum(residuals), len(residuals))
    if k >= K_RAW:
        return K_RAW, head + raw
    cost = 0
    for u in residuals:
        q = u >> k
        cost += q + 1 + k if q < ESCAPE else ESCAPE + width + 1
    if cost >= raw:
        return K_RAW, head + raw
    return k, head + cost


def encode(frames: "Sequence[Sequence[int]]", shift: int) -> bytes:
    """Encode frames of eight values each, already shifted right by ``shift``.

    Parameters
    ----------
    frames : sequence of sequences of int
        ``n_frames`` rows of eight values in ``-2**(23 - shift) .. 2**(23 - shift) - 1``.
    shift : int
        Bits that were cut off, 0-7.

    Returns
    -------
    bytes
        The payload; the last byte is filled up with zeros.
    """
    width = 24 - shift
    mask = (1 << width) - 1
    acc = 0
    n_bits = 0
    for channel in range(N_CHANNELS):
        values = [row[channel] for row in frames]
        k, _ = channel_bits(values, shift)
        acc = (((acc << K_BITS) | k) << width) | (values[0] & mask)
        n_bits += K_BITS + width
        for i in range(1, len(values)):
            if k == K_RAW:
                acc = (acc << width) | (values[i] & mask)
                n_bits += width
                continue
            u = fold(values[i] - values[i - 1])
            q = u >> k
            if q < ESCAPE:
                acc = (acc << (q + 1)) | (((1 << q) - 1) << 1)
                acc = (acc << k) | (u & ((1 << k) - 1))
                n_bits += q + 1 + k
            else:
                acc = (acc << (ESCAPE + width + 1)) | (((1 << ESCAPE) - 1) << (width + 1)) | u
                n_bits += ESCAPE + width + 1
    pad = -n_bits % 8
    return (acc << pad).to_bytes((n_bits + pad) // 8, "big")


def half_rate(counts: "Sequence[Sequence[int]]") -> "list[list[int]]":
    """Return the mean of each two rows of counts, before the shift; one left over is left out."""
    return [
        [(counts[i][c] + counts[i + 1][c]) >> 1 for c in range(N_CHANNELS)]
        for i in range(0, len(counts) - 1, 2)
    ]


def frames_that_fit(frames: "Sequence[Sequence[int]]", shift: int) -> int:
    """Return how many of ``frames`` the encoder puts into one packet, by the same search."""
    n = len(frames)
    while True:
        bits = 0
        for channel in range(N_CHANNELS):
            bits += channel_bits([frames[i][channel] for i in range(n)], shift)[1]
        if bits <= MAX_PAYLOAD_BYTES * 8:
            return n
        fewer = n * MAX_PAYLOAD_BYTES * 8 // bits
        n = fewer if fewer < n else n - 1


def decode(payload: "Bytes", n_frames: int, shift: int) -> "list[list[int]]":
    """Return ``n_frames`` rows of eight values, still shifted right by ``shift``.

    Raises
    ------
    ProtocolError
        If the payload ends too early, a value leaves its range, or bytes are left over.
    """
    width = 24 - shift
    half = 1 << (width - 1)
    bits = int.from_bytes(bytes(payload), "big")
    left = len(payload) * 8
    rows = [[0] * N_CHANNELS for _ in range(n_frames)]

    def take(count: int) -> int:
        nonlocal left
        left -= count
        if left < 0:
            raise ProtocolError("stream payload of %d bytes ends too early" % len(payload))
        return (bits >> left) & ((1 << count) - 1)

    for channel in range(N_CHANNELS):
        k = take(K_BITS)
        value = (take(width) ^ half) - half
        rows[0][channel] = value
        for i in range(1, n_frames):
            if k == K_RAW:
                value = (take(width) ^ half) - half
            else:
                q = 0
                while q < ESCAPE and take(1):
                    q += 1
                u = take(width + 1) if q == ESCAPE else (q << k) | take(k)
                value += (u >> 1) if not u & 1 else -((u + 1) >> 1)
                if not -half <= value < half:
                    raise ProtocolError("stream payload leaves the range of the converter")
            rows[i][channel] = value
    if left >= 8 or (left and bits & ((1 << left) - 1)):
        raise ProtocolError("stream payload has bytes left over")
    return rows
