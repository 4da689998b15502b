"""What tells one situation of the world of ``heat_world`` from another, for the explorer."""

from __future__ import annotations

from tests.fakes.heat_world import STATED_MS, World

from faceloop_heat.leadtest import PULSE_TICK
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits


def situation(world: World) -> tuple[object, ...]:
    """Return what decides about heat: of this projection there are few enough to see all.

    One way into each situation stands for all others. What is left out:

    - How long a state, a press or a count has lasted, but for where its length decides what
      comes next and is named here. The first way that is found is a shortest one.
    - How often the board has latched, was reset by the watchdog or had a short session today:
      one more of them only ever locks, or takes a session away. ``is_rested`` says what is
      left of the day.
    - ``_is_proven``: only a request leads on from OFF, and it tests anew.
    - The controller, the set-point (there is one) and readings that nothing is wrong with:
      they choose the duty of Q2, not whether Q1 closes.
    - What sensors are compared with since heat began: none of them may be wrong when it begins.
    - ``_latch_due`` and ``_is_saving``: gone with the tick after each event, as flash does
      not break here.
    """
    rig, facts = world.rig, world.facts
    supervisor, now_ms = rig.supervisor, rig.now_ms
    consent, ledger = supervisor.consent, supervisor.ledger
    faults = tuple(
        sorted((name, now_ms - at > STATED_MS[name]) for name, at in facts.since_ms.items())
    )
    kept = (
        supervisor.state,
        faults,
        rig.heater.hw1_latched,
        ledger.is_open,
        (ledger.fault != h.CAUSE_NONE) + (ledger.fault >= h.FIRST_LOCK),
        ledger.is_rested(),
        ledger.dose_left_umin() >= limits.DOSE_LEAST_UMIN,
    )
    if supervisor.state >= h.LATCHED:
        # Link, permission, electrodes and settling are had anew in OFF.
        return (*kept, consent._is_press_fresh)
    now = (
        *kept,
        facts.is_linked,
        facts.has_asked,
        facts.pressed_ms >= 0,
        now_ms < facts.lease_until_ms,
        ledger.permission,
    )
    if supervisor.state in (h.WARMUP, h.HOLD, h.PAUSED):
        return (*now, consent.is_lead_on(), *session_so_far(world))
    return (
        *now,
        consent.is_worn(),
        supervisor.checks.is_settled(limits.SETTLED_MDEGC),
        consent.minutes > 0,
    )


def session_so_far(world: World) -> tuple[object, ...]:
    """Return what the session that runs has been through, as far as it decides."""
    supervisor = world.rig.supervisor
    session, lead = supervisor.session, supervisor._leadtest
    n_pauses = sum(
        at_ms >= 0 and supervisor._up_ms - at_ms < limits.PAUSES_WINDOW_MS
        for at_ms in session._pause_ms
    )
    so_far = (
        n_pauses,
        lead._ahead,
        min(supervisor.checks._n_rises, limits.RISES_BEFORE_LATCH),
        world.facts.led_ms >= 0,
    )
    if supervisor.state != h.PAUSED:
        is_judged = session._is_lead_judged
        return (*so_far, is_judged, session._is_resumed and not is_judged)
    if not supervisor._is_testing:
        waits_long = supervisor.cause in (h.OFF_SKIN, h.CONTACT_CHANGED)
        return (*so_far, waits_long, supervisor.checks.is_cooling())
    is_after = lead._n_ticks > PULSE_TICK and not lead.is_pulse()
    return (*so_far, "testing", supervisor._is_leading, lead.is_pulse(), is_after)
