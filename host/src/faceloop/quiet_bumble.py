"""Bumble's host without the cost of logging that nobody reads.

Bumble formats every packet for its debug log, whether or not the log is written.
"""

from __future__ import annotations

import logging

from bumble import att, hci
from bumble.host import Host

__all__ = ["QuietHost", "hush"]


class QuietHost(Host):
    """A Bumble host that does not format packets for the log."""

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Act on a packet of the controller."""
        if isinstance(packet, hci.HCI_AclDataPacket):
            if self.snooper:
                super().on_hci_packet(packet)
            else:
                self.on_hci_acl_data_packet(packet)
        else:
            super().on_hci_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Send a packet to the controller."""
        if self.snooper:
            super().send_hci_packet(packet)
        elif (sink := self.hci_sink) is not None:
            sink.on_packet(bytes(packet))


def hush() -> None:
    """Keep Bumble from logging what nobody reads.

    Warnings about ordinary events stay off the terminal: a notification before the subscription or
    after its end is ordinary here, as the board streams on command. Errors are raised as well, so
    they are written only where logging is set up. And unless somebody debugs, ATT packets are no
    longer formatted for the log: a fifth of the link's CPU time (profiled at 160 notifications
    per second).
    """
    log = logging.getLogger("bumble")
    if log.isEnabledFor(logging.DEBUG):
        return
    log.setLevel(logging.ERROR)
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    att.ATT_PDU.__str__ = _short_name  # type: ignore[method-assign]


def _short_name(pdu: att.ATT_PDU) -> str:
    return pdu.name
