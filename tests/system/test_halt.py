"""A process is looked at while it stands still, and goes on afterwards."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import time

import pytest

from faceloop.twin.halt import catches, halted, send_to_main_thread

SLEEPS = "import time\nprint(flush=True)\ntime.sleep(30)\n"
WORKS = "print(flush=True)\nwhile True: pass\n"
COUNTS = "import time\nwhile True:\n    print(1, flush=True)\n    time.sleep(0.001)\n"


@pytest.fixture
def start():
    children = []

    def start_(program: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        children.append(child)
        child.stdout.readline()
        time.sleep(0.05)
        return child

    yield start_
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


def test_one_that_sleeps_and_one_that_works_stand_still(start):
    for child in (start(SLEEPS), start(WORKS)):
        for _ in range(50):
            with halted(child.pid) as stands:
                assert stands


def test_nothing_is_done_while_it_stands_and_it_goes_on(start):
    child = start(COUNTS)
    with halted(child.pid) as stands:
        assert stands
        child.stdout.read1()
        time.sleep(0.05)
        assert not select.select([child.stdout], [], [], 0)[0]
    assert child.stdout.readline()


def test_signal_sent_while_it_stands_is_seen_first(start):
    child = start(
        "import signal, time\n"
        "signal.signal(signal.SIGINT, lambda *_: (print('caught', flush=True)))\n"
        "print(flush=True)\ntime.sleep(30)\n"
    )
    with halted(child.pid):
        assert catches(child.pid, signal.SIGINT)
        assert not catches(child.pid, signal.SIGUSR1)
        send_to_main_thread(child.pid, signal.SIGINT)
    assert child.stdout.readline() == b"caught\n"


def test_one_that_is_gone_stands_not_and_says_nothing(start):
    child = start(SLEEPS)
    child.kill()
    child.wait()
    with halted(child.pid) as stands:
        assert not stands
        assert not catches(child.pid, signal.SIGINT)


THREADS = """
import signal, threading
def take():
    while True:
        signal.sigwait([signal.SIGUSR1])
        print("in the other", flush=True)
signal.signal(signal.SIGUSR1, lambda *_: print("in the first", flush=True))
other = threading.Thread(target=take, daemon=True)
other.start()
print(flush=True)
while True:
    signal.pause()
"""


def test_signal_reaches_the_main_thread_though_another_waits_for_it(start):
    child = start(THREADS)
    for _ in range(50):
        with halted(child.pid):
            send_to_main_thread(child.pid, signal.SIGUSR1)
        assert select.select([child.stdout], [], [], 10)[0], "the main thread was not woken"
        assert child.stdout.readline() == b"in the first\n"
