"""The Bluetooth stack drops a handler for good once an exception leaves it: none may."""

import sys

handlers = []
intervals_us = []
asked = []


class Radio:
    """The stack as far as the link needs it."""

    def active(self, is_on):
        pass

    def config(self, **options):
        pass

    def irq(self, handler):
        handlers.append(handler)

    def gatts_register_services(self, services):
        handles = iter(range(100))
        return tuple([tuple([next(handles) for _ in table]) for _, table in services])

    def gatts_set_buffer(self, handle, n_bytes):
        pass

    def gatts_write(self, handle, body):
        pass

    def gatts_notify(self, conn, handle, body):
        raise OSError(12)  # ENOMEM

    gatts_indicate = gatts_notify

    def gap_advertise(self, interval_us, data, resp_data):
        intervals_us.append(interval_us)

    def gap_pair(self, conn):
        asked.append(conn)
        raise OSError(45)  # EOPNOTSUPP

    def gatts_read(self, handle):
        if self.trouble:
            raise self.trouble
        return b"message"


class FakeBluetooth:
    BLE = Radio

    class UUID:
        def __init__(self, value):
            self.value = value

        def __iter__(self):
            return iter(bytes(16))


Radio.trouble = None
sys.modules["bluetooth"] = FakeBluetooth

from faceloop_device.core.auth import LinkSession  # noqa: E402
from faceloop_device.hal.ble_link import BleLink  # noqa: E402

link = BleLink(LinkSession(bytes(16), b"12345678"), "name", "model", "1", "serial")
(handler,) = handlers
control = link._control
# Often when just awake, seldom later, rarely in standby; told to the stack when it changes.
for awake_ms, is_standby in ((0, 0), (1000, 0), (60000, 0), (70000, 0), (700000, 1), (0, 0)):
    link.advertise(awake_ms, is_standby)
assert intervals_us == [40000, 250000, 1000000, 40000], intervals_us


def event(number, data):
    handler(number, data)  # an exception here ends the test, as it would the handler


event(1, (5, 0, b"address"))
assert link.is_up and link.mtu == 23
event(21, (5, 247))
assert link.mtu == 247
link.advertise(700000, True)
assert len(intervals_us) == 4, "connected"
for number, data in ((3, None), (3, ()), (3, (5,)), (1, ()), (2, None), (99, None)):
    event(number, data)
faults = link.handler_faults
assert faults == 4, faults
event(1, (5, 0, b"address"))
first = link.take_handler_error()
assert isinstance(first, TypeError), "the first one, of the event without data"
for trouble in (OSError(5), MemoryError(), ValueError("x"), KeyboardInterrupt(), SystemExit()):
    Radio.trouble = trouble
    event(3, (5, control))
assert link.handler_faults == faults + 4
assert link.take_handler_error() is None, "one of them is kept, whoever sends how many"
assert isinstance(link.interruption, KeyboardInterrupt), "for the program, not for the handler"
Radio.trouble = None
event(3, (5, control))
assert link.inbox.get() == b"message", "still at work"
for _ in range(100):
    event(3, (5, control))  # a full inbox is no exception either
assert link.inbox.refused > 0 and link.handler_faults == faults + 4
link.send_state(bytes(52), 50)
link.reply(b"reply")
assert link.refused == 2 and len(link._replies) == 1, "counted; the reply is kept and tried again"
link.flush_replies()
assert link.refused == 3

# Subscribers hear of the battery when its level changes, and once on every link.
told = []


def notify(self, conn, handle, body):
    if handle == link._battery:
        told.append((conn, body[0]))


refuse, Radio.gatts_notify = Radio.gatts_notify, notify
for level in (50, 50, 49, 49, 49):
    link.send_state(bytes(53), level)
assert told == [(5, 50), (5, 49)], told
Radio.gatts_notify = refuse
link.send_state(bytes(53), 48)
Radio.gatts_notify = notify
link.send_state(bytes(53), 48)
assert told.pop() == (5, 48) and link.refused == 4, "there was no room for it at first"
event(2, (5, 0, b"address"))
link.send_state(bytes(53), 47)
event(1, (5, 0, b"address"))
link.send_state(bytes(53), 47)
link.send_state(bytes(53), 47)
assert told == [(5, 50), (5, 49), (5, 47)], told

# Pairing is asked for once a link; encrypted is a link whose key has all its bits.
link.ask_to_pair()
link.ask_to_pair()
assert asked == [5]
for is_on, n_bytes, is_encrypted in ((1, 7, False), (1, 16, True), (0, 16, False)):
    event(28, (5, is_on, 0, 1, n_bytes))
    assert link.is_encrypted is is_encrypted
event(28, (5, 1, 0, 1, 16))
event(21, (5, 247))
event(2, (5, 0, b"address"))
assert not link.is_encrypted, "another link has to be encrypted anew"
assert link.mtu == 23, "and asked anew how much it takes"
link.ask_to_pair()
event(1, (6, 0, b"address"))
link.ask_to_pair()
assert asked == [5, 6], "nobody to ask, then another one"

# What the stack asks of a bonding board, and gives it, goes to its bonds; others have none.
event(29, (2, 0, b"peer"))
assert handler(29, (2, 0, b"peer")) is None and handler(30, (2, b"peer", b"secret")) is None


class Bonds:
    kept = {}

    def get(self, kind, index, key):
        return self.kept.get((kind, key))

    def set(self, kind, key, value):
        self.kept[kind, key] = value
        return True


handlers.clear()
BleLink(LinkSession(bytes(16), b"12345678"), "name", "model", "1", "serial", Bonds())
(handler,) = handlers
assert handler(30, (2, memoryview(b"peer"), memoryview(b"secret"))) is True
assert handler(29, (2, 0, memoryview(b"peer"))) == b"secret"
assert handler(29, (2, 0, None)) is None
event(29, None)
print("ok")
