"""Charges by every controller of a group from the same held-out scenarios, on the reference model."""

from dataclasses import dataclass
from pathlib import Path

from batterymi.arena.charge_case import ChargeCase
from batterymi.arena.participants import ControllerFactory
from batterymi.arena.reference import list_participants, record_controllers
from batterymi.config.slices.arena import ReferenceSettings
from batterymi.files import read_json, write_parquet


@dataclass(frozen=True)
class PlanFiles:
    """What controllers were tuned to or trained for; None for groups that do not need it.

    Attributes:
        tuned: what `tune_controllers` wrote.
        protocols: what `optimise_protocols` wrote.
        policies: what `train_agent` wrote, one for each seed.
    """

    tuned: Path | None
    protocols: Path | None
    policies: list[Path] | None


def simulate_controllers(
    plans: PlanFiles, group: str, charges: Path, traces: Path, steps: Path, settings: ReferenceSettings
) -> None:
    """Charge by every controller of a group from every held-out scenario and the nominal one.

    Args:
        plans: what controllers were tuned to or trained for.
        group: a group of controllers, or the name of an agent.
        charges: Parquet to write: one row per charge.
        traces: Parquet to write: nominal charges over time, on the reference model.
        steps: Parquet to write: state of charge, temperature and C-rate at each step of all charges there.
        settings: cell, temperature, controllers and number of scenarios.
    """
    case = ChargeCase(settings.situation)
    models = {model: case.build(model) for model in ("DFN", "SPMe")}
    full_v = models["DFN"].voltage_max_v
    factory = ControllerFactory(
        cell=settings.situation.cell,
        voltage_v=full_v,
        limits=case.limits(full_v),
        terms=case.terms,
        soc_start=case.rules.soc_nominal,
        reserve=settings.reserve,
        tuned=read_json(plans.tuned) if plans.tuned else {},
        protocols=read_json(plans.protocols) if plans.protocols else {},
        twin=models["SPMe"],
    )
    controllers = list_participants(factory, group, settings.controllers, plans.policies or [])
    held_out = case.draw_held_out(settings.held_out, settings.seed)
    recorder = record_controllers(case, models, controllers, held_out, settings.discrepancy)
    for path, table in zip((charges, traces, steps), recorder.tables(), strict=True):
        write_parquet(path, table)
