"""Heat in the running program: brings pins, stream, person and host together with the supervisor.

The supervisor (``faceloop_heat``) owns the heater. In here it is only given what it asks for.
"""

from faceloop_device.core.heat_commands import HeatCommands
from faceloop_device.hal import heat_circuit, processor
from faceloop_heat.output import ANSWER_MASK
from faceloop_heat.supervisor import Supervisor
from faceloop_protocol.heat import LATCHED, OFF, WAIT_BUTTON
from faceloop_protocol.limits import FS_HZ

_TICKS_MASK = 0x3FFFFFFF


class Heat:
    """The heater of a board that has one.

    Parameters
    ----------
    pins : module
        Pin map.
    power, capture, stream, wearer
        Of the board.
    reset_cause : int
        RESET_ constant of ``faceloop_heat.hal``.
    """

    def __init__(self, pins, power, capture, stream, wearer, reset_cause):
        self._capture = capture
        self._stream = stream
        self._wearer = wearer
        self._circuit = heat_circuit.HeatCircuit(pins, power)
        self.supervisor = Supervisor(
            self._circuit, pins.PAD_AREA_CM2, pins.HEATER_MOHM, reset_cause
        )
        self._commands = HeatCommands(self.supervisor)
        self._link = None
        self._generation = 0
        self._last_ms = -1
        self._frames = 0
        self._seen_frame = 0
        self._was_running = False
        self._stream_id = 0
        self._expected = 0  # electrodes that were on when heat was asked for

    def sample(self, now_ms):
        """Take some conversions; every few milliseconds, before the stream's position is read."""
        self._circuit.sample(now_ms)

    def step(self, now_ms):
        """Let the supervisor do what is due, right after the stream has taken its frames."""
        supervisor = self.supervisor
        elapsed_ms = 0 if self._last_ms < 0 else (now_ms - self._last_ms) & _TICKS_MASK
        self._last_ms = now_ms
        self._follow_stream(elapsed_ms)
        self._follow_link()
        circuit = self._circuit
        circuit.rail_mv = self._capture.rail_mv
        if self._wearer.take_pressed():
            circuit.was_pressed = True
        supervisor.tick(now_ms)

    def attend(self):
        """Answer the supervisor's challenge: another task than the one that ticks is alive."""
        output = self.supervisor.output
        output.answer(output.challenge ^ ANSWER_MASK)

    def serve(self, op, body, link, is_cable):
        """Answer a heat command of a proven session of ``link``; return status and body."""
        session = link.session
        if link is not self._link or session.generation != self._generation:
            self._link = link
            self._generation = session.generation
            self.supervisor.open_link(self._number(is_cable))
        return self._commands.serve(op, body, self._number(is_cable), is_cable)

    def has_fault(self):
        """Return whether a fault is latched or locked."""
        return self.supervisor.state >= LATCHED

    def is_over(self):
        """Return whether nothing of a session is left to be done, cooling and booking included."""
        return self.supervisor.state == OFF or self.supervisor.state >= LATCHED

    def stop(self):
        """Stop heat, whoever asks."""
        self.supervisor.stop()

    def off(self):
        """The program ends: open both switches."""
        self._circuit.off()

    def _number(self, is_cable):
        return 2 * (self._generation & 0xFFFFFF) + 1 + (1 if is_cable else 0)

    def _follow_link(self):
        link = self._link
        if link is not None and not (
            link.is_up and link.session.is_open and link.session.generation == self._generation
        ):
            self._link = None
            self.supervisor.close_link()

    def _follow_stream(self, elapsed_ms):
        stream = self._stream
        supervisor = self.supervisor
        is_running = stream.is_running
        # One that its owner began anew between two steps is another one: the front end was set up
        # for it, and what it measured then was not judged by a start.
        goes_on = is_running and self._was_running and stream.stream_id == self._stream_id
        if self._was_running and not goes_on:
            supervisor.stop()
        self._was_running = is_running
        self._stream_id = stream.stream_id
        frame = stream.frames.frame + stream.waiting
        # Without conversions there is no second clock, and nobody knows whether it is worn.
        self._frames += frame - self._seen_frame if goes_on else elapsed_ms * FS_HZ // 1000
        self._seen_frame = frame
        off = stream.lead_off_p | stream.lead_off_n if is_running else 0xFF
        self._frames &= 0xFFFFFF
        self._circuit.frames = self._frames
        state = supervisor.state
        if state == OFF or state == WAIT_BUTTON:  # no tuple: it would be allocated
            self._expected = ~off & 0xFF
        # A montage may leave channels free: what counts is what was on at the start.
        self._circuit.is_lead_off = not self._expected or bool(self._expected & off)


def make_heat(pins, power, capture, stream, wearer, has_hung, is_restart):
    """Return the ``Heat`` of a board that has a heater."""
    reset_cause = processor.heat_reset_cause(has_hung, is_restart)
    return Heat(pins, power, capture, stream, wearer, reset_cause)
