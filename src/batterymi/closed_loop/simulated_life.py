"""Cycle lives of fast-charging protocols from simulated losses of single charges.

The lithium that the SEI and dead lithium take in a charge is the loss of one cycle. The SEI's growth slows down as it
thickens (solvent diffusion limits it, so that the film grows with the root of time), hence the loss is simulated at
several ages, each with the film that its lost lithium built, and the number of cycles is the integral of 1 / loss over
the lithium lost, up to 20 % of the fresh capacity. For a film that grows alone 1 / loss is linear in the lithium lost
and the trapezoid rule exact: this is the square-root law, modified by plating and heat.

Not in these lives: losses in discharge, rest and storage, cracks, gas and loss of active material. Degradation
parameters are from the literature and not fitted to any cell here.
"""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.charging.cells import find_cell
from batterymi.charging.outcome import ChargeError
from batterymi.charging.parallel import PRELOAD
from batterymi.charging.protocol_runs import follow_protocol
from batterymi.charging.protocols import FourStep
from batterymi.charging.simulator import ChargeSetup, ChargingSimulator
from batterymi.charging.state import Start
from batterymi.closed_loop.thermal_life import (
    AMBIENT_C,
    STEP_SHARE,
    STEPS,
    compute_cycle_lives,
    make_ten_minute_protocols,
)
from batterymi.process_pool import run_in_processes
from batterymi.progress import make_report

Row = dict[str, Any]
Rates = tuple[float, ...]

AGES = (0.0, 0.1, 0.2)  # shares of lithium lost, the last at the end of life
REST_S = 3600.0
CHARGE_SHARE = STEPS * STEP_SHARE  # of the nominal capacity


def simulate_all_lives(cell: str, model: str = "SPMe", processes: int = 1) -> pd.DataFrame:
    """Simulate the lives of the 224 ten-minute protocols.

    Args:
        cell: a declared cell.
        model: "SPMe" or "DFN".
        processes: worker processes, each with a model of its own; results do not depend on it.

    Returns:
        Protocols, lives, and the charges that they rest on; a protocol that cannot be simulated has a typed failure
        and no life.
    """
    protocols = make_ten_minute_protocols()
    rows = run_in_processes(
        simulate_life,
        [tuple(rates) for rates in protocols.to_numpy(float)],
        processes,
        build=ChargeSetup(cell, model, 0.0, CHARGE_SHARE, AMBIENT_C).build,
        preload=PRELOAD,
        progress=make_report(f"protocols simulated on {cell}"),
    )
    return pd.concat([protocols, pd.DataFrame(rows)], axis=1)


def simulate_life(simulator: ChargingSimulator, rates: Rates) -> Row:
    """Simulate the life of one protocol, and what its charges were like.

    Args:
        simulator: of the cell.
        rates: C-rates of the steps.

    Returns:
        Life in cycles, by the losses at all ages and by the fresh cell's alone; numbers of the fresh cell's charge;
        losses at later ages; and what failed, if a charge could not be simulated.
    """
    capacity_mah = 1000 * simulator.capacity_ah
    losses: list[float] = []
    row: Row = {"life_cycles": np.nan, "life_at_fresh_loss": np.nan, "failure": "", "message": ""}
    for age in AGES:
        try:
            found = charge_once(simulator, rates, Start(soc=0.0, ambient_c=AMBIENT_C, lithium_lost=age))
        except ChargeError as error:
            message = f"with {100 * age:g} % of the lithium lost: {error}"
            return row | {"failure": error.kind.value, "message": message}
        losses.append(found["loss_mah"])
        if age == 0:
            row |= found
            # the same loss at both ends makes the integral that of a constant loss
            row["life_at_fresh_loss"] = count_cycles(capacity_mah * np.array([0, AGES[-1]]), np.array(losses * 2))
        else:
            row[f"loss_mah_at_{100 * age:g}_percent"] = found["loss_mah"]
    return row | {"life_cycles": count_cycles(np.array(AGES) * capacity_mah, np.array(losses))}


def charge_once(simulator: ChargingSimulator, rates: Rates, start: Start) -> Row:
    """Charge once; for a fresh cell, simulate also the hour after it, in which plated lithium strips or dies.

    Args:
        simulator: of the cell.
        rates: C-rates of the steps.
        start: the cell's state before.

    Returns:
        Minutes, smallest plating margin, highest temperature and voltage; lithium lost, and plated at the end, mAh;
        and what is lost and plated after an hour's rest.

    Raises:
        ChargeError: if it cannot be simulated to its end.
    """
    session = simulator.begin(start)
    follow_protocol(session, FourStep(rates), simulator.soc_end)
    trace, charged = session.trace(), session.now
    found = {
        "minutes": charged.seconds / 60,
        "plating_margin_mv": float(trace["plating_margin_mv"].min()),
        "temperature_max_c": float(trace["temperature_c"].max()),
        "voltage_max_v": float(trace["voltage_v"].max()),
        "loss_mah": charged.capacity_lost_mah,
        "plated_mah": charged.plated_mah,
    }
    # the rest only serves comparisons, for which the fresh cell is enough
    if start.lithium_lost == 0:
        rested = session.step(0.0, REST_S)
        found |= {"loss_with_rest_mah": rested.capacity_lost_mah, "plated_after_rest_mah": rested.plated_mah}
    return found


def count_cycles(lost: Array, losses: Array) -> float:
    """Count the cycles until all the given lithium is lost: the integral of 1 / loss, by the trapezoid rule.

    Args:
        lost: lithium lost so far, rising, shape (n,).
        losses: loss per cycle at each of these, in the same unit, shape (n,), above 0.

    Returns:
        Cycles, rounded down as whole ones are counted; NaN if a cycle takes nothing.
    """
    # a cycle that loses nothing would make the life infinite
    if (losses <= 0).any():
        return float("nan")
    return float(np.floor(np.trapezoid(1 / losses, lost)))


def describe_lives(lives: pd.DataFrame, cell: str, model: str) -> dict[str, Any]:
    """Describe how the lives were computed, with remarks for their readers.

    Args:
        lives: as `simulate_all_lives` returns them.
        cell: the declared cell.
        model: what it was charged with.
    """
    known = lives[lives["life_cycles"].notna()]
    failed = lives.loc[lives["failure"] != "", "failure"].value_counts().sort_index()
    return {
        "life_model": f"simulated losses of {cell} ({model})",
        "cell": cell,
        "model": model,
        "ambient_c": AMBIENT_C,
        "provenance": find_cell(cell).provenance,
        "protocols": len(lives),
        "failures": {str(kind): int(count) for kind, count in failed.items()},
        "plating_share": float((known["plating_margin_mv"] < 0).mean()) if len(known) else None,
        "rank_agreement": correlate_ranks(known, lives),
        "remarks": remark_simulation(known, failed),
    }


def correlate_ranks(known: pd.DataFrame, lives: pd.DataFrame) -> dict[str, float]:
    """Compute Spearman's correlation of the lives with different measures of the same protocols.

    Args:
        known: protocols with a life.
        lives: all, in the order of `make_ten_minute_protocols`.
    """
    # two protocols always correlate perfectly
    if len(known) < 3:
        return {}
    thermal = pd.Series(compute_cycle_lives(make_ten_minute_protocols()), index=lives.index)[known.index]
    measures = {
        "published thermal lives": thermal,
        "lives at the fresh cell's loss": known["life_at_fresh_loss"],
        # a larger loss means a shorter life, hence the sign
        "lives with an hour's rest in each cycle": -known["loss_with_rest_mah"],
        "lives if all plated lithium died": -(known["loss_mah"] + known["plated_mah"]),
        "plating margin": known["plating_margin_mv"],
        "coolness": -known["temperature_max_c"],
    }
    # the rank correlation of a constant is undefined
    varied = {
        name: measure
        for name, measure in measures.items()
        if min(measure.nunique(), known["life_cycles"].nunique()) > 1
    }
    return {name: float(known["life_cycles"].corr(measure, method="spearman")) for name, measure in varied.items()}


def remark_simulation(known: pd.DataFrame, failed: "pd.Series[int]") -> list[str]:
    """List remarks on failures, on plating and on what the lives leave out.

    Args:
        known: protocols with a life.
        failed: how many failed, by kind.
    """
    remarks = ["A cycle is taken to lose what its charge loses; degradation parameters are not fitted to the cell."]
    if len(failed):
        kinds = ", ".join(f"{count} {kind}" for kind, count in failed.items())
        remarks.append(f"{failed.sum()} protocols cannot be simulated through the cell's life: {kinds}.")
    if not len(known):
        return remarks
    plating = int((known["plating_margin_mv"] < 0).sum())
    remarks.append(f"{plating} of the {len(known)} protocols with a life plate lithium on the fresh cell.")
    if plating:
        times = (known["plated_mah"] / known["loss_mah"]).median()
        remarks.append(
            f"After a charge {times:.0f} times as much lithium is plated (median) as is counted lost; if less of it "
            "strips than the model says, lives are that much shorter."
        )
    rested = known["loss_with_rest_mah"]
    remarks.append(
        f"An hour's rest multiplies the loss by {(rested / known['loss_mah']).median():.1f} (median), and protocols "
        f"then differ by {100 * (rested.max() / rested.min() - 1):.1f} % from best to worst."
    )
    return remarks
