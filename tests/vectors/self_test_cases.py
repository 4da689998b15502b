"""Cases of ``make_messages.py`` about the self-test: its report's bytes, and what passes."""

from __future__ import annotations

import struct
from typing import Any

Case = dict[str, Any]


def self_tests() -> list[Case]:
    """What a board found out about its front end; the last numbers are more than there is room."""
    cases = []
    for converter, passed, noise_nv, gain_ppt, order, n_lost in (
        (0x92, 0x1F, [700 + i for i in range(8)], [990 + i for i in range(8)], range(1, 9), 0),
        (0, 0, [0] * 8, [0] * 8, [0] * 8, 513),
        (0x9A, 0x1B, [65535 + i for i in range(8)], [70000] * 8, range(8, 0, -1), 65536),
    ):
        kept = {
            "noise_nv": [min(n, 65535) for n in noise_nv],
            "gain_ppt": [min(n, 65535) for n in gain_ppt],
            "n_lost": min(n_lost, 65535),
        }
        body = struct.pack("<BB", converter, passed)
        body += struct.pack("<16H", *kept["noise_nv"], *kept["gain_ppt"])
        body += struct.pack("<8BH", *order, kept["n_lost"])
        assert len(body) == 44
        cases.append(
            {
                "fields": [converter, passed, noise_nv, gain_ppt, list(order), n_lost],
                "decoded": [
                    converter, passed, kept["noise_nv"], kept["gain_ppt"], list(order),
                    kept["n_lost"],
                ],
                "body": body.hex(),
            }
        )  # fmt: skip
    return cases


def verdicts() -> list[Case]:
    """What a self-test passes: everything, then each limit by itself, met and missed by one."""
    good: Case = {
        "is_known": True,
        "noise_nv": [900] * 8,
        "gain_ppt": [1000] * 8,
        "order": list(range(1, 9)),
        "n_lost": 0,
        "is_by_interrupt": False,
        "passed": 0x1F,
    }
    changes: list[Case] = [
        {},
        {"is_known": False, "passed": 0x0E},
        {"n_lost": 1, "passed": 0x0F},
        # of 6744 frames that an interrupt reads ten in a thousand may be lost
        {"is_by_interrupt": True, "n_lost": 67},
        {"is_by_interrupt": True, "n_lost": 68, "passed": 0x0F},
        {"is_by_interrupt": True, "is_known": False, "passed": 0x0E},
        {"order": [2, 1, *range(3, 9)], "passed": 0x17},
    ]
    for name, bit, low, high in (("noise_nv", 2, 300, 1500), ("gain_ppt", 4, 970, 1030)):
        mid = good[name][:7]
        changes += [{name: [*mid, value]} for value in (low, high)]
        changes += [{name: [*mid, value], "passed": 0x1F - bit} for value in (low - 1, high + 1)]
    return [{**good, **change} for change in changes]
