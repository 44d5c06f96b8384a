"""The stage `compare_fidelities`: what cheaper levels save at the same cost."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from batterymi.config.slices.campaign import FidelitySettings
from batterymi.data.designs import read_pool
from batterymi.files import read_frame, read_json, write_csv, write_json
from batterymi.optimise.campaigns.fidelity_comparison import run_fidelities, summarise_fidelities
from batterymi.optimise.space.make_space import make_study_space
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.score import read_limits


def compare_fidelities(
    table: Path,
    benchmark: Path,
    pool: Path | None,
    ledger: Path,
    comparison: Path,
    settings: FidelitySettings,
    processes: int,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Spend the same cost over all levels, on the last level alone, and at random on it, from the same starts.

    Args:
        table: the study's table.
        benchmark: what the study's campaign found; its limits in force hold here.
        pool: designs to choose from, if the study lists them.
        ledger: CSV to write: every evaluation of every campaign, with its level, cost and reason.
        comparison: JSON to write: what the levels save.
        settings: of designs, campaign and levels.
        processes: worker processes; the result does not depend on it.
        digests: of the list of designs when the run began.
    """
    fidelities = settings.campaign.fidelities
    assert fidelities is not None  # the rule is of studies with levels
    rows = read_frame(table, needs=[feature.name for feature in settings.designable])
    space = make_study_space(settings, rows, read_pool(pool, settings, digests) if pool else None)
    search = Search(space, settings.objectives, read_limits(read_json(benchmark)["feasibility"]["limits"]))
    seeds = range(settings.seed, settings.seed + settings.campaign.seeds)
    evaluated = run_fidelities(search, fidelities, seeds, processes)
    write_csv(ledger, evaluated)
    least = settings.campaign.worthwhile.least if settings.campaign.worthwhile else 0.0
    write_json(comparison, summarise_fidelities(evaluated, search, fidelities, seeds, least))
