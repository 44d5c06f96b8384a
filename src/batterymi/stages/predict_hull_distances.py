"""The stage `predict_hull_distances`: how well composition predicts which NASICON compositions form."""

import logging
from pathlib import Path

import pandas as pd

from batterymi.config.nasicon import BOOTSTRAPS, GROUPINGS, METHOD, PARTITIONS, SEED
from batterymi.data.loaders.nasicon_ehull import load_rows
from batterymi.files import write_csv, write_json, write_parquet
from batterymi.surrogates.model_scores import Repeats, score_models
from batterymi.surrogates.nasicon import count_electrodes, make_hull_problem, measure_ranking

logger = logging.getLogger(__name__)

BASELINE = "dummy"


def predict_hull_distances(source: Path, scores: Path, predictions: Path, report: Path) -> None:
    """Cross-validate models by several partitions of the cations.

    Args:
        source: receipt of the data set nasicon_ehull.
        scores: CSV to write: a row for each grouping and model; errors in meV/atom.
        predictions: Parquet to write: held-out predictions of every partition.
        report: JSON to write: counts.
    """
    rows = load_rows(source.parent)
    repeats = Repeats(PARTITIONS, BOOTSTRAPS, SEED)
    found, predicted = [], []
    for group, meaning in GROUPINGS.items():
        scored = score_models(make_hull_problem(rows.frame, group), METHOD, repeats, BASELINE)
        areas = [measure_ranking(scored.predictions, name) for name in scored.models["model"]]
        found.append(scored.models.assign(grouping=group, kept_together=meaning, area_under_curve=areas))
        predicted.append(scored.predictions.assign(grouping=group))
        for _, row in scored.models.iterrows():
            logger.info(
                "%s, %s: MAE %.1f meV/atom [%.1f, %.1f], R² %.2f",
                group, *(row[name] for name in ("model", "mae", "mae_lower", "mae_upper", "r2")),
            )  # fmt: skip
    write_csv(scores, pd.concat(found, ignore_index=True))
    write_parquet(predictions, pd.concat(predicted, ignore_index=True))
    counts = {
        "records": rows.n_in,
        "rows": len(rows.frame),
        "dropped": rows.dropped,
        "expected_to_form": int((rows.frame["hull_mev_atom"] <= 0).sum()),
        **{group: int(rows.frame[group].nunique()) for group in GROUPINGS},
        "can_give_sodium": count_electrodes(rows.frame),
    }
    write_json(report, counts)
    logger.info("%d rows, %d of them can give Na as a positive electrode", len(rows.frame), counts["can_give_sodium"])
