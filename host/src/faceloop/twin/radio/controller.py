"""A virtual Bluetooth LE controller: Bumble's, with what its stock version lacks.

Bumble's controller speaks HCI and link-layer control well, but its air is perfect and instant, and
several commands a real host needs are missing or do nothing. Each override here names what the
stock class (0.0.236) does instead.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bumble import hci, ll
from bumble.controller import Controller, LegacyAdvertiser
from bumble.core import PhysicalTransport

from faceloop.twin.radio.connection import INTERVAL_UNIT_S, TIMEOUT_UNIT_S, RadioConnection
from faceloop.twin.radio.ether import Ether
from faceloop.twin.radio.link import Side

if TYPE_CHECKING:
    from bumble.transport.common import BaseSource, TransportSink

__all__ = ["Advertisement", "RadioController"]

_log = logging.getLogger(__name__)

_ADV_IND = 0
_LE_1M, _LE_2M = 1, 2
# What one direction of a controller holds: NimBLE's usual msys block count. Small enough that a
# host sees back-pressure, large enough to fill a connection event.
_ACL_BUFFERS = 12
_ADV_DELAY_MAX_S = 0.010  # Core specification Vol 6 Part B 4.4.2.2: random 0-10 ms per event
_ADV_INTERVAL_MIN_S = 0.020


@dataclass
class Advertisement(ll.AdvInd):
    """An advertising PDU together with what a scan request would bring."""

    scan_response: bytes = b""
    is_connectable: bool = True


class _Advertiser(LegacyAdvertiser):
    """Legacy advertising with the interval in its real unit (stock: value/1000 s)."""

    def _on_timer_fired(self) -> None:
        self.send_advertising_data()
        controller = self.controller
        assert isinstance(controller, RadioController)
        interval_s = max(self.advertising_interval_min * 0.625e-3, _ADV_INTERVAL_MIN_S)
        delay_s = controller.ether.air.rng.uniform(0, _ADV_DELAY_MAX_S)
        self.timer_handle = asyncio.get_running_loop().call_later(
            interval_s + delay_s, self._on_timer_fired
        )

    def send_advertising_data(self) -> None:
        controller = self.controller
        if not self.enabled or not isinstance(controller, RadioController):
            return
        controller.send_advertising_pdu(
            Advertisement(
                advertiser_address=self.address,
                data=bytes(self.advertising_data),
                scan_response=bytes(self.scan_response_data),
                is_connectable=controller.is_connectable,
            )
        )


class RadioController(Controller):
    """One controller on the shared air.

    Parameters
    ----------
    name : str
        For log messages.
    ether : Ether
        The air all controllers share.
    host_source, host_sink : optional
        HCI transport of a host in another process.
    """

    # Legacy advertising only: extended advertising would bring other classes with other bugs.
    le_features = Controller.le_features & ~(
        hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
        | hci.LeFeatureMask.LL_PRIVACY
    )
    # Stock: 27, which cuts a 244-byte notification into 10 HCI packets.
    le_acl_data_packet_length = 251
    total_num_le_acl_data_packets = _ACL_BUFFERS
    supported_max_tx_time = 17040
    supported_max_rx_time = 17040

    def __init__(
        self,
        name: str,
        ether: Ether,
        host_source: BaseSource | None = None,
        host_sink: TransportSink | None = None,
    ) -> None:
        super().__init__(name, host_source, host_sink, link=ether)
        self.ether = ether
        self.le_legacy_advertiser = _Advertiser(self)
        self.supported_max_tx_octets = ether.air.settings.pdu_octets
        self.supported_max_rx_octets = ether.air.settings.pdu_octets
        self._reported: set[tuple[hci.Address, int, bytes]] = set()

    @property
    def is_connectable(self) -> bool:
        """Whether a connection request would be answered now; one connection is the limit."""
        return self.le_legacy_advertiser.advertising_type == _ADV_IND and not self.le_connections

    def vanish(self) -> None:
        """Go silent without a word; peers notice at their supervision timeout."""
        self.le_legacy_advertiser.stop()
        self.pending_le_connection = None
        self.le_scan_enable = False
        self.host = None
        for connection in list(self.le_connections.values()):
            if isinstance(connection, RadioConnection) and connection.air_link is not None:
                connection.air_link.silence(connection.side)
        self.le_connections.clear()
        if self in self.ether.controllers:
            self.ether.remove_controller(self)

    # HCI transport: the stock versions format every packet for the log, logged or not.

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Act on a packet of the host."""
        if isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)
        elif isinstance(packet, hci.HCI_Command):
            self.on_hci_command_packet(packet)
        else:
            _log.warning("%s: host sent an unexpected packet", self.name)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Send a packet to the host."""
        if (sink := self.hci_sink) is not None:
            asyncio.get_running_loop().call_soon(sink.on_packet, bytes(packet))

    # Scanning

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Start or stop scanning; each scan reports every device anew."""
        self._reported.clear()
        return super().on_hci_le_set_scan_enable_command(command)

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        """Report an advertisement (stock: the scan response repeats the advertising data)."""
        if not isinstance(pdu, Advertisement) or self.ether.air.loses():
            return
        if self.le_scan_enable:
            kinds = hci.HCI_LE_Advertising_Report_Event.EventType
            self._report(pdu, kinds.ADV_IND if pdu.is_connectable else kinds.ADV_NONCONN_IND,
                         pdu.data)  # fmt: skip
            if self.le_scan_type and pdu.scan_response:
                self._report(pdu, kinds.SCAN_RSP, pdu.scan_response)
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)

    def _report(self, pdu: Advertisement, kind: int, data: bytes) -> None:
        key = (pdu.advertiser_address, int(kind), data)
        if self.filter_duplicates and key in self._reported:
            return
        self._reported.add(key)
        report = hci.HCI_LE_Advertising_Report_Event.Report(
            event_type=kind,
            address_type=pdu.advertiser_address.address_type,
            address=pdu.advertiser_address,
            data=data,
            rssi=self.ether.air.settings.rssi_dbm,
        )
        self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))

    # Connecting

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Give up connecting (stock: a no-op, after which nothing can connect any more)."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def create_le_connection(self, peer_address: hci.Address) -> None:
        """Connect as central, with the parameters the air grants (stock: the peer is guessed)."""
        pending = self.pending_le_connection
        peripheral = self._find_advertiser(peer_address)
        # Another central may have been faster with this very advertisement.
        if pending is None or peripheral is None or peer_address in self.le_connections:
            return
        assert isinstance(pending, hci.HCI_LE_Create_Connection_Command)
        self.pending_le_connection = None
        air = self.ether.air
        interval_s = air.interval_s(pending.connection_interval_min * INTERVAL_UNIT_S)
        timeout_s = air.timeout_s(pending.supervision_timeout * TIMEOUT_UNIT_S)
        central_end = self._add_connection(hci.Role.CENTRAL, self.random_address, peer_address)
        peripheral_end = peripheral._add_connection(
            hci.Role.PERIPHERAL, peer_address, self.random_address
        )
        peripheral.le_legacy_advertiser.stop()
        self.ether.join(central_end, peripheral_end, interval_s, timeout_s)
        for end in (central_end, peripheral_end):
            end.controller.send_hci_packet(
                hci.HCI_LE_Connection_Complete_Event(
                    status=hci.HCI_ErrorCode.SUCCESS,
                    connection_handle=end.handle,
                    role=end.role,
                    peer_address_type=end.peer_address.address_type,
                    peer_address=end.peer_address,
                    connection_interval=round(interval_s / INTERVAL_UNIT_S),
                    peripheral_latency=pending.max_latency,
                    supervision_timeout=round(timeout_s / TIMEOUT_UNIT_S),
                    central_clock_accuracy=0,
                )
            )

    def _find_advertiser(self, address: hci.Address) -> RadioController | None:
        """Return the controller that advertises itself connectably under this address."""
        for controller in self.ether.controllers:
            if isinstance(controller, RadioController) and controller.is_connectable:
                advertiser = controller.le_legacy_advertiser
                if advertiser.enabled and advertiser.address == address:
                    return controller
        return None

    def _add_connection(
        self, role: hci.Role, self_address: hci.Address, peer_address: hci.Address
    ) -> RadioConnection:
        connection = RadioConnection(
            controller=self,
            handle=self.allocate_connection_handle(),
            role=role,
            self_address=self_address,
            peer_address=peer_address,
            link=self.ether,
            transport=PhysicalTransport.LE,
            link_type=hci.HCI_Connection_Complete_Event.LinkType.ACL,
            side=Side.CENTRAL if role == hci.Role.CENTRAL else Side.PERIPHERAL,
        )
        self.le_connections[peer_address] = connection
        return connection

    # Ending

    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        """Disconnect through the air (stock: complete at once, even when the air is dead)."""
        connection = self.find_le_connection_by_handle(command.connection_handle)
        if not isinstance(connection, RadioConnection):
            self._send_hci_command_status(
                hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, command.op_code
            )
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        connection.send_ll_control_pdu(ll.TerminateInd(command.reason))

    # Parameters of a running connection

    def on_hci_le_connection_update_command(
        self, command: hci.HCI_LE_Connection_Update_Command
    ) -> None:
        """Change interval and timeout on the air, too (stock: only tells the hosts)."""
        connection = self.find_le_connection_by_handle(command.connection_handle)
        if not isinstance(connection, RadioConnection):
            self._send_hci_command_status(
                hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, command.op_code
            )
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        self.ether.update(
            connection,
            command.connection_interval_max * INTERVAL_UNIT_S,
            command.supervision_timeout * TIMEOUT_UNIT_S,
            command.max_latency,
        )

    def on_hci_le_set_data_length_command(
        self, command: hci.HCI_LE_Set_Data_Length_Command
    ) -> hci.HCI_StatusAndConnectionHandleReturnParameters:
        """Grant what the board's profile can do (stock: unknown command)."""
        connection = self.find_le_connection_by_handle(command.connection_handle)
        if not isinstance(connection, RadioConnection):
            return _unknown_connection(command.connection_handle)
        octets = min(command.tx_octets, self.ether.air.settings.pdu_octets)
        for end in (connection, connection.peer):
            if end is not None and end.is_alive:
                end.controller.send_hci_packet(
                    hci.HCI_LE_Data_Length_Change_Event(
                        connection_handle=end.handle,
                        max_tx_octets=octets,
                        max_tx_time=command.tx_time,
                        max_rx_octets=octets,
                        max_rx_time=command.tx_time,
                    )
                )
        return hci.HCI_StatusAndConnectionHandleReturnParameters(
            status=hci.HCI_ErrorCode.SUCCESS, connection_handle=command.connection_handle
        )

    def on_hci_le_set_phy_command(self, command: hci.HCI_LE_Set_PHY_Command) -> None:
        """Change the PHY of the connection (stock: no event, so that hosts wait for ever)."""
        connection = self.find_le_connection_by_handle(command.connection_handle)
        if not isinstance(connection, RadioConnection) or connection.air_link is None:
            self._send_hci_command_status(
                hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, command.op_code
            )
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        phy = _LE_2M if int(command.tx_phys) & _LE_2M else _LE_1M
        connection.air_link.phy_mbps = phy
        for end in (connection, connection.peer):
            if end is not None and end.is_alive:
                end.controller.send_hci_packet(
                    hci.HCI_LE_PHY_Update_Complete_Event(
                        status=hci.HCI_ErrorCode.SUCCESS,
                        connection_handle=end.handle,
                        tx_phy=phy,
                        rx_phy=phy,
                    )
                )

    def on_hci_le_read_phy_command(
        self, command: hci.HCI_LE_Read_PHY_Command
    ) -> hci.HCI_LE_Read_PHY_ReturnParameters:
        """Return the PHY in use (stock: always LE 1M)."""
        connection = self.find_le_connection_by_handle(command.connection_handle)
        link = connection.air_link if isinstance(connection, RadioConnection) else None
        phy = hci.Phy.LE_2M if link is not None and link.phy_mbps == _LE_2M else hci.Phy.LE_1M
        return hci.HCI_LE_Read_PHY_ReturnParameters(
            status=hci.HCI_ErrorCode.SUCCESS,
            connection_handle=command.connection_handle,
            tx_phy=phy,
            rx_phy=phy,
        )

    def on_hci_read_rssi_command(
        self, command: hci.HCI_Read_RSSI_Command
    ) -> hci.HCI_Read_RSSI_ReturnParameters:
        """Return the modelled signal strength (stock: unknown command)."""
        return hci.HCI_Read_RSSI_ReturnParameters(
            status=hci.HCI_ErrorCode.SUCCESS,
            handle=command.handle,
            rssi=self.ether.air.settings.rssi_dbm,
        )


def _unknown_connection(handle: int) -> hci.HCI_StatusAndConnectionHandleReturnParameters:
    return hci.HCI_StatusAndConnectionHandleReturnParameters(
        status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, connection_handle=handle
    )
