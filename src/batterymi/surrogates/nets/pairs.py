"""The second part of a pre-training: differences between compounds of one host.

A voltage is the difference of two energies over few ions, so errors that differ between the two ends weigh most. Pairs
of compounds whose host is that of no electrode teach the encoder to make the same error at both.
"""

import logging
import time

import numpy as np
import torch
from torch import Tensor

from batterymi.arrays import Array, Indices, Mask
from batterymi.data.host_pairs import HostPairs
from batterymi.features.ion_steps import FORMATION, HIGHEST_V, LOWEST_V
from batterymi.surrogates.nets.formula import FormulaEncoder
from batterymi.surrogates.nets.pretrain import (
    CLIP_NORM,
    DECAY,
    Examples,
    Pretraining,
    find_rate,
    measure_loss,
    standardise_targets,
    take_blocks,
)

logger = logging.getLogger(__name__)

RATE = 1e-3
PAIRS, COMPOUNDS = 128, 256  # per step
WEIGHT = 0.3  # of an error of 1 V beside one of a standard deviation
FARTHEST_V = 6.0  # errors beyond are cut off
REPORTS = 10


def find_voltages(energies: Array, pairs: HostPairs) -> Array:
    """Return the voltage of each pair, as if it were an electrode, shape (n_pairs,); NaN where an energy is unknown."""
    released = (1 + pairs.before) * energies[pairs.poor] - (1 + pairs.after) * energies[pairs.rich]
    voltages: Array = released / ((pairs.after - pairs.before) * pairs.charge)
    return voltages


def find_usable(voltages: Array) -> Mask:
    """Mark pairs with a voltage within the range of `compute_voltage`."""
    return np.asarray((voltages > LOWEST_V) & (voltages < HIGHEST_V))


def train_pairs(encoder: FormulaEncoder, examples: Examples, pairs: HostPairs, training: Pretraining) -> int:
    """Train an encoder on voltages of pairs, and on the compounds of the first part so that it forgets nothing.

    Args:
        encoder: after the first part.
        examples: what it learned from.
        pairs: of compounds that it learned from.
        training: settings; `pair_epochs` is how often each pair is seen.

    Returns:
        The number of pairs.
    """
    voltages = find_voltages(examples.targets[:, FORMATION], pairs)
    usable = np.flatnonzero(find_usable(voltages))
    steps = training.pair_epochs * -(-len(usable) // PAIRS)
    if not steps:
        return 0
    optimiser = torch.optim.AdamW(encoder.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: find_rate(step / steps))
    targets = standardise_targets(examples).to(training.device)
    rng = np.random.default_rng([training.seed, 0])
    began = time.monotonic()
    for step in range(1, steps + 1):
        compounds = rng.choice(examples.rows, min(COMPOUNDS, len(examples.rows)), replace=False)
        picked = rng.choice(usable, min(PAIRS, len(usable)), replace=False)
        rows = np.unique(np.concatenate([compounds, pairs.poor[picked], pairs.rich[picked]]))
        order, blocks = take_blocks(examples.formulas, rows, training.device)
        places = np.empty(len(examples.targets), dtype=np.int64)
        places[order.cpu().numpy()] = np.arange(len(order))
        predicted = encoder.predict_targets(encoder(blocks))[0]
        energies = predicted[:, FORMATION] * float(examples.scale[FORMATION]) + float(examples.mean[FORMATION])
        found = _compute_voltages(energies, pairs, picked, places)
        wanted = torch.as_tensor(voltages[picked], dtype=torch.float32, device=training.device)
        missed = (found - wanted).abs().clamp(max=FARTHEST_V).mean()
        loss = measure_loss(predicted[places[compounds]], targets[compounds]) + WEIGHT * missed
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), CLIP_NORM)
        optimiser.step()
        schedule.step()
        if step % max(1, steps // REPORTS) == 0:
            left = (time.monotonic() - began) / step * (steps - step) / 60
            logger.info(
                "pairs, step %d of %d: error %.3f V, about %.1f min left", step, steps, float(missed.detach()), left
            )
    return len(usable)


def _compute_voltages(energies: Tensor, pairs: HostPairs, picked: Indices, places: Indices) -> Tensor:
    """Return the voltages of some pairs from formation energies in the order of the blocks."""
    before, after, charge = (
        torch.as_tensor(part[picked], dtype=torch.float32, device=energies.device)
        for part in (pairs.before, pairs.after, pairs.charge)
    )
    poor, rich = (energies[places[part[picked]]] for part in (pairs.poor, pairs.rich))
    return ((1 + before) * poor - (1 + after) * rich) / ((after - before) * charge)
