"""The stage `gather_screen`: the best of all shards, and the account of the whole screen."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from batterymi.config.screen import CHANCE
from batterymi.config.slices.screening import GatheringSettings
from batterymi.config.slices.stability import AssessmentSettings
from batterymi.costing.electrodes import rate_electrodes
from batterymi.costing.inputs import load_inputs, load_prices
from batterymi.data.loaders.liion_database import load_conductivities
from batterymi.errors import DamagedFileError, TableError
from batterymi.files import check_content, read_frame, read_json, write_csv, write_json
from batterymi.screening.annotate import add_competitors, add_stability, find_measured
from batterymi.screening.best import find_nearest, merge_best, multiply
from batterymi.screening.gates import Funnel
from batterymi.screening.scores import SCORED, label_steps
from batterymi.screening.sources import FORMULA, POSITION
from batterymi.stability.assess import Assessor
from batterymi.stability.phases import PHASE_COLUMNS, PhaseTable
from batterymi.vocabulary.verdicts import describe_skill

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShardFiles:
    """Scored shards.

    Attributes:
        scored: their candidates.
        reports: their accounts, in the same order.
    """

    scored: list[Path]
    reports: list[Path]


@dataclass(frozen=True)
class KnownFiles:
    """What listed candidates are looked up in; None where they are not.

    Attributes:
        phases: formation energies of all compounds.
        elsewhere: receipt of a data set of conductivities at many temperatures.
    """

    phases: Path | None = None
    elsewhere: Path | None = None


NOTHING_KNOWN = KnownFiles()


@dataclass(frozen=True)
class ScreenFiles:
    """What the stage writes.

    Attributes:
        top: CSV; the best candidates, best first.
        unknown: CSV; the best of those of which a gate that lets unknown ones pass is unknown, alike.
        report: JSON; the funnel, the spread of the predictions, and the verdict on the model.
    """

    top: Path
    unknown: Path
    report: Path


def gather_screen(
    shards: ShardFiles,
    listing: Path,
    table: Path,
    metrics: Path,
    made: ScreenFiles,
    settings: GatheringSettings,
    known: KnownFiles = NOTHING_KNOWN,
    stability: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Merge the shards: the best candidates that passed every gate, each beside the nearest known row.

    Args:
        shards: what was scored.
        listing: the account of the list that was dealt to them.
        table: the study's table.
        metrics: scores of its models.
        made: what to write.
        settings: which candidates are listed, and beside what.
        known: what else listed candidates are looked up in.
        stability: settings of the draws of energies, as `AssessmentSettings`.
    """
    screen, target = settings.screen, settings.target
    account = _add_accounts(shards.reports, read_json(listing, ["listed", "dropped"]), settings)
    best = merge_best(_read_blocks(shards.scored), screen, target)
    if best.moments.n != account["scored"]:
        counts = f"{best.moments.n} scored candidates, their reports {account['scored']}"
        raise TableError(f"the shards hold {counts}; run them again")
    scores = read_frame(metrics, ["selected"], {"variant": [screen.variant], "objective": [target.name]})
    chosen = scores["selected"] & (scores["variant"] == screen.variant) & (scores["objective"] == target.name)
    model = scores[chosen].iloc[0]
    skill = describe_skill(str(model["verdict"]), settings.table.group_columns if settings.table else ())
    # beside each candidate, since a ranking is read without the report
    rows = read_frame(table, [target.name])
    listed, undecided = (
        _look_up(_list_best(frame, rows, settings), settings, known, stability).assign(verdict=skill)
        for frame in (best.candidates, best.undecided)
    )
    write_csv(made.top, listed)
    write_csv(made.unknown, undecided)
    found = {
        **account,
        "inside": best.inside,
        "mean_prediction": best.moments.mean,
        "spread_of_predictions": best.moments.deviation,
        **{name: model[name] for name in ("model", "verdict", "q2", "mae")},
        "skill": skill,
        "threshold_of_target": target.threshold,
        "order_by": screen.order_by,
        "product": {"of": screen.times, "label": screen.label, "unit": screen.unit} if screen.times else None,
        "undecided": best.n_undecided,
        "undecided_listed": len(undecided),
        "likely": best.likely if target.threshold is not None else None,
        "median_half_width_95_of_the_best": float((listed["upper_95"] - listed["predicted"]).median()),
        "listed": len(listed),
        "known_bad": int(listed["known_bad"].sum()) if "known_bad" in listed else None,
        "source": screen.source.name,
    }
    write_json(made.report, found)
    logger.info("%d candidates, %d scored, %d listed", account["candidates"], account["scored"], len(listed))


def _look_up(
    listed: pd.DataFrame, settings: GatheringSettings, known: KnownFiles, stability: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the listed candidates with all numbers of their stability, and with measurements elsewhere."""
    formulas = listed[FORMULA]
    if settings.screen.lists_electrodes:
        listed = pd.concat([listed, rate_electrodes(listed, load_inputs(), load_prices())], axis=1)
    table = PhaseTable(read_frame(known.phases, PHASE_COLUMNS)) if known.phases else None
    if table and settings.screen.lists_electrodes:
        listed = add_competitors(listed, formulas, table)
    elif table:
        chosen = AssessmentSettings.model_validate(stability)
        listed = add_stability(listed, formulas, Assessor(table, chosen.draws, chosen.noise_ev_atom, chosen.seed))
    if known.elsewhere:
        rows = load_conductivities(known.elsewhere.parent).frame
        listed = pd.concat([listed, find_measured(formulas, rows, settings.target)], axis=1)
    return listed


def _add_accounts(reports: Sequence[Path], listing: dict[str, Any], settings: GatheringSettings) -> dict[str, Any]:
    """Return the account of all shards.

    Raises:
        TableError: if they were dealt another list.
    """
    steps = label_steps(settings.screen, settings.screened_features)
    funnel, listed, scored, threshold = Funnel.make_empty(len(steps)), 0, 0, None
    for path in reports:
        account = read_json(path)
        funnel.add(Funnel(**{name: account[name] for name in ("entered", "passed", "unknown")}))
        listed, scored, threshold = listed + account["listed"], scored + account["scored"], account["threshold"]
    # shards of an earlier listing must not be merged with this one
    if listed != listing["listed"]:
        raise TableError(f"the shards were dealt {listed} candidates, {listing['listed']} were listed; run them again")
    counts = zip(steps, funnel.entered, funnel.passed, funnel.unknown, strict=True)
    return {
        "candidates": listed,
        "dropped": listing["dropped"],
        "scored": scored,
        "passed": funnel.passed[-1] if steps else scored,
        "threshold": threshold,
        "funnel": [
            {"gate": step, "entered": entered, "passed": passed, "unknown": unknown}
            for step, entered, passed, unknown in counts
        ],
    }


def _list_best(frame: pd.DataFrame, rows: pd.DataFrame, settings: GatheringSettings) -> pd.DataFrame:
    """Return the table of the best candidates."""
    known = find_nearest(frame[FORMULA], rows, next(iter(settings.formula_columns), None), settings.target.name)
    scores = [column for column in SCORED if column not in ("passed", "undecided")]
    if settings.screen.times:
        ends = (("product", "predicted"), ("product_lower_95", "lower_95"), ("product_upper_95", "upper_95"))
        frame = frame.assign(**{name: multiply(frame, settings.screen, column) for name, column in ends})
        scores += [name for name, _ in ends]
    source_columns = [column for column in frame.columns if column not in (FORMULA, POSITION, *SCORED, *scores)]
    listed = pd.concat([frame[[FORMULA, *scores]], known, frame[source_columns]], axis=1)
    listed.insert(0, "rank", np.arange(1, len(listed) + 1))
    return listed if settings.target.threshold is not None else listed.drop(columns=CHANCE)


def _read_blocks(paths: Sequence[Path]) -> Iterator[pd.DataFrame]:
    """Yield the blocks of all shards, of each shard an empty one first.

    Raises:
        DamagedFileError: if a file does not hold scored candidates.
    """
    for path in paths:
        check_content(path)
        try:
            with pa.parquet.ParquetFile(path) as file:
                if lacking := sorted({POSITION, *SCORED} - set(file.schema_arrow.names)):
                    raise DamagedFileError(path, f"not a scored shard: it lacks the column '{lacking[0]}'")
                yield file.schema_arrow.empty_table().to_pandas()
                for number in range(file.num_row_groups):
                    yield file.read_row_group(number).to_pandas()
        except (pa.ArrowInvalid, OSError) as error:
            raise DamagedFileError(path, f"not a scored shard ({' '.join(str(error).split())})") from None
