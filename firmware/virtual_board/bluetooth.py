"""`bluetooth` of the virtual board: MicroPython's BLE peripheral API, served by the virtual radio.

The radio is at the unix socket FACELOOP_RADIO_SOCKET. The central role, L2CAP channels and
read-request events are not modelled.
"""

import errno
import os
import struct

import _wakeup
from _radio_port import KIND_CLEAR, KIND_INDICATE, KIND_NOTIFY, KIND_WRITE, RadioPort
from micropython import const

FLAG_BROADCAST = const(0x0001)
FLAG_READ = const(0x0002)
FLAG_WRITE_NO_RESPONSE = const(0x0004)
FLAG_WRITE = const(0x0008)
FLAG_NOTIFY = const(0x0010)
FLAG_INDICATE = const(0x0020)
FLAG_AUTHENTICATED_SIGNED_WRITE = const(0x0040)


class UUID:
    """A 16-, 32- or 128-bit UUID; octets are little endian, as on the air."""

    def __init__(self, value):
        if isinstance(value, int):
            if not 0 <= value <= 0xFFFF:
                raise ValueError("invalid UUID")
            self._octets = struct.pack("<H", value)
        elif isinstance(value, str):
            digits = value.replace("-", "")
            if len(digits) != 32:
                raise ValueError("UUID too %s" % ("long" if len(digits) > 32 else "short"))
            self._octets = bytes([int(digits[i : i + 2], 16) for i in range(30, -1, -2)])
        else:
            self._octets = bytes(value)
            if len(self._octets) not in (2, 4, 16):
                raise ValueError("invalid UUID")

    def __bytes__(self):
        return self._octets

    def __iter__(self):
        return iter(self._octets)

    def __len__(self):
        return len(self._octets)

    def __hash__(self):
        return hash(self._octets)

    def __eq__(self, other):
        return isinstance(other, UUID) and self._octets == other._octets

    def __lt__(self, other):
        return self._octets < other._octets

    def __gt__(self, other):
        return self._octets > other._octets

    def __le__(self, other):
        return self._octets <= other._octets

    def __ge__(self, other):
        return self._octets >= other._octets

    def __repr__(self):
        digits = self._digits()
        if len(digits) < 32:
            return "UUID(0x%s)" % digits
        cuts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return "UUID('%s')" % "-".join(cuts)

    def _digits(self):
        return "".join(["%02x" % octet for octet in reversed(self._octets)])


_port = None
_handler = None
_config = {"mtu": 256, "rxbuf": 512, "gap_name": b"MPY BTSTACK", "addr_mode": 0}
_CONFIG_TO_RADIO = ("mtu", "gap_name", "bond", "mitm", "io", "le_secure")


def _active_port():
    if _port is None:
        raise OSError(errno.ENODEV)
    return _port


class BLE:
    """The one Bluetooth radio of the board."""

    _only = None

    def __new__(cls):
        if BLE._only is None:
            BLE._only = object.__new__(cls)
        return BLE._only

    def active(self, active=None):
        global _port
        if active is not None and active and _port is None:
            port = RadioPort(os.getenv("FACELOOP_RADIO_SOCKET"))
            port.handler = _handler
            answer = port.call("active", on=True)
            port.is_btstack = answer["stack"] == "btstack"
            mac = answer["mac"]
            port.mac = bytes([int(mac[i : i + 2], 16) for i in range(0, 12, 2)])
            _port = port
            self._send_config(_config)
            _wakeup.install()
        elif active is not None and not active and _port is not None:
            port = _port
            _port = None
            port.call("active", on=False)
            port.close()
        return _port is not None

    def config(self, *names, **values):
        if names:
            if len(names) > 1 or values:
                raise TypeError("must query one param")
            return self._query(names[0])
        for name in values:
            if name not in _config and name not in _CONFIG_TO_RADIO:
                raise ValueError("unknown config param")
        if not 23 <= values.get("mtu", 23) <= 1017:
            raise OSError(errno.EINVAL)
        if "gap_name" in values:
            name = values["gap_name"]
            values["gap_name"] = name.encode() if isinstance(name, str) else bytes(name)
        _config.update(values)
        if _port is not None:
            self._send_config(values)
        return None

    def _query(self, name):
        if name == "mac":
            return 1, _active_port().mac  # a random static address
        if name in ("gap_name", "mtu", "rxbuf"):
            return _config[name]
        raise ValueError("unknown config param")

    def _send_config(self, values):
        known = {name: values[name] for name in _CONFIG_TO_RADIO if name in values}
        if "gap_name" in known:
            known["gap_name"] = known["gap_name"].decode()
        if known:
            _port.call("config", **known)

    def irq(self, handler):
        global _handler
        if handler is not None and not callable(handler):
            raise ValueError("invalid handler")
        _handler = handler
        if _port is not None:
            _port.handler = handler

    # GAP

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        _active_port().call(
            "advertise",
            us=interval_us,
            adv=_hex_or_none(adv_data),
            rsp=_hex_or_none(resp_data),
            connectable=bool(connectable),
        )

    def gap_disconnect(self, conn_handle):
        return _active_port().call("disconnect", connection=conn_handle)

    def gap_pair(self, conn_handle):
        _active_port().call("pair", connection=conn_handle)

    def gap_passkey(self, conn_handle, action, passkey):
        _active_port().call("passkey", connection=conn_handle, action=action, passkey=passkey)

    # GATT server

    def gatts_register_services(self, services):
        port = _active_port()
        described = []
        for uuid, characteristics in services:
            below = []
            for characteristic in characteristics:
                descriptors = characteristic[2] if len(characteristic) > 2 else ()
                below.append(
                    (
                        characteristic[0]._digits(),
                        characteristic[1],
                        [(d[0]._digits(), d[1]) for d in descriptors],
                    )
                )
            described.append((uuid._digits(), below))
        handles = port.call("register", services=described)
        port.values = {handle: b"" for service in handles for handle in service}
        port.appending = {}
        return tuple([tuple(service) for service in handles])

    def gatts_read(self, value_handle):
        port = _active_port()
        if value_handle not in port.values:
            raise OSError(errno.EINVAL)
        value = port.values[value_handle]
        if value_handle in port.appending and value:
            port.values[value_handle] = b""
            port.send(KIND_CLEAR, struct.pack("<H", value_handle))
        return value

    def gatts_write(self, value_handle, data, send_update=False):
        port = _active_port()
        if value_handle not in port.values:
            raise OSError(errno.EINVAL)
        value = bytes(data)
        port.values[value_handle] = value
        port.send(KIND_WRITE, struct.pack("<HB", value_handle, bool(send_update)) + value)
        return len(value)

    def gatts_notify(self, conn_handle, value_handle, data=None):
        port = _active_port()
        if conn_handle not in port.connections:
            _raise_unknown_connection(port)
        if port.spent >= port.granted:
            raise OSError(errno.ENOMEM)
        port.spent += 1
        if data is None:
            data = port.values[value_handle]
        port.send_value(KIND_NOTIFY, conn_handle, value_handle, data)

    def gatts_indicate(self, conn_handle, value_handle, data=None):
        port = _active_port()
        if conn_handle not in port.connections:
            _raise_unknown_connection(port)
        if port.is_btstack:
            # One at a time: ATT_HANDLE_VALUE_INDICATION_IN_PROGRESS comes out as EINVAL.
            if conn_handle in port.indicating:
                raise OSError(errno.EINVAL)
            port.indicating[conn_handle] = True
        if data is None:
            data = port.values[value_handle]
        port.send_value(KIND_INDICATE, conn_handle, value_handle, data)

    def gatts_set_buffer(self, value_handle, length, append=False):
        port = _active_port()
        port.call("set_buffer", handle=value_handle, octets=length, append=bool(append))
        if append:
            port.appending[value_handle] = length
        else:
            port.appending.pop(value_handle, None)


def _hex_or_none(data):
    return None if data is None else bytes(data).hex()


def _raise_unknown_connection(port):
    raise OSError(errno.EINVAL if port.is_btstack else errno.ENOTCONN)
