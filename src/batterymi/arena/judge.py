"""The stage `judge_controllers`: the same scenarios for everyone, on the finer model and on the coarse one."""

import logging
from collections.abc import Iterator
from typing import Any

import pandas as pd

from batterymi.arena.charge import Simulator, run_charge
from batterymi.arena.charger import Charger
from batterymi.arena.entrants import Workshop, load_agents
from batterymi.arena.names import GROUPS
from batterymi.arena.stage import Situation
from batterymi.files import read_json, write_parquet
from batterymi.simulators.state import Start

logger = logging.getLogger(__name__)

NOMINAL_ID = -1
TRACE_COLUMNS = ("time_min", "soc", "c_rate", "voltage_v", "temperature_c", "plating_margin_mv")


def judge_controllers(
    tuned_path: str | None,
    protocols_path: str | None,
    policy_paths: list[str],
    charges_path: str,
    traces_path: str,
    *,
    situation: dict[str, Any],
    group: str,
    controllers: list[str],
    reserve: dict[str, float],
    n_scenarios: int,
    n_ladder: int,
    seed: int,
) -> None:
    """Charge by every controller of a group from every held-out scenario and the nominal one.

    Args:
        tuned_path: what `tune_controllers` wrote, or None for groups that do not need it.
        protocols_path: what `optimise_protocols` wrote, or None.
        policy_paths: trained policies of a group of agents.
        charges_path: Parquet to write: one row per charge.
        traces_path: Parquet to write: nominal charges over time, on the judge's model.
        situation: cell, temperature and rules.
        group: a group of controllers, or the name of an agent.
        controllers: those of all controllers that take part.
        reserve: kept by look-ahead.
        n_scenarios: held-out scenarios on the DFN.
        n_ladder: of these, how many are charged on the SPMe too.
        seed: of the draw.
    """
    place = Situation(**situation)
    starts = [(NOMINAL_ID, place.nominal), *enumerate(place.held_out(n_scenarios, seed))]
    judge, coarse = place.build("DFN"), place.build("SPMe")
    workshop = _workshop(place, judge, coarse, reserve, tuned_path, protocols_path)
    rows: list[dict[str, Any]] = []
    traces: list[pd.DataFrame] = []
    for seed_of_agent, charger in _entrants(workshop, group, controllers, policy_paths):
        columns: dict[str, Any] = {"cell": place.cell, "condition": place.condition, "controller": charger.name, "seed": seed_of_agent}
        for model, simulator, some in (("DFN", judge, starts), ("SPMe", coarse, starts[: n_ladder + 1])):
            found, trace = _charges(place, simulator, charger, some, keep_nominal=model == "DFN")
            rows += [columns | {"model": model} | row for row in found]
            traces += [trace.assign(**columns)] if trace is not None else []
        logger.info("%s, seed %d: judged on %d scenarios", charger.name, seed_of_agent, len(starts))
    write_parquet(charges_path, _framed(rows))
    write_parquet(traces_path, pd.concat(traces, ignore_index=True) if traces else _empty_traces())


def _entrants(
    workshop: Workshop, group: str, controllers: list[str], policy_paths: list[str]
) -> Iterator[tuple[int, Charger]]:
    """Controllers of a group with their seeds, 0 for those that have none."""
    if group not in GROUPS:
        yield from load_agents(group, policy_paths, workshop.voltage_v)
        return
    for name in GROUPS[group]:
        if name in controllers:
            charger = workshop.make(name)
            if charger is None:
                logger.info("%s: none of its kind keeps the limits, so it does not take part", name)
            else:
                yield 0, charger


def _charges(
    place: Situation, simulator: Simulator, charger: Charger, starts: list[tuple[int, Start]], *, keep_nominal: bool
) -> tuple[list[dict[str, Any]], pd.DataFrame | None]:
    """Charges from some starts; the trace of the nominal one."""
    limits, rows, trace = place.limits(simulator.voltage_max_v), [], None
    for number, start in starts:
        charge = run_charge(
            simulator, start, charger, limits, place.terms, keep_trace=keep_nominal and number == NOMINAL_ID
        )
        trace = charge.trace if charge.trace is not None else trace
        rows.append({"scenario": number, "soc_start": start.soc, "lithium_lost": start.lithium_lost} | charge.row)
    return rows, trace


def _workshop(
    place: Situation,
    judge: Simulator,
    coarse: Simulator,
    reserve: dict[str, float],
    tuned_path: str | None,
    protocols_path: str | None,
) -> Workshop:
    """What controllers are made from; the twin is the coarse model, in sessions of its own."""
    return Workshop(
        voltage_v=judge.voltage_max_v,
        limits=place.limits(judge.voltage_max_v),
        terms=place.terms,
        soc_start=place.rules["soc_nominal"],
        reserve=(reserve["margin_mv"], reserve["temperature_k"], reserve["voltage_v"]),
        tuned=read_json(tuned_path) if tuned_path else {},
        protocols=read_json(protocols_path) if protocols_path else {},
        twin=coarse,
    )


def _framed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table, with its columns also where there are none."""
    columns = ["cell", "condition", "controller", "seed", "model", "scenario"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def _empty_traces() -> pd.DataFrame:
    """Traces of nobody."""
    return pd.DataFrame(columns=[*TRACE_COLUMNS, "cell", "condition", "controller", "seed"])
