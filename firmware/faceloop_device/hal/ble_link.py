"""The Bluetooth side: GATT table, advertising, and the queue between the radio and the tasks."""

import struct
import time

import bluetooth
from micropython import const

from faceloop_device.core.inbox import Inbox
from faceloop_protocol import uuids
from faceloop_protocol.limits import MAX_PACKET_BYTES
from faceloop_protocol.state import STATE_BYTES

_IRQ_CENTRAL_CONNECT = const(1)
_IRQ_CENTRAL_DISCONNECT = const(2)
_IRQ_GATTS_WRITE = const(3)
_IRQ_GATTS_INDICATE_DONE = const(20)
_IRQ_MTU_EXCHANGED = const(21)
_IRQ_ENCRYPTION_UPDATE = const(28)
_IRQ_GET_SECRET = const(29)
_IRQ_SET_SECRET = const(30)

_IO_NONE = const(
    3
)  # no display, no keys: pairing "just works", the proof of the key is what counts

_READ = const(0x02)
_WRITE_NO_RESPONSE = const(0x04)
_WRITE = const(0x08)
_NOTIFY = const(0x10)
_INDICATE = const(0x20)

_KEY_BYTES = const(16)
_MTU = const(247)
_LEAST_MTU = const(23)  # of a link on which the central has not asked for more
_MOST_REPLIES = const(8)
_FAST_US = const(40000)  # just after power-up or a lost link
_SLOW_US = const(250000)
_STANDBY_US = const(1000000)
_FAST_FOR_MS = const(30000)
_APPEARANCE_FLAGS = b"\x02\x01\x06"  # general discoverable, no classic Bluetooth


def services():
    """Return the GATT table for ``gatts_register_services``."""
    uuid = bluetooth.UUID
    return (
        (
            uuid(uuids.DEVICE_INFORMATION),
            (
                (uuid(uuids.MODEL_NUMBER), _READ),
                (uuid(uuids.FIRMWARE_REVISION), _READ),
                (uuid(uuids.SERIAL_NUMBER), _READ),
            ),
        ),
        (uuid(uuids.BATTERY), ((uuid(uuids.BATTERY_LEVEL), _READ | _NOTIFY),)),
        (
            uuid(uuids.SERVICE),
            (
                (uuid(uuids.STREAM), _NOTIFY),
                (uuid(uuids.CONTROL), _WRITE | _WRITE_NO_RESPONSE | _INDICATE),
                (uuid(uuids.STATE), _READ | _NOTIFY),
                (uuid(uuids.CONFIG), _READ | _WRITE),
                (uuid(uuids.INFO), _READ),
            ),
        ),
    )


class BleLink:
    """One central at a time.

    Parameters
    ----------
    session : LinkSession
        Forgotten at each disconnect.
    name : str
        Advertised name.
    model, firmware, serial : str
        Device information.
    bonds : Bonds or None
        The stack's secrets, where the port has pairing.
    """

    def __init__(self, session, name, model, firmware, serial, bonds=None):
        self.session = session
        self.inbox = Inbox()
        self.disconnects = 0
        self.connected_ms = 0
        self.handler_faults = 0  # exceptions in the handler; only a Ctrl-C is none
        self.handler_error = None  # the first of them, until somebody has taken it
        self.refused = 0  # replies and reports that the stack had no room for
        self.interruption = None  # a Ctrl-C that arrived while an event was handled
        self.is_encrypted = False  # by the radio, with a key of 128 bits
        self.mtu = _LEAST_MTU
        self._has_asked = False
        self._conn = -1
        self._is_indicating = False
        self._replies = []
        self._advertise_now = False
        self._advertised_us = 0
        self._level = bytearray(b"\xff")  # of the battery, per cent; none yet
        self._has_told_level = False  # to this central
        self._bonds = bonds
        self._ble = ble = bluetooth.BLE()
        ble.irq(self._irq)  # before active: then already the stack asks for its own identity
        ble.active(True)
        ble.config(mtu=_MTU, gap_name=name)
        if bonds is not None:
            ble.config(bond=True, le_secure=True, mitm=False, io=_IO_NONE)
        ((model_h, firmware_h, serial_h), (self._battery,), ours) = ble.gatts_register_services(
            services()
        )
        self._stream, self._control, self._state, self._config, self._info = ours
        # the default buffer takes 20 bytes
        ble.gatts_set_buffer(self._control, MAX_PACKET_BYTES)
        ble.gatts_set_buffer(self._config, MAX_PACKET_BYTES)
        ble.gatts_set_buffer(self._state, STATE_BYTES)
        ble.gatts_set_buffer(self._info, 128)
        ble.gatts_write(model_h, model.encode())
        ble.gatts_write(firmware_h, firmware.encode())
        ble.gatts_write(serial_h, serial.encode())
        service = bytes(bluetooth.UUID(uuids.SERVICE))
        self._advertisement = _APPEARANCE_FLAGS + b"\x11\x07" + service
        encoded = name.encode()
        self._scan_response = bytes((len(encoded) + 1, 0x09)) + encoded
        self.is_up = False

    def set_info(self, body):
        """Set what a read of ``info`` answers."""
        self._ble.gatts_write(self._info, body)

    def set_config(self, body):
        """Set what a read of ``config`` answers."""
        self._ble.gatts_write(self._config, body)

    def advertise(self, awake_ms, is_standby):
        """Advertise when nobody is connected; fast when just awake, rarely in standby."""
        if self._conn >= 0:
            return
        interval_us = _FAST_US if awake_ms < _FAST_FOR_MS else _SLOW_US
        if is_standby:
            interval_us = _STANDBY_US
        if self._advertise_now or interval_us != self._advertised_us:
            self._advertise_now = False
            self._advertised_us = interval_us
            self._ble.gap_advertise(
                interval_us, self._advertisement, resp_data=self._scan_response
            )

    def send_stream(self, packet):
        """Notify a stream packet; return whether the stack took it."""
        try:
            self._ble.gatts_notify(self._conn, self._stream, packet)
            return True
        except OSError:
            return False

    def reply(self, message):
        """Indicate a reply; several wait for each other, a host that floods us is cut off."""
        if len(self._replies) >= _MOST_REPLIES:
            self.disconnect()
            return
        self._replies.append(message)
        self.flush_replies()

    def flush_replies(self):
        """Send the next waiting reply when none is on its way."""
        if self._replies and not self._is_indicating and self._conn >= 0:
            self._is_indicating = True
            try:
                self._ble.gatts_indicate(self._conn, self._control, self._replies[0])
                self._replies.pop(0)
            except OSError:
                self._is_indicating = False
                self.refused += 1

    def send_state(self, body, battery_pct):
        """Publish the state and the battery level."""
        ble = self._ble
        ble.gatts_write(self._state, body)
        level = self._level
        if battery_pct != level[0]:
            level[0] = battery_pct
            ble.gatts_write(self._battery, level)
            self._has_told_level = False
        if self._conn >= 0:
            try:
                ble.gatts_notify(self._conn, self._state, body)
                if not self._has_told_level:
                    ble.gatts_notify(self._conn, self._battery, level)
                    self._has_told_level = True
            except OSError:
                self.refused += 1  # the next one comes in a second

    def ask_to_pair(self):
        """Ask the central once to pair, or to encrypt by its bond; it may refuse."""
        if self._conn >= 0 and not self.is_encrypted and not self._has_asked:
            self._has_asked = True
            try:
                self._ble.gap_pair(self._conn)
            except OSError:
                pass  # it is a stack without pairing, or the link has just gone

    def disconnect(self):
        """Cut the link."""
        if self._conn >= 0:
            try:
                self._ble.gap_disconnect(self._conn)
            except OSError:
                pass

    def _irq(self, event, data):
        # An exception that leaves this handler unregisters it for good.
        try:
            if event == _IRQ_GATTS_WRITE:
                if data[1] == self._control or data[1] == self._config:
                    self.inbox.put(self._ble.gatts_read(data[1]))
            elif event == _IRQ_GATTS_INDICATE_DONE:
                self._is_indicating = False
            elif event == _IRQ_MTU_EXCHANGED:
                self.mtu = data[1]
            elif event == _IRQ_ENCRYPTION_UPDATE:
                self.is_encrypted = bool(data[1]) and data[4] >= _KEY_BYTES
            elif event == _IRQ_CENTRAL_CONNECT:
                self._new_link()
                self._conn = data[0]
                self.connected_ms = time.ticks_ms()
                self.is_up = True
            elif event == _IRQ_CENTRAL_DISCONNECT:
                self.is_up = False
                self._conn = -1
                self._new_link()
                self.disconnects += 1
                self._advertise_now = True
            elif event == _IRQ_GET_SECRET and self._bonds is not None:
                key = None if data[2] is None else bytes(data[2])
                return self._bonds.get(data[0], data[1], key)
            elif event == _IRQ_SET_SECRET and self._bonds is not None:
                value = None if data[2] is None else bytes(data[2])
                return self._bonds.set(data[0], bytes(data[1]), value)
        except KeyboardInterrupt as error:
            self.interruption = error  # given back to the program, which it was meant for
        except BaseException as error:
            # Not a reason to end the program, which would lose what the ring holds: a stranger
            # who floods the board until its memory is short could do that from across the room.
            if not self.handler_faults:
                self.handler_error = error
            self.handler_faults += 1
        return None

    def take_handler_error(self):
        """Return the first exception of the handler since boot, once; else None."""
        error, self.handler_error = self.handler_error, None
        return error

    def _new_link(self):
        # Nothing of one central's session may reach the next one.
        self.session.new_link()
        self.inbox.clear()
        self._replies.clear()
        self._is_indicating = False
        self.mtu = _LEAST_MTU
        self.is_encrypted = self._has_asked = self._has_told_level = False


def device_name(device_id):
    """Return the advertised name: it tells boards apart without giving the serial number away."""
    return uuids.NAME_PREFIX + "%04X" % struct.unpack("<H", device_id[-2:])[0]
