"""The watchdog is fed by working tasks only; the heap is collected only when it may be."""

import gc

from faceloop_device.core.collector import Collector
from faceloop_device.core.supervisor import Supervisor


class Watchdog:
    fed = 0

    def feed(self):
        self.fed += 1


def one_silent_task_starves_the_watchdog():
    supervisor = Supervisor(3)
    for task in range(3):
        supervisor.beat(task)
    assert supervisor.look(), "works without a watchdog"
    watchdog = Watchdog()
    for silent in range(3):
        supervisor = Supervisor(3)
        supervisor.take(watchdog)
        for _ in range(10):
            for task in range(3):
                if task != silent:
                    supervisor.beat(task)
            assert not supervisor.look()
    assert watchdog.fed == 0
    for n in range(1, 4):
        for task in range(3):
            supervisor.beat(task)
        assert supervisor.look() and not supervisor.look()
        assert watchdog.fed == n


def heap_is_collected_when_it_is_low_and_nothing_waits():
    collector = Collector()
    collector.hold()
    assert not gc.isenabled() and collector.runs == 1
    for _ in range(200):
        bytearray(1000)
    before = gc.mem_free()
    assert not collector.look(300, 700, 0, 900), "enough is free"
    assert not collector.look(240, 760, 226, 900), "frames wait"
    assert collector.runs == 1 and gc.mem_free() <= before
    assert collector.look(240, 760, 225, 900)
    assert gc.mem_free() > before + 100000
    assert collector.look(60, 940, 900, 900), "or the next command ends the program"
    assert collector.runs == 3 and collector.longest_ms >= 1
    collector.release()
    assert gc.isenabled()


for test in (
    one_silent_task_starves_the_watchdog,
    heap_is_collected_when_it_is_low_and_nothing_waits,
):
    test()
    print("ok", test.__name__)
