"""The stage `judge_controllers`: the same scenarios for everyone, on the finer model and on the coarse one."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from batterymi.arena.participants import Workshop, load_agents
from batterymi.arena.situation import Situation
from batterymi.charging.charge_loop import Simulator, run_charge
from batterymi.charging.charger import Charger
from batterymi.charging.state import Start
from batterymi.files import read_json, write_parquet
from batterymi.vocabulary.controllers import GROUPS

logger = logging.getLogger(__name__)

NOMINAL_ID = -1
KEYS = ("cell", "condition", "controller", "seed", "model", "scenario")
STEP_COLUMNS = ("soc", "temperature_c", "c_rate")


def judge_controllers(
    tuned_path: str | None,
    protocols_path: str | None,
    policy_paths: list[str],
    charges_path: str,
    traces_path: str,
    steps_path: str,
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
        steps_path: Parquet to write: state of charge, temperature and C-rate at each step of all charges there.
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
    book = _Book()
    for seed_of_agent, charger in _entrants(workshop, group, controllers, policy_paths):
        head = {"cell": place.cell, "condition": place.condition, "controller": charger.name, "seed": seed_of_agent}
        for number, start in starts:
            book.enter(place, judge, charger, head | {"model": "DFN", "scenario": number}, start)
        for number, start in starts[: n_ladder + 1]:
            book.enter(place, coarse, charger, head | {"model": "SPMe", "scenario": number}, start)
        logger.info("%s, seed %d: judged on %d scenarios", charger.name, seed_of_agent, len(starts))
    write_parquet(charges_path, _framed(book.charges))
    write_parquet(traces_path, pd.concat(book.traces, ignore_index=True) if book.traces else _framed([]))
    write_parquet(steps_path, pd.DataFrame(book.steps, columns=[*KEYS, *STEP_COLUMNS]))


@dataclass
class _Book:
    """What is written of the charges of a job."""

    charges: list[dict[str, Any]] = field(default_factory=list)
    traces: list[pd.DataFrame] = field(default_factory=list)
    steps: list[tuple[Any, ...]] = field(default_factory=list)

    def enter(
        self, place: Situation, simulator: Simulator, charger: Charger, head: dict[str, Any], start: Start
    ) -> None:
        """Charge, and write down what came of it; of the coarse model only the numbers."""
        fine = head["model"] == "DFN"
        keep = fine and head["scenario"] == NOMINAL_ID
        limits = place.limits(simulator.voltage_max_v)
        charge = run_charge(simulator, start, charger, limits, place.terms, keep_trace=keep)
        self.charges.append(head | _start(start) | {"capacity_ah": simulator.capacity_ah} | charge.row)
        if fine:
            self.steps += [(*head.values(), *step) for step in charge.steps]
        if charge.trace is not None:
            self.traces.append(charge.trace.assign(**{key: head[key] for key in KEYS[:4]}))


def _entrants(
    workshop: Workshop, group: str, controllers: list[str], policy_paths: list[str]
) -> Iterator[tuple[int, Charger]]:
    """Controllers of a group with their seeds, 0 for those that have none."""
    if group not in GROUPS:
        yield from load_agents(group, policy_paths, workshop)
        return
    for name in GROUPS[group]:
        if name in controllers:
            charger = workshop.make(name)
            if charger is None:
                logger.info("%s: none of its kind keeps the limits, so it does not take part", name)
            else:
                yield 0, charger


def _start(start: Start) -> dict[str, float]:
    """What of a start varies within a temperature."""
    return {"soc_start": start.soc, "lithium_lost": start.lithium_lost}


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
        cell=place.cell,
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
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(KEYS))
