"""What ties the virtual controllers to the air."""

from __future__ import annotations

import asyncio

from bumble import ll
from bumble.controller import Controller
from bumble.link import LocalLink

from faceloop.twin.radio.connection import RadioConnection
from faceloop.twin.radio.link import Air, AirLink, Clock, Side
from faceloop.twin.radio.settings import RadioSettings

__all__ = ["Ether"]


class Ether(LocalLink):
    """Carries advertisements between controllers and joins two of them into a connection."""

    def __init__(self, settings: RadioSettings, clock: Clock | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.air = Air(settings, clock or asyncio.get_running_loop())

    def send_advertising_pdu(
        self, sender_controller: Controller, packet: ll.AdvertisingPdu
    ) -> None:
        """Pass an advertisement to everyone in reach; nobody hears it in a blackout."""
        if not self.air.is_dark(self.air.clock.time()):
            super().send_advertising_pdu(sender_controller, packet)

    def join(
        self,
        central: RadioConnection,
        peripheral: RadioConnection,
        interval_s: float,
        timeout_s: float,
    ) -> None:
        """Make one air link out of the two ends of a new connection."""
        ends = (central, peripheral)
        link = AirLink(
            self.air,
            interval_s,
            timeout_s,
            (central.on_air_end, peripheral.on_air_end),
        )
        for end in ends:
            end.air_link = link
            end.peer = ends[end.side.other]

    def update(
        self, connection: RadioConnection, interval_s: float, timeout_s: float, latency: int = 0
    ) -> None:
        """Give a connection new parameters and tell both hosts."""
        if connection.air_link is None:
            return
        interval_s = self.air.interval_s(interval_s)
        timeout_s = self.air.timeout_s(timeout_s)
        connection.air_link.update(interval_s, timeout_s)
        for end in (connection, connection.peer):
            if end is not None and end.is_alive:
                end.report_parameters(interval_s, timeout_s, latency)

    def update_all(self, interval_s: float) -> None:
        """Move every connection to another interval."""
        for controller in self.controllers:
            for connection in controller.le_connections.values():
                if isinstance(connection, RadioConnection) and connection.side is Side.CENTRAL:
                    assert connection.air_link is not None
                    self.update(connection, interval_s, connection.air_link.timeout_s)
