"""The stage `predict_activation_energies`: how well composition predicts the activation energy of new papers."""

import logging
from pathlib import Path

from batterymi.files import read_frame, write_csv, write_parquet
from batterymi.surrogates.activation import ENERGY, make_activation_problem
from batterymi.surrogates.activation import predict_activation_energies as predict

logger = logging.getLogger(__name__)

NEEDED = ("composition", "doi", "has_interval", "n_points", ENERGY, "activation_energy_low_ev")
SEED = 42


def predict_activation_energies(fits: Path, scores: Path, predictions: Path) -> None:
    """Cross-validate models of activation energies by several partitions of the papers.

    Args:
        fits: Arrhenius fits of all series, as `fit_conductivities` wrote them.
        scores: CSV to write: a row for each model.
        predictions: Parquet to write: held-out predictions of every partition.
    """
    problem = make_activation_problem(read_frame(fits, needs=NEEDED))
    found = predict(problem, SEED)
    write_csv(scores, found.models)
    write_parquet(predictions, found.predictions)
    for _, row in found.models.iterrows():
        logger.info(
            "%s: MAE %.3f eV [%.3f, %.3f], R² %.2f, %s",
            *(row[name] for name in ("model", "mae", "mae_lower", "mae_upper", "r2")),
            row["verdict"] or "what the others are compared with",
        )
