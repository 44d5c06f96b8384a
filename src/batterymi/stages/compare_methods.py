"""The stage `compare_methods`: the error of every model over the number of rows of one study."""

from pathlib import Path

from batterymi.config.slices.methods import MethodSettings
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import read_frame, write_csv
from batterymi.progress import make_report
from batterymi.surrogates.problem import Inputs, make_problem
from batterymi.surrogates.sample_sizes import measure_sizes
from batterymi.surrogates.validation import Method
from batterymi.vocabulary.splits import SOURCE, SPLIT, TRAIN

DRAWS = 10


def compare_methods(table: Path, measured: Path, settings: MethodSettings) -> None:
    """Measure the error of every model on random subsamples of a study's rows.

    Args:
        table: the study's table; rows of related tasks count as its own here.
        measured: CSV to write: one row for each size, draw and model.
        settings: what models learn from.
    """
    target = settings.objectives[0]
    rows = read_frame(table, needs=[*(column.name for column in (*settings.features, *settings.objectives)), SPLIT])
    rows = rows[rows[SPLIT].isin((TRAIN, SOURCE))].reset_index(drop=True).assign(**{SPLIT: TRAIN})
    computed = compute_descriptors(rows, settings.descriptors)
    inputs = Inputs(settings.features, settings.descriptors)
    problem = make_problem(rows, computed, "all_features", inputs, target, settings.table)
    method = Method(trees=settings.surrogate.trees, blend=settings.surrogate.blend)
    write_csv(measured, measure_sizes(problem, method, settings.seed, DRAWS, make_report("draws done")))
