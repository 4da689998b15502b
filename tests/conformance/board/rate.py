"""The rate limit by its vectors: how many of those who ask at a time get a turn."""

import json
import sys

from faceloop_device.core.rate import Rate

with open(sys.argv[1]) as file:
    cases = json.load(file)
for case in cases:
    rate = Rate(case["per_s"])
    taken = [sum(rate.take(at_ms) for _ in range(asked)) for at_ms, asked in case["asked"]]
    assert taken == case["taken"], case["what"]
print("ok", len(cases))
