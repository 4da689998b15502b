"""Converter code of a thermistor to temperature.

10 kohm at 25 C, B = 3950 K, to ground, under 10 kohm 0.1 % to the converter's own reference, so
that the reference cancels. The code is ``65536 R / (R + 10 kohm)``.
"""

from array import array

FIRST_MDEGC = -15000
LAST_MDEGC = 65000

# Codes at -15, -14, ... 65 C. Lines between them, codes rounded: wrong by less than 10 mC.
CODES = array(
    "i",
    [
        58080,
        57681,
        57267,
        56837,
        56393,
        55933,
        55458,
        54967,
        54462,
        53941,
        53406,
        52855,
        52290,
        51711,
        51118,
        50512,
        49892,
        49260,
        48616,
        47960,
        47293,
        46616,
        45929,
        45233,
        44529,
        43817,
        43098,
        42374,
        41644,
        40909,
        40171,
        39430,
        38687,
        37943,
        37199,
        36455,
        35712,
        34971,
        34233,
        33498,
        32768,
        32043,
        31323,
        30609,
        29902,
        29202,
        28510,
        27827,
        27152,
        26486,
        25831,
        25185,
        24549,
        23924,
        23309,
        22706,
        22114,
        21533,
        20964,
        20406,
        19860,
        19326,
        18803,
        18293,
        17793,
        17306,
        16830,
        16365,
        15912,
        15471,
        15040,
        14620,
        14212,
        13814,
        13426,
        13049,
        12682,
        12325,
        11978,
        11641,
        11313,
    ],
)


def temperature_mdegc(code):
    """Return the temperature in thousandths of a degree; -15000 or 65000 beyond the table."""
    if code >= CODES[0]:
        return FIRST_MDEGC
    low = 0
    high = len(CODES) - 1
    if code <= CODES[high]:
        return LAST_MDEGC
    while high - low > 1:
        middle = (low + high) >> 1
        if CODES[middle] > code:
            low = middle
        else:
            high = middle
    return FIRST_MDEGC + low * 1000 + (CODES[low] - code) * 1000 // (CODES[low] - CODES[high])
