"""The board's way out: notifications and indications, and how full the stack is."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bumble import att
from bumble.device import Connection, Device
from bumble.host import DataPacketQueue

from faceloop.twin.radio.wire import UNLIMITED

__all__ = ["TransmitCounters", "TransmitPath"]

_NOTIFICATION, _INDICATION = 0x1B, 0x1D
_ATT_HEADER = struct.Struct("<BH")
_NIMBLE_BUFFERS = 12  # msys blocks NimBLE usually has for this
# rp2 builds BTstack with MAX_NR_CONTROLLER_ACL_BUFFERS 3; what is beyond waits in heap blocks.
_BTSTACK_ACL_BUFFERS = 3
_BTSTACK_BLOCK_OVERHEAD_OCTETS = 26


@dataclass
class TransmitCounters:
    """What the board has sent, and what its stack has lost."""

    notifications: int = 0
    notified_octets: int = 0
    indications: int = 0
    refused: int = 0
    max_queued: int = 0
    leaked_blocks: int = 0
    leaked_octets: int = 0


class TransmitPath:
    """Sends values to the connected central.

    Parameters
    ----------
    device : Device
        Bumble device of the board.
    is_nimble : bool
        Whether the stack has a fixed number of buffers; otherwise it queues without limit.
    grant : callable
        Called with the number of notifications that the board may have sent altogether.
    on_indicated : callable
        Called with connection handle, attribute handle and status (0 = confirmed).
    """

    def __init__(
        self,
        device: Device,
        is_nimble: bool,
        grant: Callable[[int], None],
        on_indicated: Callable[[int, int, int], None],
    ) -> None:
        self.counters = TransmitCounters()
        self._device = device
        self._is_nimble = is_nimble
        self._grant = grant
        self._on_indicated = on_indicated
        self._received = 0
        self._granted = 0
        self._lengths: deque[int] = deque(maxlen=1024)
        self._indications: deque[tuple[Connection, int, bytes]] = deque()
        self._pending_indication: tuple[Connection, int] | None = None
        queue = device.host.le_acl_packet_queue
        assert queue is not None
        self._queue: DataPacketQueue = queue
        queue.on("flow", self.replenish)

    def open(self) -> None:
        """A central has connected: let the board send."""
        if self._is_nimble:
            self.replenish()
        else:
            self._grant(UNLIMITED)

    def close(self) -> None:
        """The central is gone, and what waited for it, too.

        BTstack forgets its list of waiting heap blocks without freeing them; they count as leaked.
        """
        self._indications.clear()
        self._pending_indication = None
        if self._is_nimble:
            return
        blocks = max(0, self._queue.pending - _BTSTACK_ACL_BUFFERS)
        lengths = list(self._lengths)[-blocks:] if blocks else []
        self.counters.leaked_blocks += blocks
        self.counters.leaked_octets += sum(lengths) + len(lengths) * _BTSTACK_BLOCK_OVERHEAD_OCTETS

    @property
    def queued(self) -> int:
        """Packets that have not left the controller yet."""
        return self._queue.pending

    def notify(self, connection_handle: int, handle: int, value: bytes) -> None:
        """Send a notification, subscribed or not: both ports do."""
        self._received += 1
        connection = self._device.connections.get(connection_handle)
        if connection is None:
            self.counters.refused += 1
        else:
            self.push(connection, handle, value)
        self.replenish()

    def push(self, connection: Connection, handle: int, value: bytes) -> None:
        """Send a notification that took none of the board's credits."""
        self.counters.notifications += 1
        self.counters.notified_octets += len(value)
        self._lengths.append(len(value))
        self._send(connection, _NOTIFICATION, handle, value)
        self.counters.max_queued = max(self.counters.max_queued, self._queue.pending)

    def indicate(self, connection_handle: int, handle: int, value: bytes) -> None:
        """Send an indication when the one before it has been confirmed."""
        connection = self._device.connections.get(connection_handle)
        if connection is None:
            self.counters.refused += 1
            return
        self.counters.indications += 1
        self._indications.append((connection, handle, value))
        self._next_indication()

    def replenish(self) -> None:
        """Give back the buffers that are free again."""
        if not self._is_nimble:
            return
        total = self._received + max(0, _NIMBLE_BUFFERS - self._queue.pending)
        if total > self._granted:
            self._granted = total
            self._grant(total)

    def counters_dict(self) -> dict[str, int]:
        """Return the counters as a dictionary."""
        return asdict(self.counters)

    def _send(self, connection: Connection, opcode: int, handle: int, value: bytes) -> None:
        pdu = _ATT_HEADER.pack(opcode, handle) + value[: connection.att_mtu - 3]
        connection.send_l2cap_pdu(att.ATT_CID, pdu)

    def _next_indication(self) -> None:
        if self._pending_indication is not None or not self._indications:
            return
        connection, handle, value = self._indications.popleft()
        self._pending_indication = (connection, handle)
        # Sent from here and not by Bumble's coroutine: it must not be overtaken by a notification.
        confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._device.gatt_server.pending_confirmations[connection] = confirmation
        confirmation.add_done_callback(lambda _: self._confirmed(connection, handle))
        self._send(connection, _INDICATION, handle, value)

    def _confirmed(self, connection: Connection, handle: int) -> None:
        if self._pending_indication != (connection, handle):
            return
        self._pending_indication = None
        self._device.gatt_server.pending_confirmations[connection] = None
        self._on_indicated(connection.handle, handle, 0)
        self._next_indication()
