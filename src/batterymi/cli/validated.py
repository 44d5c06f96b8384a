"""What a study's validated model predicts of designs, where a run made one from the table as it is now."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.config.campaign import SurrogateChoice
from batterymi.config.run import Config
from batterymi.config.study import Study
from batterymi.errors import BatteryMIError
from batterymi.evaluators.base import EvaluatorFiles
from batterymi.files import read_frame
from batterymi.optimise.campaigns.suggestions import add_intervals
from batterymi.optimise.space.problem import Problem, Search
from batterymi.vocabulary.splits import SPLIT, TRAIN
from batterymi.workflow.project import folder_of


@dataclass(frozen=True)
class Validated:
    """Predictions of a validated model.

    Attributes:
        predictions: designs with outcomes and 95 % bounds; None without a model of the present table.
        remark: where predictions are from, or how to get them.
    """

    predictions: pd.DataFrame | None
    remark: str


def predict_validated(
    name: str, study: Study, config: Config, search: Search, rows: pd.DataFrame, designs: pd.DataFrame
) -> Validated:
    """Predict designs with the validated model that lies in the results.

    Args:
        name: of the study.
        study: its settings.
        config: of the run, for the folder of results.
        search: objectives, and the space.
        rows: of the study's table as it is now.
        designs: what to predict.
    """
    folder = folder_of(config, "results") / name
    table, model = folder / "table.parquet", folder / "surrogate/model.skops"
    if not (table.is_file() and model.is_file()):
        return Validated(None, f"With validated predictions and figures: snakemake {name}")
    again = f"snakemake {name} makes it again"
    try:
        stored = read_frame(table)
        columns = [column.name for column in (*study.designable, *study.objectives)]
        if not _is_same(stored, rows, columns) or model.stat().st_mtime_ns < table.stat().st_mtime_ns:
            return Validated(None, f"{model}: learned from another table or other settings; {again}")
        # only where it is needed, since it takes a second
        from batterymi.evaluators.surrogate import SurrogateEvaluator

        choice = SurrogateChoice(name="surrogate", variant=study.primary_variant)
        evaluator = SurrogateEvaluator(choice, study.objectives, EvaluatorFiles(model))
        problem = Problem(search.space, search.objectives, search.limits, evaluator, is_noisy=True)
        predicted = add_intervals(problem.evaluate(designs[search.space.names]), problem)
    except (BatteryMIError, OSError) as error:
        return Validated(None, f"{error}; {again}")
    return Validated(predicted, f"Predicted by {model}, with 95 % intervals")


def _is_same(stored: pd.DataFrame, rows: pd.DataFrame, columns: list[str]) -> bool:
    """Return whether the rows that models learn from are the same in some columns."""
    if not {SPLIT, *columns} <= set(stored):
        return False
    before, now = (frame[frame[SPLIT] == TRAIN][columns] for frame in (stored, rows))
    if len(before) != len(now):
        return False
    for column in columns:
        old, new = before[column], now[column]
        if pd.api.types.is_numeric_dtype(old) and pd.api.types.is_numeric_dtype(new):
            if not np.array_equal(old.to_numpy(float), new.to_numpy(float), equal_nan=True):
                return False
        elif old.astype(str).tolist() != new.astype(str).tolist():
            return False
    return True
