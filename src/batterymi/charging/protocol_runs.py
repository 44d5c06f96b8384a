"""Protocols, charged to their end."""

from batterymi.charging.charge_loop import Terms, run_protocol
from batterymi.charging.controller import Controller
from batterymi.charging.controllers import BySoc, ByTime, CcCv
from batterymi.charging.outcome import ChargeError, FailureKind
from batterymi.charging.protocols import CCCV, Phases, Protocol, Timed
from batterymi.charging.session import Session


def follow_protocol(session: Session, protocol: Protocol, soc_end: float) -> None:
    """Charge a cell by a protocol.

    Args:
        session: at its start.
        protocol: to charge by.
        soc_end: target state of charge.

    Raises:
        ChargeError: if the charge cannot be simulated to its end, or not even begin.
    """
    controller = make_controller(protocol, session.soc, soc_end)
    for _ in run_protocol(session, controller, Terms.for_protocol(soc_end), session.start.ambient_c):
        pass
    if isinstance(protocol, CCCV) and not session.steps:
        text = f"the cell is above {protocol.voltage_limit_v} V at every current from {protocol.cutoff_c_rate}C"
        raise ChargeError(FailureKind.ENDED_EARLY, text)


def make_controller(protocol: Protocol, soc_start: float, soc_end: float) -> Controller:
    """Return the controller that follows a protocol.

    Args:
        protocol: what to follow.
        soc_start: state of charge at the start.
        soc_end: state of charge to reach, where the last of equal steps ends exactly.
    """
    if isinstance(protocol, Timed):
        return ByTime(protocol.label, protocol.segments)
    if isinstance(protocol, CCCV):
        return CcCv(protocol.label, protocol.c_rate, protocol.voltage_limit_v, protocol.cutoff_c_rate)
    if isinstance(protocol, Phases):
        return BySoc(protocol.label, protocol.windows)
    n = len(protocol.c_rates)
    width = (soc_end - soc_start) / n
    ends = [soc_end - width * (n - 1 - place) for place in range(n)]
    return BySoc(protocol.label, tuple(zip(ends, protocol.c_rates, strict=True)))
