"""Every number that keeps the heat pad safe, with its source. The set-point only ever lowers them.

Board and host read them here; the supervisor (``faceloop_heat``) has no number of its own that
decides about heat. Temperatures are in thousandths of a degree Celsius (``_MDEGC``), powers in
milliwatts for a pad of 100 cm2 unless a name says otherwise, times in milliseconds.

Sources: *table 24*: IEC 60601-1, applied parts touched for 10 min or more, 43 C. *van Rhoon*: Eur
Radiol 2013;23:2215, dose limits in CEM43. *model*: thermal model of 400 random wearers, tested
again in ``tests/simulation``. *design*: chosen, with the reason beside it.
"""

from ._compat import const

# What a person may ask for.
SETPOINT_MIN_MDEGC = const(36000)  # design: below that nobody feels warmth
SETPOINT_MAX_MDEGC = const(40000)  # below 41 C, the limit of parts not meant to heat, even with
# 0.3 C sensor error
SETPOINT_DEFAULT_MDEGC = const(39000)
SETPOINT_FLAGGED_MAX_MDEGC = const(38500)  # van Rhoon: 39 C for impaired circulation, less error
SESSION_DEFAULT_MIN = const(10)  # NHS facial palsy advice: 10-15 min
SESSION_MAX_MIN = const(15)
HEATER_ON_MAX_MS = const(1200000)  # 20 min, warm-up and pauses between included
REST_S = const(7200)  # 2 h between sessions (Hong Kong health service)
SESSIONS_PER_DAY = const(3)
# Booked sessions are refunded at their end (design). One stopped this early, so often a day, gives
# its count back, for a pad that was put on badly or the wrong button; its dose and its rest stay.
SHORT_SESSION_MS = const(60000)
SHORT_SESSIONS = const(2)
DAY_S = const(86400)
# Host time outside of these is a clock that was never set, and counts as none.
UTC_FIRST_S = const(1767225600)  # 2026-01-01
UTC_LAST_S = const(4102444800)  # 2100-01-01
CLOCK_MAX_S = const(1073741824)  # 34 years of the board's own clock: sums stay below 2**31

# Dose: cumulative equivalent minutes at 43 C, in millionths.
DOSE_SESSION_UMIN = const(2000000)  # van Rhoon: < 2 for uncontrolled exposure
DOSE_DAY_UMIN = const(4000000)  # design: two of those in rolling 24 h
DOSE_LEAST_UMIN = const(300000)  # 15 min at 40 C with 0.3 C error is 0.36: less is no session
DOSE_SENSOR_ERROR_MDEGC = const(300)  # added to the hottest sensor before counting
DOSE_COOLING_MS = const(60000)  # booked beyond the end: skin stays warm for a while

# Too hot at the face of the pad.
FACE_PAUSE_MDEGC = const(42000)
FACE_PAUSE_MS = const(5000)
# The set-point lowers it: power that flows while the face is this much above the set-point. At
# 40 C that is 42 C; for a flagged wearer 40.5 C.
FACE_OVER_MDEGC = const(2000)
FACE_OVER_RESUME_MDEGC = const(1000)
FACE_RESUME_MDEGC = const(41000)
FACE_LATCH_MDEGC = const(43000)  # table 24
FACE_LATCH_MS = const(1000)
CORE_DERATE_MDEGC = const(45000)  # full power up to here,
CORE_ZERO_MDEGC = const(46500)  # none from here: keeps HW2 quiet

# Sensors are believed only inside of this, twice at most outside.
SENSOR_MIN_MDEGC = const(-10000)
SENSOR_MAX_MDEGC = const(60000)
SENSOR_BAD_SCANS = const(2)
REFERENCE_MDEGC = const(37000)  # the fixed-resistor channel reads this
REFERENCE_TOLERANCE_MDEGC = const(500)
REFERENCE_BAD_SCANS = const(2)
FROZEN_SCANS = const(20)  # so many times the same code
PAIR_MDEGC = const(1500)  # A and C sit on the same spot
PAIR_MS = const(4000)
ZONE_MDEGC = const(2500)  # between zone 1 and zone 2: a fold, or a loose sensor
ZONE_MS = const(5000)
# Against how they stood to each other when heat began, so that fixed errors of the sensors cancel.
# On one spot: 0.15 C of two B values, 0.2 C of two places 5 % of core above face apart.
SPOT_MDEGC = const(500)
ZONE_CHANGE_MDEGC = const(2200)  # a fold; cheek and forehead at rest may differ by 1.5 C
ZONE_FALL_MDEGC = const(500)  # so far below, and so much of it within JUMP_MS: loose
JUMP_MS = const(4000)  # sensors on one spot that part so fast: pause, and test before a resume
JUMP_MDEGC = const(200)
JUMP_ZONE_MDEGC = const(500)
CROSS_MDEGC = const(150)  # one rises by that and the core falls as much, or the reverse: swapped
JUMP_SCANS = const(2)
# Core above face: model 1.1 / 2.1 / 4.0 C (5/50/95 pct at 40 C). Trips above
# max(3, 2 + 1.6 x P[W]) C.
CORE_FACE_LEAST_MDEGC = const(3000)
CORE_FACE_BASE_MDEGC = const(2000)
CORE_FACE_PER_W_MDEGC = const(1600)
CORE_FACE_MS = const(5000)
CORE_FACE_ABSOLUTE_MDEGC = const(8000)
CORE_FACE_ABSOLUTE_MS = const(1000)
# Core below face while it is heated: swapped or loose. How far below it was at the start, without
# heat, comes on top: at 1 W a healthy wearer in a cold room shows 1 C (campaign, RESULTS.md), and
# at rest 3 C. The fault list judges from 1 W on; below that, where a breeze can do it, more is
# allowed instead of everything.
CORE_BELOW_MDEGC = const(1000)
CORE_BELOW_REST_MDEGC = const(2000)  # that much at most comes on top
CORE_BELOW_POWER_MW = const(1000)
CORE_BELOW_PER_W_MDEGC = const(5000)  # more for each watt under 1 W
# A core that falls this fast, to below the face, fell off: without power it loses at most 0.5 C in
# that time, lifted and put back included; a loose sensor 1.4 C at least (RESULTS.md).
CORE_FALL_MDEGC = const(1000)
CORE_FALL_MS = const(2000)
POWER_AVERAGE_MS = const(19000)  # time constant of the core (model)
# Two seconds of full power at the start: the core must lead.
LEAD_PULSE_MS = const(2000)
LEAD_JUDGED_MS = const(4000)
# The same before a resume, as a test (RESULTS.md, of 141 wearers): heat has been off for
# LEAD_REST_MS, power flows for a second, and each face sensor is compared with the core. Healthy
# the core is ahead by 0.03 C at least, swapped behind by as much; off the skin the face shows 0.7
# of what the core shows, on it 0.13, at most 0.44 (RESULTS.md).
LEAD_REST_MS = const(4000)
LEAD_TEST_MS = const(1000)
LEAD_AHEAD_MDEGC = const(30)
LEAD_OFF_SKIN_PCT = const(50)  # the second-warmest face sensor
RESUMED_OFF_SKIN_PCT = const(60)  # the hottest one, in the first seconds of heat
LEAD_JUMP_MDEGC = const(500)  # in the three seconds before the power, of no sensor
LEAD_SPREAD_MDEGC = const(100)  # between face sensors: then, and in what power did
SETTLED_MDEGC = const(500)  # over RISE_MS: a pad put on a moment ago still warms up by itself

# Consistency of heat and temperature.
RISE_MDEGC = const(1000)  # 6 C/min over 10 s; model: 3.6 C/min is the 99th pct at full power
RISE_MS = const(10000)
RISE_FROM_MDEGC = const(37000)
# Power that makes the face rise so fast makes the core rise first: such a rise latches. A pad that
# loses the skin rises as fast (model: 1.5 C in a moment, at most 2.1: "pause, do not latch, below
# 43 C", safety analysis of the controller), by what the face gains on the core: 0.16 C at least in
# 213 rises of 2,500 healthy sessions (RESULTS.md). So there heat pauses; it latches when the rise
# goes on without heat for RISE_MS, or comes this often in a session.
RISES_BEFORE_LATCH = const(3)
OFF_SKIN_MDEGC_PER_W = const(250)  # core above face per watt; model: 0 % false, 3 % missed
OFF_SKIN_MS = const(54000)  # 60 s in the fault list, from the fault on: the lag included
OFF_SKIN_POWER_MW = const(500)
OFF_SKIN_RETRY_MS = const(10000)
RISE_RETRY_MS = const(10000)
PILLOW_PCT = const(60)  # of the power after donning; only told

# Supply, heater, switches.
LEAK_MA = const(50)  # with one switch open
HEATER_TOLERANCE_PCT = const(15)
HEATER_BAD_SCANS = const(2)
SUPPLY_START_MV = const(3600)  # more than that
SUPPLY_LOW_MV = const(3400)  # under load
SUPPLY_LOW_MS = const(2000)
SUPPLY_HIGH_MV = const(4350)  # no cell has that: more than 400 W/m2 would flow
SUPPLY_HIGH_SCANS = const(2)
# The rail that bridges and converter share, measured by the front end against a reference of its
# own. 3 %: 2 % of the regulator, 0.5 % of the front end's gain and 0.2 % of its reference (TI
# SBAS459, electrical characteristics, quoted from memory), and 0.3 % to spare. The front end sees
# DVDD: where 200 ohm are left between that and the converter's reference, 1 % more goes unseen.
RAIL_MV = const(3300)
RAIL_TOLERANCE_MV = const(99)
AREAL_LIMIT_MW_PER_CM2 = const(40)  # 400 W/m2 (model: stuck on, 92 % of wearers stay < 43 C)
PAD_AREA_MAX_CM2 = const(120)  # 10 % of the head (table 24, note)

# Time.
TICK_MS = const(250)
TICK_LATE_MS = const(750)
ON_TIME_TICKS = const(4)  # so many in time again before heat comes back
KICK_TICKS = const(2)  # window watchdog: 0.25-1.0 s, kicked every 0.5 s
FRAMES_PER_S = const(2000)
CLOCK_WINDOW_TICKS = const(8)  # 2 s
CLOCK_TOLERANCE_PERMILLE = const(30)

# Lease and person.
LEASE_MAX_MS = const(5000)
LEASE_RENEW_MS = const(1000)
PAUSE_MAX_MS = const(30000)
PAUSES_MAX = const(5)
PAUSES_WINDOW_MS = const(300000)
LEAD_OFF_MS = const(2000)
LEAD_ON_MS = const(1000)
WORN_MS = const(5000)
BUTTON_WAIT_MS = const(60000)
BUTTON_STUCK_MS = const(10000)
BUTTON_CLEAR_MS = const(3000)
STILL_THERE_MS = const(300000)
STILL_THERE_WAIT_MS = const(60000)
WARMUP_DONE_MDEGC = const(500)
WARMUP_MESSAGE_MS = const(720000)
COOL_MDEGC = const(37000)
COOL_MAX_MS = const(300000)
LATCH_CLEAR_MDEGC = const(38000)
LATCHES_BEFORE_LOCK = const(3)  # within DAY_S under power
RESETS_BEFORE_LOCK = const(3)
RESETS_WINDOW_S = const(600)

# Controller (2 Hz). Phase margin >= 56 degrees, gain margin >= 27 dB (model, 60 wearers).
SLEW_MDEGC_PER_S = const(25)  # 1.5 C/min: comfort
GOVERNOR_MDEGC = const(1500)  # the target never leads the measurement by more
GAIN_MW_PER_DEGC = const(2500)
INTEGRAL_S = const(150)
BACK_CALCULATION_S = const(45)

# Hardware behind the supervisor. The firmware cannot change these; hardware/ builds them, and the
# simulation models them.
HW1_TRIP_MDEGC = const(43200)  # comparator with its own sensor H, latching
HW1_ERROR_MDEGC = const(600)
HW1_CALIBRATED_MDEGC = const(42700)  # where the builder calibrates: the worst case then is 43.1 C
HW1_CALIBRATED_ERROR_MDEGC = const(400)
HW2_TRIP_MDEGC = const(48000)  # switch on the heater core
HW2_ERROR_MDEGC = const(1500)
HW2_RESET_MDEGC = const(43000)
HW_TIMER_MS = const(1800000)  # 30 min of Q1 enabled
HW_TIMER_RESET_MS = const(60000)  # of Q1 not enabled
WATCHDOG_FIRST_MS = const(250)  # a kick sooner than this, or later than
WATCHDOG_LAST_MS = const(1000)  # this, opens Q1
VBUS_GATE_MS = const(10)
BROWN_OUT_MV = const(3000)  # of the cell: below, the processor is held in reset
FUSE_MIN_MDEGC = const(72000)

# What the simulation must show (design, hardware-only: table 24 plus trip error; burn: about 600).
SKIN_LIMIT_MDEGC = const(43000)
SKIN_LIMIT_HARDWARE_MDEGC = const(44000)
DOSE_AFTER_FAULT_UMIN = const(2000000)
DOSE_AFTER_FAULT_HARDWARE_UMIN = const(40000000)
