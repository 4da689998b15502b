"""What the board does with each heat command. Pure: it knows no radio and no pins.

The supervisor decides; in here are only lengths, units and the answers.
"""

import struct

from faceloop_protocol import control, heat


class HeatCommands:
    """Answers heat commands whose tags have been checked.

    Parameters
    ----------
    supervisor : faceloop_heat.supervisor.Supervisor
    """

    def __init__(self, supervisor):
        self._supervisor = supervisor
        self._state = bytearray(heat.HEAT_STATE_BYTES)
        self._serve = {
            heat.HEAT_REQUEST: self._request,
            heat.HEAT_LEASE: self._lease,
            heat.HEAT_CONFIRM: self._confirm,
            heat.HEAT_END: self._end,
            heat.HEAT_PERMIT: self._permit,
            heat.HEAT_TIME: self._time,
            heat.HEAT_STATE: self._report,
            heat.HEAT_UNLOCK: self._unlock,
        }

    def serve(self, op, body, link, is_cable):
        """Return status and body of the reply.

        Parameters
        ----------
        op : int
        body : bytes
        link : int
            > 0, tells this proven session from every other.
        is_cable : bool
            It came by cable: the bench.
        """
        serve = self._serve.get(op)
        if serve is None:
            return control.UNKNOWN_COMMAND, b""
        if len(body) != heat.BODY_BYTES[op]:
            return control.BAD_LENGTH, b""
        status = serve(body, link, is_cable)
        if status != control.OK:
            cause = bytes([self._refusal]) if status == control.HEAT_REFUSED else b""
            return status, cause
        heat.pack_heat_state_into(self._state, self._supervisor.report())
        return control.OK, bytes(self._state)

    def _request(self, body, link, _is_cable):
        setpoint_cdegc, minutes = struct.unpack(heat.REQUEST_FORMAT, body)
        cause = self._supervisor.request(link, setpoint_cdegc * 10, minutes)
        if cause == heat.CAUSE_NONE:
            return control.OK
        if cause == heat.NOT_PROVEN:
            return control.OUT_OF_RANGE
        return self._refuse(cause)

    def _lease(self, body, link, _is_cable):
        setpoint_cdegc, life_ms = struct.unpack(heat.LEASE_FORMAT, body)
        if self._supervisor.renew(link, setpoint_cdegc * 10, life_ms):
            return control.OK
        if not self._supervisor.has_request():
            return self._refuse(self._supervisor.cause)  # nothing to renew: it has ended
        return control.OUT_OF_RANGE

    def _confirm(self, _body, link, _is_cable):
        return control.OK if self._supervisor.confirm(link) else control.PROOF_NEEDED

    def _end(self, _body, _link, _is_cable):
        self._supervisor.stop()
        return control.OK

    def _permit(self, body, link, _is_cable):
        (permission,) = struct.unpack(heat.PERMIT_FORMAT, body)
        if permission > heat.PERMIT_FLAGGED:
            return control.OUT_OF_RANGE
        supervisor = self._supervisor
        before = supervisor.ledger.permission
        if supervisor.permit(link, permission):
            return control.OK
        # Less than before holds at once, kept or not.
        is_refused = supervisor.state != heat.OFF and supervisor.ledger.permission == before
        return self._refuse(heat.BUSY if is_refused else heat.STORAGE)

    def _time(self, body, link, _is_cable):
        (utc_s,) = struct.unpack(heat.TIME_FORMAT, body)
        return control.OK if self._supervisor.note_time(link, utc_s) else control.PROOF_NEEDED

    def _report(self, _body, _link, _is_cable):
        return control.OK

    def _unlock(self, _body, _link, is_cable):
        if is_cable and self._supervisor.unlock():
            return control.OK
        return self._refuse(self._supervisor.cause)

    def _refuse(self, cause):
        self._refusal = cause
        return control.HEAT_REFUSED
