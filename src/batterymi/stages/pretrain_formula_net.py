"""The stage `pretrain_formula_net`: one encoder of formulas, trained on compounds without the hosts of electrodes."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from batterymi.config.slices.formula_net import PretrainingSettings
from batterymi.data.host_pairs import pair_hosts
from batterymi.data.input_files import hold_unchanged, refuse_changes
from batterymi.data.pretraining import TARGETS, Compounds, load_compounds
from batterymi.features.formula_table import tabulate_formulas
from batterymi.files import compute_digest, compute_sha256, remove_file, write_json
from batterymi.process_pool import use_single_torch_thread
from batterymi.surrogates.nets.checkpoint import load_state, save_state, write_weights
from batterymi.surrogates.nets.pairs import train_pairs
from batterymi.surrogates.nets.pretrain import (
    Examples,
    Pretraining,
    choose_device,
    export_weights,
    make_examples,
    predict_targets,
    pretrain_encoder,
)
from batterymi.vocabulary.elements import INDEX

logger = logging.getLogger(__name__)


def pretrain_formula_net(
    compositions: Path,
    electrodes: Path,
    weights: Path,
    report: Path,
    settings: PretrainingSettings,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Train one encoder; an interrupted training goes on after its last whole epoch.

    Args:
        compositions: receipt of the data set mp_compositions.
        electrodes: receipt of the data set mp_electrodes.
        weights: safetensors to write; the interrupted training lies beside it.
        report: JSON to write: settings, what was left out, losses and errors.
        settings: of the training.
        digests: of the files of both data sets when the run began.
    """
    with hold_unchanged([*digests]) as held:
        refuse_changes(held, digests)
        compounds = load_compounds(compositions.parent, electrodes.parent)
    described = compounds.describe()
    logger.info(
        "%d compounds; %d of hosts of electrodes are left out, %d are learned from",
        *(described[name] for name in ("compounds", "left_out", "learned")),
    )
    examples = _make_examples(compounds)
    training = Pretraining(
        settings.width,
        settings.layers,
        settings.epochs,
        settings.batch,
        settings.pair_epochs,
        settings.seed + settings.encoder,
        choose_device(settings.device),
    )
    identity = vars(training) | {"data": compute_digest(described, examples.targets.tobytes().hex())}
    kept = weights.with_name(f"{weights.stem}.interrupted.safetensors")
    start = load_state(kept, identity)
    # a training that was interrupted after its last epoch has no other losses
    losses = [] if start is None else [*start.losses]
    began = time.process_time()

    if start is not None:
        logger.info("%s: the interrupted training goes on after epoch %d of %d", kept, len(losses), training.epochs)

    def keep(state: Any) -> None:
        save_state(kept, state, identity)
        losses[:] = state.losses

    with use_single_torch_thread():
        encoder = pretrain_encoder(examples, training, start, keep)
        # its few minutes are not kept in pieces; an interrupted second part begins again after the first
        pairs = pair_hosts(compounds.frame["formula"].tolist(), compounds.learned)
        n_pairs = train_pairs(encoder, examples, pairs, training)
        errors = {
            name: dict(zip(TARGETS, _measure_errors(encoder, examples, rows, training.device), strict=True))
            for name, rows in (("validated", compounds.validated), ("left_out", compounds.left_out))
        }
    write_weights(weights, export_weights(encoder))
    write_json(
        report,
        {
            "sha256": compute_sha256(weights),
            "training": vars(training) | {"parameters": encoder.count_parameters()},
            "data": described,
            "mean": examples.mean,
            "scale": examples.scale,
            "losses": losses,
            "pairs": n_pairs,
            "mean_absolute_errors": errors,
            "cpu_seconds_since_last_start": time.process_time() - began,
        },
    )
    remove_file(kept)


def _make_examples(compounds: Compounds) -> Examples:
    """Return what the encoder learns from."""
    formulas = tabulate_formulas(compounds.frame["formula"], compounds.vocabulary)
    places = np.array([INDEX[symbol] for symbol in compounds.vocabulary])
    return make_examples(formulas, compounds.frame[[*TARGETS]].to_numpy(float), compounds.learned, places)


def _measure_errors(encoder: Any, examples: Examples, rows: Any, device: str) -> list[float | None]:
    """Return the mean absolute error of each target over the rows where it is known; None if there are none."""
    miss = np.abs(predict_targets(encoder, examples, rows, device)[0] - examples.targets[rows])
    return [float(np.nanmean(column)) if np.isfinite(column).any() else None for column in miss.T]
