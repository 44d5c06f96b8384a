"""The stage `compare_computed_sets`: held-out predictions with and without computed sets, by one partition."""

from pathlib import Path

from batterymi.config.slices.methods import MethodSettings
from batterymi.files import read_frame, write_json, write_parquet
from batterymi.surrogates.computed_sets import PROPERTIES, extend_problems
from batterymi.surrogates.feature_gain import make_study_problem, predict_extensions
from batterymi.vocabulary.splits import SPLIT


def compare_computed_sets(
    table: Path, known: Path, predictions: Path, times: Path, partition: str, settings: MethodSettings
) -> None:
    """Predict every row by models that learned from rows of other groups, with computed sets and without.

    Args:
        table: the study's table.
        known: what computed sets say of each row.
        predictions: Parquet to write: a column for each candidate.
        times: JSON to write: processor time of each candidate.
        partition: its number, from 1.
        settings: what models learn from, and how they are held out.
    """
    rows = read_frame(table, needs=[*(column.name for column in (*settings.features, *settings.objectives)), SPLIT])
    problem = make_study_problem(rows, settings)
    properties = read_frame(known, needs=["line", *PROPERTIES]).set_index("line")
    extensions = extend_problems(problem, properties, settings.seed + int(partition))
    found, seconds = predict_extensions(problem, extensions, settings.surrogate, settings.seed, int(partition))
    write_parquet(predictions, found)
    write_json(times, {"partition": int(partition), "cpu_seconds": seconds})
