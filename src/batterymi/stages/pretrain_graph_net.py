"""The stage `pretrain_graph_net`: the graph network's layers over sites, trained on computed formation energies."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from safetensors.numpy import save

from batterymi.config.slices.structures import PretrainingSettings
from batterymi.data.crystal_graphs import read_crystals
from batterymi.data.input_files import hold_unchanged, refuse_changes
from batterymi.data.loaders.base import make_composition_key
from batterymi.errors import TableError
from batterymi.files import compute_sha256, read_frame, write_bytes, write_json
from batterymi.stability.shards import name_systems
from batterymi.surrogates.families.graph_net import MEMBERS
from batterymi.surrogates.nets.train import Training, get_site_weights, predict_network, train_network
from batterymi.surrogates.pretraining_gain import hold_out_systems

logger = logging.getLogger(__name__)


def pretrain_graph_net(
    table: Path,
    structures: Path,
    small: Path,
    weights: Path,
    report: Path,
    settings: PretrainingSettings,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Train the network on formation energies of crystals of other compositions than those of the study.

    Compositions of all splits are left out; of the official test nothing else is read.

    Args:
        table: the study's table.
        structures: receipt of the data set mp_structures.
        small: receipt of the data set mp20_mini.
        weights: safetensors to write: the layers over sites.
        report: JSON to write: settings, digests, what was left out, errors for held-out chemical systems.
        settings: of the training, and the column of the study's compositions.
        digests: of the data sets' files when the run began.
    """
    began = time.process_time()
    chosen, column = settings.structures.pretraining, settings.structures.columns.cell_content
    measured = {make_composition_key(str(text)) for text in read_frame(table, needs=[column])[column]}
    with hold_unchanged([*digests]) as held:
        refuse_changes(held, digests)
        known = read_crystals(structures.parent, small.parent, measured, chosen, settings.seed)
    observed = known.rows["e_form"].to_numpy(float)
    is_held_out = hold_out_systems(name_systems(known.rows["formula"]), settings.seed)
    learned, tested = np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)
    if not len(learned) or not len(tested):
        raise TableError(
            f"{structures.parent}: {len(observed)} crystals of other compositions than the study's are too few to "
            "learn from and to test on; raise structures.pretraining.most or largest_cell"
        )
    training = Training(MEMBERS, chosen.epochs, settings.seed)
    graphs = known.graphs
    fitted = train_network([graphs[row] for row in learned], np.empty((len(learned), 0)), observed[learned], training)
    said = predict_network(fitted, [graphs[row] for row in tested], np.empty((len(tested), 0))).mean(axis=0)
    miss, spread = np.abs(said - observed[tested]), observed[tested] - observed[learned].mean()
    errors = {
        "crystals": len(tested),
        "mae_ev_atom": float(miss.mean()),
        "mae_of_the_mean_ev_atom": float(np.abs(spread).mean()),
        "r2": float(1 - (miss**2).sum() / (spread**2).sum()),
    }
    logger.info(
        "held-out chemical systems: MAE %.3f eV/atom, of the mean %.3f",
        *(errors[name] for name in ("mae_ev_atom", "mae_of_the_mean_ev_atom")),
    )
    write_bytes(weights, save(get_site_weights(fitted)))
    write_json(
        report,
        {
            "sha256": compute_sha256(weights),
            "settings": chosen.model_dump() | {"members": MEMBERS, "seed": settings.seed},
            "data": known.counts | {"learned": len(learned), "compositions_of_the_study": len(measured)},
            "data_sha256": {Path(name).name: digest for name, digest in digests.items()},
            "rule": "crystals of the same composition as a row of the study, of any split, are left out; a tenth of "
            "the chemical systems is held out",
            "held_out": errors,
            "cpu_seconds": time.process_time() - began,
        },
    )
