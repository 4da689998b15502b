"""One end of a connection over the virtual air, as its controller sees it."""

from __future__ import annotations

from dataclasses import dataclass

from bumble import hci, ll
from bumble.controller import Connection

from faceloop.twin.radio.link import AirLink, Side

__all__ = ["INTERVAL_UNIT_S", "TIMEOUT_UNIT_S", "RadioConnection"]

INTERVAL_UNIT_S = 1.25e-3
TIMEOUT_UNIT_S = 10e-3
"""Units of HCI's connection parameters."""


@dataclass
class RadioConnection(Connection):
    """Bumble's connection, tied to its ``AirLink``; what the stock class does is in brackets."""

    air_link: AirLink | None = None
    side: Side = Side.CENTRAL
    peer: RadioConnection | None = None

    def send_ll_control_pdu(self, packet: ll.ControlPdu) -> None:
        """Send a control PDU at the next connection event (stock: at once, found by address)."""
        if self.air_link is None or (peer := self.peer) is None:
            return
        if isinstance(packet, ll.TerminateInd):
            self.air_link.terminate(self.side, packet.error_code)
            return

        def arrive() -> None:
            if peer.is_alive:
                peer.controller.on_ll_control_pdu(self.self_address, packet)

        self.air_link.send(self.side, 0, arrive)

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """Queue data for the air (stock: delivered and acknowledged at once)."""
        if self.air_link is None or (peer := self.peer) is None:
            return
        data = packet.data
        boundary = 1 if packet.pb_flag == 1 else 2  # continuing or starting an L2CAP packet

        def arrive() -> None:
            if peer.is_alive:
                peer.controller.send_hci_packet(
                    hci.HCI_AclDataPacket(peer.handle, boundary, 0, len(data), data)
                )

        def leave() -> None:
            if self.is_alive:
                self.controller.send_hci_packet(
                    hci.HCI_Number_Of_Completed_Packets_Event(
                        connection_handles=[self.handle], num_completed_packets=[1]
                    )
                )

        self.air_link.send(self.side, len(data), arrive, leave)

    @property
    def is_alive(self) -> bool:
        """Whether the controller still has this connection."""
        return self.controller.le_connections.get(self.peer_address) is self

    def on_air_end(self, reason: int) -> None:
        """Tell the host that the connection has ended."""
        if self.is_alive:
            self.controller.on_le_disconnected(self, reason)

    def report_parameters(self, interval_s: float, timeout_s: float, latency: int) -> None:
        """Tell the host the connection's new parameters."""
        self.controller.send_hci_packet(
            hci.HCI_LE_Connection_Update_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS,
                connection_handle=self.handle,
                connection_interval=round(interval_s / INTERVAL_UNIT_S),
                peripheral_latency=latency,
                supervision_timeout=round(timeout_s / TIMEOUT_UNIT_S),
            )
        )
