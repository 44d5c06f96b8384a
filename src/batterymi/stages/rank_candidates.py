"""The stage `rank_candidates`: candidates without a measurement, ranked by the model of the primary variant."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi import registry
from batterymi.config.parts import Feature, Objective
from batterymi.config.sources import Candidates
from batterymi.errors import DamagedFileError
from batterymi.files import read_frame, read_json, write_csv, write_json
from batterymi.surrogates.applicability import neighbour_distance
from batterymi.surrogates.store import load_models
from batterymi.vocabulary.splits import SPLIT, TRAIN

logger = logging.getLogger(__name__)


def rank_candidates(
    table_path: str,
    model_path: str,
    ranking_path: str,
    report_path: str,
    *,
    candidates: dict[str, Any],
    folder: str,
    features: list[dict[str, Any]],
    objectives: list[dict[str, Any]],
    variant: str,
    validation_path: str,
) -> None:
    """Predict every candidate, with its interval and a flag where the model has no ground under it.

    A candidate is outside if it is farther from the rows than nine tenths of the held-out rows were from theirs, or if
    one of its features lies outside the range of the rows.

    Args:
        table_path: the study's table.
        model_path: its models.
        ranking_path: CSV to write: candidates, best first.
        report_path: JSON to write: how many there were, were left out, and lie outside.
        candidates: settings of the candidates.
        folder: files of their data set.
        features: settings of the features.
        objectives: settings of the objectives; the first that is optimised ranks.
        variant: the variant whose model ranks.
        validation_path: what validation found, for the threshold of distance.
    """
    choice = Candidates(**candidates)
    target = next(o for o in (Objective(**one) for one in objectives) if o.is_optimised)
    loaded = registry.look_up("candidates", choice.dataset)(Path(folder))
    rows = read_frame(table_path, needs=[*(one["name"] for one in features), SPLIT])
    rows = rows[rows[SPLIT] == TRAIN]
    models = {(model.variant, model.objective): model for model in load_models(model_path)}
    if (variant, target.name) not in models:
        raise DamagedFileError(model_path, f"it has no model of {target.name} for the variant {variant}")
    stored = models[variant, target.name]
    listed = loaded.frame
    if lacking := sorted(set(stored.features) - set(listed)):
        raise DamagedFileError(model_path, f"its models take '{lacking[0]}', which the candidates have not")
    mean, half = stored.predict(listed)
    threshold = read_json(validation_path)["objectives"][target.name]["applicability"]["threshold"]
    distance = neighbour_distance(stored.fitted, stored.frame(rows), stored.frame(listed))
    beyond = _out_of_range(rows, listed, [Feature(**feature) for feature in features])
    frame = listed.assign(
        predicted=mean,
        lower_95=mean - half,
        upper_95=mean + half,
        distance=distance,
        out_of_range=beyond,
        applicability=np.where((distance > threshold) | (beyond != ""), "outside", "inside"),
    )
    sign = target.sign
    frame = frame.iloc[np.lexsort((frame["id"].to_numpy(), sign * mean))]
    frame.insert(0, "rank", np.arange(1, len(frame) + 1))
    write_csv(ranking_path, frame)
    inside = frame["applicability"] == "inside"
    spread = float(rows[target.name].std())
    write_json(
        report_path,
        {
            "candidates": loaded.n_in,
            "ranked": len(frame),
            "dropped": loaded.dropped,
            "inside": int(inside.sum()),
            "outside_of_the_best": int((~inside).to_numpy()[: choice.best].sum()),
            "threshold": threshold,
            "spread_of_predictions": float(np.std(mean)),
            "spread_of_rows": spread,
            "median_half_width_95": float(np.median(half)),
        },
    )
    logger.info("%d candidates ranked, %d of them inside the model's ground", len(frame), int(inside.sum()))


def _out_of_range(rows: pd.DataFrame, listed: pd.DataFrame, features: list[Feature]) -> pd.Series:
    """Names of the features of each candidate that lie outside the range of the rows."""
    outside = pd.Series("", index=listed.index)
    for feature in features:
        if feature.is_category:
            continue
        values = rows[feature.name].astype(float)
        wrong = ~listed[feature.name].astype(float).between(values.min(), values.max())
        outside[wrong] = outside[wrong].where(outside[wrong] == "", outside[wrong] + " ") + feature.name
    return outside
