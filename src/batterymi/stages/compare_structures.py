"""The stage `compare_structures`: held-out predictions with and without structures, by one partition."""

from pathlib import Path

from batterymi.config.slices.structures import StructureSettings
from batterymi.features import bottlenecks, occupancy
from batterymi.features.graph_files import read_graphs
from batterymi.files import read_frame, write_json, write_parquet
from batterymi.surrogates.feature_gain import make_study_problem
from batterymi.surrogates.structure_gain import KnownStructures, predict_candidates
from batterymi.vocabulary.splits import SPLIT


def compare_structures(
    table: Path,
    graphs: Path,
    described: Path,
    predictions: Path,
    times: Path,
    partition: str,
    settings: StructureSettings,
) -> None:
    """Predict every row by models that learned from rows of other groups, with structures and without.

    Args:
        table: the study's table.
        graphs: of the rows' structures.
        described: source of each row, and descriptors of its occupancy and bottlenecks.
        predictions: Parquet to write: a column for each candidate.
        times: JSON to write: processor time of each candidate.
        partition: its number, from 1.
        settings: what models learn from, and how they are held out.
    """
    rows = read_frame(table, needs=[*(column.name for column in (*settings.features, *settings.objectives)), SPLIT])
    problem = make_study_problem(rows, settings)
    known = read_frame(
        described, needs=["line", "source", *occupancy.DESCRIPTIONS, *bottlenecks.DESCRIPTIONS]
    ).set_index("line")
    structures = KnownStructures(known, read_graphs(graphs))
    found, seconds = predict_candidates(problem, structures, settings.surrogate, settings.seed, int(partition))
    write_parquet(predictions, found)
    write_json(times, {"partition": int(partition), "cpu_seconds": seconds})
