"""The running board: its parts, and the four tasks that run them.

``pump`` (5 ms, sooner when a packet is full by then) captures, encodes, sends and serves commands;
``status`` (1 s) reports, advertises and looks after the links; ``supervise`` feeds the watchdog;
``attend`` answers the heat supervisor, which ticks within ``pump``.
"""

import asyncio
import gc
import time

from faceloop_device import VERSION
from faceloop_device.core.auth import LinkSession
from faceloop_device.core.collector import Collector
from faceloop_device.core.commands import CommandServer, owns_stream
from faceloop_device.core.keys import Keys
from faceloop_device.core.self_test import SelfTest
from faceloop_device.core.settings import forget_keys
from faceloop_device.core.stream import Stream
from faceloop_device.core.supervisor import LOOK_MS, WATCHDOG_MS, Supervisor
from faceloop_device.drivers.ads1298 import GAIN
from faceloop_device.hal import board_pins, outputs, processor
from faceloop_device.hal.ble_link import BleLink, device_name
from faceloop_device.hal.capture import make_capture
from faceloop_device.hal.power import Power, battery_pct
from faceloop_device.hal.serial_link import SerialLink
from faceloop_device.report import make_info, pack_state_into, print_label
from faceloop_device.wearer import Wearer
from faceloop_protocol import (
    config,
    control,
    info,
    selftest,
    serial_frame,
    state,
)
from faceloop_protocol.limits import FS_HZ, UNAUTHENTICATED_LINK_MS

PUMP_MS = 5
STANDBY_PUMP_MS = 25  # nobody waits for anything but a press
# Of ``pump``, whose steps take as long as a packet needs to fill: 1 to 5 ms.
ADAPT_MS = 100
SERIAL_POLL_MS = 20  # unless the cable carries the stream
PERSON_MS = 20  # between two looks at the button
TASK_PUMP, TASK_STATUS, N_TASKS = range(3)  # those that the supervisor waits for
ATTEND_MS = 100
# BTstack keeps for good what was on its way when a link went, up to 9 kB: after so many links, and
# a minute in which nobody wants anything, the board starts afresh.
MOST_DISCONNECTS = 4
LEFT_ALONE_S = 60
ORPHAN_MS = 120000  # a stream that no host fetches stops the converter after this


class Board:
    """All parts of the running board.

    Parameters
    ----------
    crash : Crash
    restarts : int
        In a row, that led to this start.
    """

    def __init__(self, crash, restarts):
        name, pins = board_pins.load()
        self._number = {text: n for n, text in info.BOARD_NAMES.items()}[name]
        self.device_id = processor.device_id()
        self._keys = Keys()
        self._bonds = None
        if pins.HAS_BONDING:
            from faceloop_device.core.bonds import Bonds  # memory that a board without it keeps

            self._bonds = Bonds()
        # Before the large buffers: an ESP32's heap grows into what its radio needs
        # (micropython/micropython 14293).
        self.ble = BleLink(
            LinkSession(self._keys, self.device_id),
            device_name(self.device_id),
            "faceloop " + name,
            "%d.%d.%d" % VERSION,
            "".join("%02x" % b for b in self.device_id),
            self._bonds,
        )
        self._power = Power(pins)
        self._capture = make_capture(pins)
        self._ring_kib = pins.RING_KIB
        self._wearer = Wearer(pins)
        self._self_test = None
        self._testing = None
        self.stream = Stream(self._capture, pins.RING_KIB * 1024)
        self.heat = None
        if outputs.has_heater(pins):
            from faceloop_device.heat import make_heat  # memory that a board without one keeps

            self.heat = make_heat(
                pins,
                self._power,
                self._capture,
                self.stream,
                self._wearer,
                crash.has_hung,
                restarts > 0,
            )
        self.stream_link = None
        self.stream_generation = 0
        self.fault = state.FAULT_NONE
        if restarts:
            self.fault = state.FAULT_HANG if crash.has_hung else state.FAULT_EXCEPTION
        self._crash = crash
        self._restarts = restarts
        self._cable_idle_s = self._left_alone_s = 0
        self._handler_faults = 0  # those of the radio that became a fault
        self._pump_ms = PUMP_MS
        self._started_ms = self._counted_ms = time.ticks_ms()
        self._uptime_s = self._uptime_rest_ms = 0
        self._collector = Collector()
        self._supervisor = Supervisor(N_TASKS)
        self._converter_id = self._probe()
        self.serial = SerialLink(LinkSession(self._keys, self.device_id))
        if self._keys.is_new:
            self._keys.make_owner()  # the radio is on
        self._commands = CommandServer(self)
        self._state = bytearray(state.STATE_BYTES)
        self._config = bytearray(config.CONFIG_BYTES)
        self._told_stream = self._told_converter = -1
        self._stream_seen_ms = 0
        self._publish()
        if self._keys.is_new:
            print_label(self.device_id, self._keys.owner)

    def info(self):
        """Return what the board says about itself."""
        converter = self._capture.converter
        return make_info(
            self,
            self._number,
            converter,
            self._converter_id,
            self._ring_kib,
            self._bonds is not None,
            self._capture.marks_losses,
        )

    def ticks_ms(self):
        """Return milliseconds since boot, wrapping like ``time.ticks_ms``."""
        return time.ticks_ms()

    def may_start(self):
        """Return the status of a START: never on USB power without the bench plug."""
        if self._is_on_a_cable() or self._power.bits() & state.POWER_LOW:
            return control.POWER_REFUSED
        return control.OK

    def start_self_test(self):
        """Test the front end beside the other tasks."""
        gc.collect()  # there is room then for the few seconds of a test
        self._self_test = SelfTest(self._capture)
        self._testing = asyncio.create_task(self._test(self._self_test))

    async def _test(self, test):
        report = await test.run()
        self._converter_id = report.converter_id
        if not report.passed & selftest.PASS_NOISE:
            self.fault = state.FAULT_NOISE

    def is_testing(self):
        """Return whether a self-test is under way."""
        return self._testing is not None and not self._testing.done()

    def self_report(self):
        """Return the report of the last self-test, None before the first."""
        return None if self._self_test is None else self._self_test.report

    def vibrate(self, strength_pct, length_ms):
        """Return the status of a VIBRATE: body-worn functions are off on a cable."""
        if not strength_pct or not length_ms:
            self._wearer.still()
            return control.OK
        status = self.may_start()
        if status == control.OK:
            self._wearer.vibrate(strength_pct, length_ms)
        return status

    def before_start(self, link):
        """Do what may not happen while the converter runs."""
        self.stream.close()
        is_cabled = link is self.serial or self._has_usb()
        if not self.has_watchdog and not is_cabled:
            # Whoever holds the cable wants to get in; whoever wears the board wants it to work.
            self._crash.arm(time.ticks_diff(time.ticks_ms(), self._started_ms))
            self._supervisor.take(processor.start_watchdog(WATCHDOG_MS))
        self._collector.hold()

    @property
    def has_watchdog(self):
        """Whether the watchdog was started: only a reset of the chip ends it."""
        return self._supervisor.watchdog is not None

    def _is_on_a_cable(self):
        bits = self._power.bits()
        return bool(bits & state.POWER_USB) and not bits & state.POWER_BENCH_PLUG

    def on_started(self, link):
        """The stream now belongs to this link."""
        self.stream_link = link
        self.stream_generation = link.session.generation
        self.fault = state.FAULT_NONE
        self._stream_seen_ms = time.ticks_ms()
        if link is self.serial:
            link.start_binary()
        self._publish()

    async def pump(self):
        """Capture, encode, send; serve commands in between."""
        stream = self.stream
        last_us = time.ticks_us()
        adapted_ms = polled_ms = looked_ms = time.ticks_ms()
        heat = self.heat
        while True:
            if heat is not None:
                heat.sample(time.ticks_ms())
            position = stream.position() if stream.is_running else -1
            now_us = time.ticks_us()  # after it: looking late must not pass for a missed frame
            if position >= 0:
                stream.capture(position, time.ticks_diff(now_us, last_us))
                now_ms = time.ticks_ms()
                if time.ticks_diff(now_ms, adapted_ms) >= ADAPT_MS:
                    adapted_ms = now_ms
                    stream.adapt(now_ms)
            last_us = now_us
            if heat is not None:
                heat.step(time.ticks_ms())
            link = self.stream_link
            if link is not None and link.is_up and owns_stream(self, link):
                stream.send(link)
            now_ms = time.ticks_ms()
            if link is self.serial or time.ticks_diff(now_ms, polled_ms) >= SERIAL_POLL_MS:
                polled_ms = now_ms
                self.serial.poll(now_ms)
            self._serve(self.ble)
            self._serve(self.serial)
            if not stream.is_running:
                self._collector.release()  # at once: text over the cable allocates
                self._keys.save()
            self.ble.flush_replies()
            if self.ble.interruption is not None:
                raise self.ble.interruption
            now_ms = time.ticks_ms()
            if time.ticks_diff(now_ms, looked_ms) >= PERSON_MS:
                looked_ms = now_ms
                if self._wearer.look(now_ms) and not stream.is_running:
                    self._factory_reset()  # it writes to the flash
            self._supervisor.beat(TASK_PUMP)
            # A packet leaves as soon as it is full: whoever trains steers by it.
            pause_ms = stream.due_ms() if stream.is_running else STANDBY_PUMP_MS
            await asyncio.sleep_ms(pause_ms if pause_ms < self._pump_ms else self._pump_ms)

    def _count_uptime(self, now_ms):
        # Not the clock itself: it wraps after twelve days, and on a computer it began with that.
        self._uptime_rest_ms += time.ticks_diff(now_ms, self._counted_ms)
        self._counted_ms = now_ms
        self._uptime_s += self._uptime_rest_ms // 1000
        self._uptime_rest_ms %= 1000
        return self._uptime_s

    async def status(self):
        """Once a second: report, advertise, cut unproven links, stop orphaned streams."""
        while True:
            now_ms = time.ticks_ms()
            for link in (self.ble, self.serial):
                if (
                    link.is_up
                    and not link.session.is_open
                    and (time.ticks_diff(now_ms, link.connected_ms) > UNAUTHENTICATED_LINK_MS)
                ):
                    link.disconnect()
            if self.stream.is_running:
                if self.stream_link is not None and self.stream_link.is_up:
                    self._stream_seen_ms = now_ms
                elif time.ticks_diff(now_ms, self._stream_seen_ms) > ORPHAN_MS:
                    self.stream.stop()
                if self.stream.is_silent:
                    self.fault = state.FAULT_CONVERTER_SILENT
                if self._is_on_a_cable():
                    self.stream.stop()
                    self.fault = state.FAULT_USB_POWER
            self._tidy()
            self._shed_watchdog()
            self._shed_leak()
            self._care_for_bonds(now_ms)
            self._care_for_handler()
            battery_mv = self._power.battery_mv()
            power = self._power.bits()
            self._report_to_wearer(now_ms, power, battery_mv)
            percent = battery_pct(battery_mv)
            wearer = self._wearer
            health = (
                self._restarts,
                self._collector.longest_ms,
                wearer.presses,
                wearer.long_presses,
            )
            uptime_s = self._count_uptime(now_ms)
            pack_state_into(self._state, self, uptime_s, power, percent, battery_mv, health)
            self.ble.send_state(self._state, percent)
            self.serial.send_state(self._state, percent)
            self._publish()  # a write to config has overwritten what a read of it answers
            is_standby = wearer.is_standby(now_ms)
            self._pump_ms = STANDBY_PUMP_MS if is_standby else PUMP_MS
            self.ble.advertise(wearer.awake_for_ms(now_ms), is_standby)
            self._supervisor.beat(TASK_STATUS)
            await asyncio.sleep_ms(1000)

    async def supervise(self):
        """Feed the watchdog while the other tasks come round."""
        while True:
            self._supervisor.look()
            await asyncio.sleep_ms(LOOK_MS)

    async def attend(self):
        """Show the heat supervisor that not only its own task is alive."""
        while self.heat is not None:
            self.heat.attend()
            await asyncio.sleep_ms(ATTEND_MS)

    def shut_down(self):
        """Everything off, the cable back to text; what was captured last is left."""
        if self.heat is not None:
            self.heat.off()
        self._wearer.off()
        self.serial.disconnect()
        if self.stream.is_running:
            self._capture.stop()

    def _serve(self, link):
        message = link.inbox.get()
        while message is not None:
            if link is self.serial:
                channel, message = message
                if channel == serial_frame.CHANNEL_KEY:
                    if link.session.commands.take(self.ticks_ms()):
                        link.send_key(self.device_id + self._key_for(message))
                    message = b""
                elif channel != serial_frame.CHANNEL_CONTROL:
                    message = b""
            reply = self._commands.handle(message, link)
            if reply is not None:
                if link is self.serial and message[0] == control.STOP:
                    link.start_text()
                link.reply(reply)
            if link.session.is_abused():
                link.session.back_off(self.ticks_ms())
                link.disconnect()
            message = link.inbox.get()

    def _key_for(self, asked):
        """Return what is let out over the cable: a key, or nothing before the button was held."""
        is_pairing = self._wearer.is_pairing(self.ticks_ms())
        if asked == serial_frame.KEY_OWNER and (is_pairing or not self._keys.is_claimed):
            return self._keys.owner or b""
        if asked == serial_frame.KEY_THERAPIST and is_pairing and not self.stream.is_running:
            try:
                return self._keys.make_therapist()  # it writes to the flash
            except OSError:
                return b""
        return b""

    def _care_for_bonds(self, now_ms):
        bonds = self._bonds
        if bonds is not None:
            bonds.is_open = not self._keys.is_claimed or self._wearer.is_pairing(now_ms)
            if not self.stream.is_running:
                bonds.save()
                if bonds.is_open and self.ble.session.is_open:
                    self.ble.ask_to_pair()  # whoever has proven the key may have a bond

    def _care_for_handler(self):
        ble = self.ble
        if ble.handler_faults != self._handler_faults:
            self._handler_faults = ble.handler_faults
            self.fault = state.FAULT_RADIO
        if not self.stream.is_running:
            error = ble.take_handler_error()
            if error is not None:
                self._crash.note(error)

    def _factory_reset(self):
        self._crash.disarm()
        forget_keys()
        self.shut_down()
        outputs.all_off()
        processor.reset()

    def _report_to_wearer(self, now_ms, power, battery_mv):
        is_cabled = self._is_on_a_cable()
        if self.stream.is_running and self._wearer.is_empty(battery_mv):
            self.stream.stop()
            self.fault = state.FAULT_BATTERY
        if self._testing is not None and is_cabled:
            self._testing.cancel()  # the front end stays without power
        self._wearer.report(
            now_ms,
            self.heat is not None and self.heat.has_fault(),
            bool(self.fault),
            bool(power & state.POWER_LOW),
            self.stream.is_running,
            self.ble.is_up or self.serial.is_up,
            is_cabled,
            bool(power & state.POWER_USB),
        )

    def _shed_watchdog(self):
        # A cable on a board that nobody uses: somebody wants to get in, and at the prompt nobody
        # feeds the watchdog.
        is_idle = not self._is_used() and self._has_usb()
        self._cable_idle_s = self._cable_idle_s + 1 if is_idle else 0
        if self.has_watchdog and self._cable_idle_s > 1:
            self._start_afresh()

    def _shed_leak(self):
        is_busy = self._is_used() or self.is_testing() or self._has_usb()
        if is_busy or (self.heat is not None and not self.heat.is_over()):
            self._left_alone_s = 0
            return
        self._left_alone_s += 1
        has_leak = self._bonds is None  # the stack that has pairing leaks nothing
        is_enough = self.ble.disconnects >= MOST_DISCONNECTS
        if has_leak and is_enough and self._left_alone_s > LEFT_ALONE_S:
            self._start_afresh()

    def _is_used(self):
        return self.stream.stream_id or self.ble.is_up or self.serial.is_up

    def _start_afresh(self):
        self._crash.disarm()
        self.shut_down()
        processor.reset()

    def _has_usb(self):
        return bool(self._power.bits() & state.POWER_USB)

    def _tidy(self):
        stream = self.stream
        if stream.is_running:
            ring_frames = stream.frames.capacity
            self._collector.look(gc.mem_free(), gc.mem_alloc(), stream.waiting, ring_frames)

    def _publish(self):
        stream = self.stream
        config.pack_config_into(self._config, stream.mode, stream.shift, GAIN, FS_HZ)
        self.ble.set_config(self._config)
        # What else ``info`` says does not change, and to make it allocates a kilobyte.
        if stream.stream_id != self._told_stream or self._converter_id != self._told_converter:
            self._told_stream = stream.stream_id
            self._told_converter = self._converter_id
            self.ble.set_info(info.pack_info(self.info()))

    def _probe(self):
        if self._is_on_a_cable():
            return 0  # the front end stays without power
        try:
            self._capture.probe()
            return self._capture.converter.id
        except OSError:
            self.fault = state.FAULT_CONVERTER_ID
            return 0
