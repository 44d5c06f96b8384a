"""The same scenarios for every controller, on the reference model (DFN) and on the coarse one (SPMe)."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.arena.charge_case import ChargeCase
from batterymi.arena.participants import ControllerFactory, load_agents
from batterymi.arena.trial import run_trial
from batterymi.charging.controller import Controller
from batterymi.charging.plant import Simulator
from batterymi.charging.state import Start
from batterymi.vocabulary.controllers import GROUPS

logger = logging.getLogger(__name__)

NOMINAL_ID = -1
KEYS = ("cell", "condition", "controller", "seed", "model", "scenario")
STEP_COLUMNS = ("soc", "temperature_c", "c_rate")

Models = dict[str, Simulator]
"""Simulators by the name of their model, the reference model "DFN" first."""


@dataclass
class Recorder:
    """Collects what is written of the charges of a job.

    Attributes:
        case: the cell and its temperature.
        charges: numbers of each charge.
        traces: nominal charges over time, on the reference model.
        steps: state of charge, temperature and C-rate at each step of all charges on the reference model.
    """

    case: ChargeCase
    charges: list[dict[str, Any]] = field(default_factory=list)
    traces: list[pd.DataFrame] = field(default_factory=list)
    steps: list[tuple[Any, ...]] = field(default_factory=list)

    def run(self, simulator: Simulator, controller: Controller, start: Start, labels: dict[str, Any]) -> None:
        """Charge, and record what came of it; of the coarse model only the numbers.

        Args:
            simulator: of one of the models.
            controller: decides.
            start: the scenario.
            labels: a value for each of `KEYS`.
        """
        is_reference = labels["model"] == "DFN"
        keep = is_reference and labels["scenario"] == NOMINAL_ID
        limits = self.case.limits(simulator.voltage_max_v)
        trial = run_trial(simulator, start, controller, limits, self.case.terms, keep_trace=keep)
        varied = {"soc_start": start.soc, "lithium_lost": start.lithium_lost, "capacity_ah": simulator.capacity_ah}
        self.charges.append(labels | varied | trial.row)
        if is_reference:
            self.steps += [(*labels.values(), *step) for step in trial.steps]
        if trial.trace is not None:
            self.traces.append(trial.trace.assign(**{key: labels[key] for key in KEYS[:4]}))

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Return charges, traces and steps, with their columns also where there are none."""
        traces = pd.concat(self.traces, ignore_index=True) if self.traces else pd.DataFrame(columns=list(KEYS))
        charges = pd.DataFrame(self.charges) if self.charges else pd.DataFrame(columns=list(KEYS))
        return charges, traces, pd.DataFrame(self.steps, columns=[*KEYS, *STEP_COLUMNS])


def record_controllers(
    case: ChargeCase,
    models: Models,
    controllers: Iterator[tuple[int, Controller]],
    held_out: Sequence[Start],
    discrepancy: int,
) -> Recorder:
    """Charge by every controller from every held-out scenario and the nominal one.

    Args:
        case: the cell and its temperature.
        models: the DFN, and the SPMe.
        controllers: with their seeds.
        held_out: scenarios that nothing was tuned on.
        discrepancy: how many of them are charged on the SPMe too.
    """
    starts = [(NOMINAL_ID, case.nominal), *enumerate(held_out)]
    recorder = Recorder(case)
    place = {"cell": case.situation.cell, "condition": case.situation.condition}
    for seed, controller in controllers:
        labels = place | {"controller": controller.name, "seed": seed}
        for model, some in (("DFN", starts), ("SPMe", starts[: discrepancy + 1])):
            for number, start in some:
                recorder.run(models[model], controller, start, labels | {"model": model, "scenario": number})
        logger.info("%s, seed %d: charged from %d scenarios", controller.name, seed, len(starts))
    return recorder


def list_participants(
    factory: ControllerFactory, group: str, names: Sequence[str], policies: Sequence[Path]
) -> Iterator[tuple[int, Controller]]:
    """Yield controllers of a group with their seeds, 0 for those that have none.

    Args:
        factory: makes them.
        group: a group of controllers, or the name of an agent.
        names: those of all controllers that take part.
        policies: trained policies of the agent.
    """
    if group not in GROUPS:
        yield from load_agents(group, policies, factory)
        return
    for name in GROUPS[group]:
        if name in names:
            controller = factory.make_controller(name)
            if controller is None:
                logger.info("%s: left out, since no controller of its kind keeps the limits", name)
            else:
                yield 0, controller
