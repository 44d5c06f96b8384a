"""Protocols, charged to their end: by state of charge, by time, or to a voltage that is then held."""

from batterymi.charging.charge_loop import Terms, charge
from batterymi.charging.controller import Controller
from batterymi.charging.controllers import BySoc, ByTime
from batterymi.charging.outcome import ChargeError, FailureKind
from batterymi.charging.protocols import CCCV, FourStep, Protocol, Timed
from batterymi.charging.session import Session, Step

CV_STEP_S = 10.0
CV_TOLERANCE_V = 1e-3
CV_TRIES = 12
MAX_CV_STEPS = 1200
SMALLEST_SLOPE_V = 1e-4
FULL = 1e-9


def follow_protocol(session: Session, protocol: Protocol, soc_end: float) -> None:
    """Charge a cell by a protocol.

    Args:
        session: at its start.
        protocol: how.
        soc_end: state of charge to reach.

    Raises:
        ChargeError: if the charge cannot be simulated to its end.
    """
    if isinstance(protocol, CCCV):
        _charge_cc_cv(session, protocol, soc_end)
        return
    controller = make_controller(protocol, session.soc, soc_end)
    for _ in charge(session, controller, Terms.for_protocol(soc_end), session.start.ambient_c):
        pass


def make_controller(protocol: FourStep | Timed, soc_start: float, soc_end: float) -> Controller:
    """Return the controller that follows a protocol.

    Args:
        protocol: what to follow.
        soc_start: state of charge at the start.
        soc_end: state of charge to reach, where the last of equal steps ends exactly.
    """
    if isinstance(protocol, Timed):
        return ByTime(protocol.label, protocol.segments)
    n = len(protocol.c_rates)
    width = (soc_end - soc_start) / n
    ends = [soc_end - width * (n - 1 - place) for place in range(n)]
    return BySoc(protocol.label, tuple(zip(ends, protocol.c_rates, strict=True)))


def _charge_cc_cv(session: Session, protocol: CCCV, soc_end: float) -> None:
    """Constant current to the voltage limit, then the current that holds it."""
    limit_v = protocol.voltage_limit_v
    session.step_to_voltage(protocol.c_rate, session.seconds_to(soc_end, protocol.c_rate), limit_v)
    if session.soc >= soc_end - FULL:
        return
    rate, slope_v = protocol.c_rate, None
    for _ in range(MAX_CV_STEPS):
        step, slope_v = _hold(session, rate, slope_v, limit_v)
        if step is None or step.rate < protocol.cutoff_c_rate:
            _refuse_empty(session, protocol)
            return
        rate, left = step.rate, session.seconds_to(soc_end, step.rate)
        session.take(step if step.seconds <= left else session.solve(rate, left))
        if session.soc >= soc_end - FULL:
            return
    raise ChargeError(FailureKind.ENDED_EARLY, f"the voltage phase took over {MAX_CV_STEPS} steps")


def _hold(session: Session, rate: float, slope_v: float | None, limit_v: float) -> tuple[Step | None, float | None]:
    """The step that ends at the voltage limit within a millivolt, by the secant method.

    Args:
        session: where it starts.
        rate: C-rate of the step before, which is also the highest.
        slope_v: voltage per C-rate as the step before left it, or None to measure it.
        limit_v: voltage to hold.

    Returns:
        The step, or None if even no current stays below the limit; and the slope for the step after.
    """
    last = session.solve(rate, CV_STEP_S)
    if slope_v is None:
        slope_v = _slope(last, session.solve(0.98 * rate, CV_STEP_S))
    for _ in range(CV_TRIES):
        gap = last.voltage_end - limit_v
        wanted = min(last.rate - gap / slope_v, rate)
        if abs(gap) < CV_TOLERANCE_V or wanted == last.rate:
            return last, slope_v
        if wanted <= 0:
            return None, slope_v
        step = session.solve(wanted, CV_STEP_S)
        last, slope_v = step, _slope(step, last)
    raise ChargeError(FailureKind.SOLVER_FAILED, f"no current was found that holds {limit_v} V")


def _slope(one: Step, other: Step) -> float:
    """Voltage at the end per C-rate, from two steps."""
    return max((one.voltage_end - other.voltage_end) / (one.rate - other.rate), SMALLEST_SLOPE_V)


def _refuse_empty(session: Session, protocol: CCCV) -> None:
    """Name a charge that could not even begin."""
    if not session.steps:
        text = f"the cell is above {protocol.voltage_limit_v} V at every current from {protocol.cutoff_c_rate}C"
        raise ChargeError(FailureKind.ENDED_EARLY, text)
