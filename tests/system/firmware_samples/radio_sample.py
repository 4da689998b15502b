# A small firmware that does on command what the tests of the virtual radio want to see.
import asyncio
import errno
import gc
import struct

import bluetooth
from micropython import const

_UUID = "fa5e000%d-0000-4000-8000-00805f9b34fb"
_OP_FLOOD = const(1)
_OP_INDICATE = const(2)
_OP_DISCONNECT = const(3)
_OP_RAISE = const(4)
_OP_BURST = const(5)
_OP_ALLOCATION = const(6)
_OP_SECOND_INDICATION = const(7)
_OP_SWITCH_OFF = const(8)
_OP_PAIR = const(9)
_OP_ECHO = const(10)
_OP_INTERRUPT = const(11)

_WRITE_BOTH = bluetooth.FLAG_WRITE | bluetooth.FLAG_WRITE_NO_RESPONSE
_READ_ENCRYPTED = const(0x0200)

secrets = {}
connection = None
flood_left = 0
flood_sent = 0
writes = 0
packet = bytearray(236)
packet_view = memoryview(packet)


def say(*words):
    print(*words)


def report(text):
    ble.gatts_write(info, text.encode())


def irq(event, data):
    global connection
    if event == 1:
        connection = data[0]
        say("connect", data[0], data[1], bytes(data[2]).hex())
    elif event == 2:
        stop(data)
        advertise()
        say("disconnect", data[0])
    elif event == 3:
        on_write(data[0], data[1])
    elif event == 20:
        say("indicated", *data)
    elif event == 21:
        say("mtu", data[1])
    elif event == 27:
        say("parameters", *data[1:])
    elif event == 28:
        say("encryption", *data[1:])
    elif event == 29:
        return secrets.get((data[0], data[2]))
    elif event == 30:
        if data[2] is None:
            secrets.pop((data[0], data[1]), None)
        else:
            secrets[(data[0], data[1])] = data[2]
        return True
    return None


def stop(data):
    global connection, flood_left
    connection = None
    flood_left = 0


def on_write(conn, handle):
    global flood_left, flood_sent, writes
    value = ble.gatts_read(handle)
    if handle == appended:
        say("appended", value.hex())
        return
    writes += 1
    op = value[0]
    if op == _OP_FLOOD:
        flood_sent = 0
        flood_left = struct.unpack_from("<I", value, 1)[0]
    elif op == _OP_INDICATE:
        ble.gatts_indicate(conn, control, b"indicated")
    elif op == _OP_DISCONNECT:
        say("left", ble.gap_disconnect(conn), ble.gap_disconnect(conn + 1))
    elif op == _OP_RAISE:
        raise RuntimeError("escapes the handler")
    elif op == _OP_BURST:
        burst(conn, struct.unpack_from("<H", value, 1)[0])
    elif op == _OP_ALLOCATION:
        measure(conn)
    elif op == _OP_SECOND_INDICATION:
        two_indications(conn)
    elif op == _OP_SWITCH_OFF:
        ble.active(False)
        say("off", ble.active())
    elif op == _OP_PAIR:
        try:
            ble.gap_pair(conn)
        except OSError as error:
            report("errno %d" % error.errno)
    elif op == _OP_INTERRUPT:
        ble.gatts_notify(conn, stream, b"\xff\xff\xff\xff from the handler")
    elif op == _OP_ECHO:
        report("echo %d %s" % (len(value), value[1:].hex()))


def burst(conn, count):
    sent = 0
    code = 0
    for _ in range(count):
        struct.pack_into("<I", packet, 0, sent)
        try:
            ble.gatts_notify(conn, stream, packet_view)
        except OSError as error:
            code = error.errno
            break
        sent += 1
    report("burst %d %s" % (sent, errno.errorcode.get(code, "none")))


def measure(conn):
    ble.gatts_notify(conn, stream, packet_view)  # what is allocated once is allocated now
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(8):
        ble.gatts_notify(conn, stream, packet_view)
    after = gc.mem_alloc()
    gc.enable()
    report("allocated %d" % (after - before))


def two_indications(conn):
    ble.gatts_indicate(conn, control, b"first")
    try:
        ble.gatts_indicate(conn, control, b"second")
        report("second sent")
    except OSError as error:
        report("second %s" % errno.errorcode[error.errno])


def advertise():
    ble.gap_advertise(
        20_000,
        b"\x02\x01\x06\x11\x07" + bytes(bluetooth.UUID(_UUID % 1)),
        resp_data=bytes((len(NAME) + 1, 9)) + NAME,
    )


def refusals():
    """Say how the API refuses what it cannot do."""
    out = []
    for action in (
        lambda: ble.gatts_notify(99, stream, b"x"),
        lambda: ble.gatts_read(9999),
        lambda: ble.gap_advertise(100_000, bytes(32)),
        lambda: ble.config(mtu=2000),
        lambda: ble.config(colour=1),
        lambda: ble.config("colour"),
        lambda: ble.irq(5),
    ):
        try:
            action()
            out.append("none")
        except OSError as error:
            out.append(errno.errorcode.get(error.errno, str(error.errno)))
        except Exception as error:
            out.append(type(error).__name__)
    say("refusals", *out)


NAME = b"radio-sample"
ble = bluetooth.BLE()
assert ble is bluetooth.BLE()
try:
    ble.gatts_write(1, b"")
except OSError as error:
    say("inactive", errno.errorcode[error.errno])
ble.irq(irq)
ble.config(gap_name=NAME, mtu=247, bond=True, le_secure=True, io=3)
ble.active(True)
((stream, control, info, label, appended, protected),) = ble.gatts_register_services(
    (
        (
            bluetooth.UUID(_UUID % 1),
            (
                (bluetooth.UUID(_UUID % 2), bluetooth.FLAG_NOTIFY),
                (bluetooth.UUID(_UUID % 3), _WRITE_BOTH | bluetooth.FLAG_INDICATE),
                (
                    bluetooth.UUID(_UUID % 4),
                    bluetooth.FLAG_READ,
                    ((bluetooth.UUID(0x2901), bluetooth.FLAG_READ),),
                ),
                (bluetooth.UUID(_UUID % 5), _WRITE_BOTH),
                (bluetooth.UUID(_UUID % 6), bluetooth.FLAG_READ | _READ_ENCRYPTED),
            ),
        ),
    )
)
ble.gatts_set_buffer(control, 200)
ble.gatts_set_buffer(appended, 30, True)
ble.gatts_write(info, b"nothing yet")
ble.gatts_write(label, b"a label")
ble.gatts_write(protected, b"secret")
say("mac", ble.config("mac")[0], ble.config("mac")[1].hex())
say("uuids", bluetooth.UUID(0x180F), bluetooth.UUID(_UUID % 1))
refusals()
advertise()
say("ready")


async def main():
    global flood_left, flood_sent
    full = 0
    while True:
        if connection is None or not flood_left:
            await asyncio.sleep_ms(5)
            continue
        struct.pack_into("<I", packet, 0, flood_sent)
        try:
            ble.gatts_notify(connection, stream, packet_view)
        except OSError as error:
            if error.errno != errno.ENOMEM:
                raise
            full += 1
            await asyncio.sleep_ms(2)
            continue
        flood_sent += 1
        flood_left -= 1
        if not flood_left:
            report("flood %d full %d writes %d" % (flood_sent, full, writes))
        if flood_sent % 16 == 0:
            await asyncio.sleep_ms(0)


asyncio.run(main())
