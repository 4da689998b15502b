"""What numbers of the protocol mean, in words: for the host. No board imports this.

A board has no memory for it, and shows nobody a sentence.
"""

from . import control, heat, state

STATUS_TEXT = {
    control.OK: "ok",
    control.NOT_FITTED: "not fitted",
    control.PROOF_NEEDED: "the key has not been proven yet",
    control.BAD_PROOF: "the key does not fit",
    control.BAD_TAG: "wrong tag",
    control.BAD_COUNTER: "counter did not rise",
    control.BAD_LENGTH: "wrong length",
    control.OUT_OF_RANGE: "value out of range",
    control.UNKNOWN_COMMAND: "unknown command",
    control.BUSY: "busy",
    control.NO_STREAM: "no stream is open",
    control.GONE: "that stream is no longer on the board",
    control.CONVERTER_FAULT: "the EMG converter does not answer",
    control.POWER_REFUSED: "USB power is present or the battery is too low",
    control.VERSION_MISMATCH: "another protocol version",
    control.HEAT_REFUSED: "heat may not begin now",
    control.RATE_LIMITED: "too many commands in one second",
    control.BACK_OFF: "too many wrong proofs",
    control.SMALL_MTU: "the Bluetooth link takes no whole packet",
}

FAULT_TEXT = {
    state.FAULT_NONE: "no fault",
    state.FAULT_CONVERTER_ID: "The EMG converter does not answer. Check its power and its cable.",
    state.FAULT_CONVERTER_SILENT: (
        "The EMG converter stopped converting. Switch the board off and on."
    ),
    state.FAULT_EXCEPTION: (
        "The board's program failed and has started again. Start once more; if it fails again, "
        "install the firmware anew."
    ),
    state.FAULT_HANG: (
        "The board's program hung and was started again by its watchdog. Start once more; if it "
        "happens again, install the firmware anew."
    ),
    state.FAULT_USB_POWER: (
        "A USB cable is plugged in: the electrodes are off. Unplug it and start."
    ),
    state.FAULT_BATTERY: (
        "The battery is empty: the electrodes are off. Charge it, then start again."
    ),
    state.FAULT_RADIO: (
        "An event of the radio could not be handled; the board went on. Switch it off and on; if "
        "it happens again, install the firmware anew."
    ),
    state.FAULT_NOISE: "The EMG converter is noisier than it should be. Run a self-test.",
}

HEAT_STATE_NAMES = (
    "BOOT_TEST",
    "OFF",
    "WAIT_BUTTON",
    "WARMUP",
    "HOLD",
    "PAUSED",
    "COOL",
    "LATCHED",
    "LOCKED",
)
"""By number: BOOT_TEST ... LOCKED of ``heat``."""

CAUSE_TEXT = {
    heat.CAUSE_NONE: "no cause",
    heat.STOPPED: "Heat was stopped.",
    heat.SESSION_DONE: "The heat session is complete.",
    heat.DOSE_USED: "The warmth allowed for now is used up. Heat is free again later.",
    heat.BATTERY_LOW: "The battery is too low for heat. Charge it, not while wearing it.",
    heat.USB_POWER: "A USB cable is plugged in: heat is off. Unplug it first.",
    heat.NO_ANSWER: "Nobody answered whether they are still there, so heat was ended.",
    heat.PAUSED_TOO_LONG: "Heat paused for more than 30 seconds and was ended. Start it again.",
    heat.PAUSED_TOO_OFTEN: "Heat had to pause too often and was ended. Check the fit of the pad.",
    heat.TIMER_EXPIRED: "The safety timer ended heat. Wait a minute before the next start.",
    heat.NOT_PRESSED: "The button was not pressed within a minute. Ask for heat again.",
    heat.NOT_PERMITTED: "Heat needs a passed warm and cool skin test first.",
    heat.NOT_WORN: "The electrodes do not touch the skin. Put them on, then start again.",
    heat.NOT_RESTED: "The skin needs rest: two hours between sessions, three sessions a day.",
    heat.NOT_SETTLED: "The pad was put on a moment ago. Wait ten seconds and start again.",
    heat.BUTTON_STUCK: "The button seems to be held down. Release it and start again.",
    heat.STORAGE: "The board could not write its safety record, so heat stays off. Restart it.",
    heat.NO_PAD: "No heat pad is connected.",
    heat.NOT_PROVEN: "The link is not proven or the value is out of range.",
    heat.TOO_WARM: "The pad is too warm to start. Let it cool first.",
    heat.BUSY: "Heat is on already, is being tested, or cools down.",
    heat.LEASE_OVER: "The program on the computer went silent: heat pauses.",
    heat.LEAD_OFF: "An electrode came off: heat pauses.",
    heat.OFF_SKIN: "The pad seems to be off the skin: heat pauses.",
    heat.FACE_WARM: "The pad is warmer than it should be: heat pauses.",
    heat.LATE_TICK: "The board was busy for too long: heat pauses.",
    heat.CONTACT_CHANGED: "The pad moved on the skin: heat pauses.",
    heat.SENSOR_RANGE: "A temperature sensor is broken or unplugged. Check the pad's cable.",
    heat.SENSOR_PAIR: "Two sensors on the same spot disagree. Replace the pad.",
    heat.SENSOR_CORE: "The heater's own sensor does not fit to the others. Replace the pad.",
    heat.SENSOR_SWAPPED: "Sensors of heater and skin seem swapped. Check the pad's wiring.",
    heat.SENSOR_FROZEN: "A temperature reading no longer changes. Restart the board.",
    heat.ADC_REFERENCE: "The temperature measurement is off. Have the board checked.",
    heat.HEATER: "The heater is interrupted or shorted. Replace the pad.",
    heat.WATCHDOG: "The board's program stopped while heating, and restarted.",
    heat.CLOCK: "The board's clock runs wrong. Have the board checked.",
    heat.EXCEPTION: "The board's program failed while heating.",
    heat.FACE_HOT: "The pad became too hot. Take it off and look at the skin.",
    heat.RISE: "The pad warmed up too fast. Take it off and look at the skin.",
    heat.SENSOR_ZONE: "One part of the pad is much warmer than another: is it folded?",
    heat.HARDWARE_TRIP: "A hardware cut-off opened. Take the pad off and look at the skin.",
    heat.TRIP_TEST: "A hardware cut-off failed its test. Have the board checked.",
    heat.SUPPLY_HIGH: "The supply voltage is too high for the pad. Have the board checked.",
    heat.SENSOR_TRIP: (
        "The cut-off's sensor does not fit to the others. Replace the pad; "
        "if it comes again, have the board checked."
    ),
    heat.CORE_SILENT: "The heater's own sensor does not feel its warmth. Replace the pad.",
    heat.RAIL: "The board measures with a wrong supply voltage. Have the board checked.",
    heat.SWITCH_SHORT: "A heater switch does not open. Do not use this board; see the bench page.",
    heat.RESETS: "The board restarted three times in ten minutes. See the bench page.",
    heat.LATCHES: "Three heat faults within a day. See the bench page.",
    heat.LEDGER: "The board's safety record is damaged. See the bench page.",
}
