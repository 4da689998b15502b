"""The supervisor on a small plant and on noise; prints what it did, for comparison.

heat_supervisor.py          one line for each of the scenarios
heat_supervisor.py alloc    bytes allocated by ticks in HOLD, a pause and a resume
"""

import sys
from array import array

if "compiled" in sys.argv:
    from faceloop.twin.heat.compiled.supervisor import Supervisor
else:
    from faceloop_heat.supervisor import Supervisor

from faceloop_heat import hal
from faceloop_heat.output import ANSWER_MASK
from faceloop_heat.thermistor import CODES
from faceloop_protocol import heat
from faceloop_protocol.heat_limits import RAIL_MV

LINK = 7


class Heater:
    """A pad in whole numbers: millidegrees, and codes by the supervisor's own table."""

    def __init__(self, seed):
        self.random = seed
        self.core = 33000
        self.skin = 33000
        self.duty = 0
        self.trip_now = 0
        self.latched = 0
        self.frames = 0
        self.flags = 0
        self.noise = 0
        self.slots = {}

    def draw(self, below):
        self.random = (self.random * 8121 + 28411) % 134456
        return self.random % below

    def code(self, mdegc):
        if mdegc < -14000:
            return 65530
        if mdegc > 64000:
            return 10
        place = (mdegc + 15000) // 1000
        part = (mdegc + 15000) % 1000
        step = CODES[place] - CODES[place + 1]
        return CODES[place] - part * step // 1000 - self.draw(3)

    def advance(self):
        power = 3450 * self.duty // 1000
        out = (self.core - self.skin) * 66 // 100
        self.core += (power - out - (self.core - 23000) * 66 // 1000) // 72
        self.skin += (out - (self.skin - 36000) * 80 // 100) // 248

    def scan(self, inputs, probe):
        self.advance()
        face = self.skin + (self.core - self.skin) * 21 // 100
        inputs[hal.IN_A] = self.code(face)
        inputs[hal.IN_C] = self.code(face + 100)
        inputs[hal.IN_Z] = self.code(face - 150)
        inputs[hal.IN_B] = self.code(self.core)
        inputs[hal.IN_H] = self.code(face + 50)
        inputs[hal.IN_REFERENCE] = self.code(37000)
        inputs[hal.IN_SUPPLY_MV] = 3900
        inputs[hal.IN_RAIL_MV] = RAIL_MV
        inputs[hal.IN_Q1_ONLY_MA] = 0
        inputs[hal.IN_Q2_ONLY_MA] = 0
        is_open = self.trip_now or self.latched
        inputs[hal.IN_HEATER_MA] = 884 if probe == hal.PROBE_HEATER and not is_open else 0
        self.frames += 500
        inputs[hal.IN_FRAMES] = self.frames & 0xFFFFFF
        flags = self.flags
        if self.latched:
            flags |= hal.FLAG_HW1
        if self.trip_now == hal.TRIP_HW2:
            flags |= hal.FLAG_HW2
        inputs[hal.IN_FLAGS] = flags
        if self.noise and self.draw(1000) < self.noise:
            place = self.draw(hal.N_INPUTS)
            inputs[place] = self.draw(64) if place == hal.IN_FLAGS else self.draw(65536)

    def drive(self, is_closed, duty):
        self.duty = duty if is_closed else 0

    def kick(self):
        pass

    def trip(self, which):
        self.trip_now = which
        if which == hal.TRIP_HW1:
            self.latched = 1

    def clear_trip(self):
        self.latched = 0

    def load(self, slot):
        return self.slots.get(slot)

    def save(self, slot, record):
        self.slots[slot] = record


def begin(seed, noise=0):
    heater = Heater(seed)
    supervisor = Supervisor(heater, 100, 4410, hal.RESET_POWER_ON)
    now_ms = 0x3FFFF000  # the clock wraps on the way
    for _ in range(12):
        now_ms = step(supervisor, now_ms)
    supervisor.open_link(LINK)
    supervisor.permit(LINK, heat.PERMIT_FULL)
    supervisor.request(LINK, 39500, 12)
    for _ in range(50):
        supervisor.renew(LINK, 39500, 5000)
        now_ms = step(supervisor, now_ms)
    heater.flags = hal.FLAG_BUTTON
    now_ms = step(supervisor, now_ms)
    heater.flags = 0
    heater.noise = noise
    return heater, supervisor, now_ms


def step(supervisor, now_ms):
    output = supervisor.output
    output.answer(output.challenge ^ ANSWER_MASK)
    now_ms = (now_ms + 250) & 0x3FFFFFFF
    supervisor.tick(now_ms)
    return now_ms


def scenario(seed, noise, n_ticks):
    heater, supervisor, now_ms = begin(seed, noise)
    check = 0
    trail = []
    last = -1
    for n in range(n_ticks):
        if n % 4 == 0 and not (noise and n // 400 % 3 == 2):
            supervisor.renew(LINK, 39500 - 500 * (n // 1000 % 3), 5000)
            supervisor.confirm(LINK)
        now_ms = step(supervisor, now_ms)
        for value in supervisor.report():
            check = (check * 31 + value) & 0xFFFFFF
        check = (check * 31 + heater.duty) & 0xFFFFFF
        if supervisor.state != last:
            last = supervisor.state
            trail.append(last)
    records = b"".join([heater.slots[slot] for slot in sorted(heater.slots)])
    for value in records:
        check = (check * 31 + value) & 0xFFFFFF
    path = "".join([str(state) for state in trail])
    return "%d %d %s %d %d" % (seed, noise, path, supervisor.cause, check)


def allocated():
    import gc

    supervisor, now_ms = begin(3)[1:]
    answer = supervisor.output.answer
    output = supervisor.output
    tick = supervisor.tick
    sums = array("i", [0])
    for _ in range(1300):
        supervisor.renew(LINK, 39500, 5000)
        now_ms = step(supervisor, now_ms)
    assert supervisor.is_heating()
    supervisor.confirm(LINK)
    states = array("i", [0] * 9)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for n in range(200):  # in HOLD, in a pause, in the tests before heat comes back, and in heat
        if n < 60 or n > 100:
            supervisor.renew(LINK, 39500, 5000)
        answer(output.challenge ^ ANSWER_MASK)
        now_ms = (now_ms + 250) & 0x3FFFFFFF
        tick(now_ms)
        sums[0] += 1
        states[supervisor.state] += 1
    n_bytes = gc.mem_alloc() - before
    assert states[heat.PAUSED] > 20 and supervisor.is_heating()
    return n_bytes


if __name__ == "__main__":
    if "alloc" in sys.argv:
        print("bytes allocated:", allocated())
    else:
        print(scenario(1, 0, 6000))
        for number in range(2, 14):
            print(scenario(number, 2, 3000))
        for number in range(20, 26):
            print(scenario(number, 40, 600))
