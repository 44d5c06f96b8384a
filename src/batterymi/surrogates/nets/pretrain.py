"""Pre-training of an encoder of formulas on quantities that are known of very many compounds."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batterymi.arrays import Array, Indices
from batterymi.errors import BatteryMIError
from batterymi.features.formula_table import Block, FormulaTable
from batterymi.surrogates.nets.formula import FormulaEncoder
from batterymi.surrogates.nets.train import scale_properties

logger = logging.getLogger(__name__)

DECAY = 1e-3
HIGHEST_RATE, WARM_UP, LOWEST_SHARE = 2e-3, 0.1, 1e-3
CLIP_NORM = 5.0  # of the gradient
FARTHEST = 6.0  # standard deviations of a quantity, beyond which it is cut off
PREDICTED_AT_ONCE = 4096
Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Pretraining:
    """How an encoder is trained.

    Attributes:
        width: numbers per element.
        layers: rounds of messages.
        epochs: times that each formula is seen.
        batch: formulas per step.
        pair_epochs: times that each pair of the second part is seen.
        seed: of all random numbers.
        device: of PyTorch.
    """

    width: int
    layers: int
    epochs: int
    batch: int
    pair_epochs: int
    seed: int
    device: str


@dataclass(frozen=True)
class Examples:
    """What an encoder learns from.

    Attributes:
        formulas: n_formulas.
        targets: shape (n_formulas, n_targets), NaN where unknown.
        rows: those that are learned from.
        properties: scaled numbers of the vocabulary's elements, shape (n_elements, n_properties).
        mean: of each target over these rows, shape (n_targets,).
        scale: standard deviation likewise.
    """

    formulas: FormulaTable
    targets: Array
    rows: Indices
    properties: Array
    mean: Array
    scale: Array


@dataclass
class State:
    """A training after some epochs, as plain arrays.

    Attributes:
        losses: mean training loss of each epoch so far.
        arrays: weights, and the two moments of each, by name.
    """

    losses: list[float]
    arrays: Arrays


def make_examples(formulas: FormulaTable, targets: Array, rows: Indices, places: Indices) -> Examples:
    """Return what an encoder learns from, with means and scales of the rows that it learns from alone.

    Args:
        formulas: n_formulas.
        targets: shape (n_formulas, n_targets), NaN where unknown.
        rows: those that are learned from.
        places: index of each element of the vocabulary among all elements.
    """
    columns = [column[np.isfinite(column)] for column in targets[rows].T]
    mean = np.array([column.mean() if len(column) else 0.0 for column in columns])
    # equal or unknown values have no scale
    scale = np.array([(column.std() if len(column) else 0.0) or 1.0 for column in columns])
    return Examples(formulas, targets, rows, scale_properties()[places], mean, scale)


def pretrain_encoder(
    examples: Examples, training: Pretraining, start: State | None, keep: Callable[[State], None]
) -> FormulaEncoder:
    """Train an encoder; on one processor the same on every run, and wherever it was interrupted.

    Args:
        examples: what it learns from.
        training: how.
        start: an interrupted training of the same settings.
        keep: called after every epoch.
    """
    encoder = make_encoder(examples, training).to(training.device)
    optimiser = torch.optim.AdamW(encoder.parameters(), HIGHEST_RATE, weight_decay=DECAY)
    n_steps = -(-len(examples.rows) // training.batch)
    if start is not None:
        restore_state(start, encoder, optimiser)
    past = [] if start is None else start.losses
    done = len(past)
    for group in optimiser.param_groups:
        group["initial_lr"] = HIGHEST_RATE
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: find_rate(step / (training.epochs * n_steps)), last_epoch=done * n_steps - 1
    )
    targets = standardise_targets(examples).to(training.device)
    began = time.monotonic()
    for epoch in range(done + 1, training.epochs + 1):
        # seeded by the epoch, so that a resumed training needs no state of a generator
        order = np.random.default_rng([training.seed, epoch]).permutation(examples.rows)
        losses = []
        for batch in np.array_split(order, n_steps):
            taken, blocks = take_blocks(examples.formulas, batch, training.device)
            loss = measure_loss(encoder.predict_targets(encoder(blocks))[0], targets[taken])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), CLIP_NORM)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        past = [*past, float(np.mean(losses))]
        keep(State(past, collect_state(encoder, optimiser)))
        left = (time.monotonic() - began) / (epoch - done) * (training.epochs - epoch)
        logger.info(
            "epoch %d of %d: training loss %.4f, about %.1f min left%s",
            epoch,
            training.epochs,
            past[-1],
            left / 60,
            " before the pairs" if training.pair_epochs else "",
        )
    return encoder


def find_rate(share: float) -> float:
    """Return the learning rate at a share of the steps, relative to the highest: up along a cosine, then down."""
    if share < WARM_UP:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * share / WARM_UP)) / 2
    fallen = (1 + math.cos(math.pi * min((share - WARM_UP) / (1 - WARM_UP), 1))) / 2
    return LOWEST_SHARE + (1 - LOWEST_SHARE) * fallen


def make_encoder(examples: Examples, training: Pretraining) -> FormulaEncoder:
    """Return an encoder of one member with drawn weights."""
    generator = torch.Generator().manual_seed(training.seed)
    properties = torch.as_tensor(examples.properties, dtype=torch.float32)
    shape = (1, training.width, training.layers)
    return FormulaEncoder(shape, properties, examples.targets.shape[1], generator)


def take_blocks(formulas: FormulaTable, rows: Indices, device: str) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Return some rows of a table in the order of their blocks, and the blocks as tensors."""
    order, blocks = formulas.split(rows)
    return torch.as_tensor(order, device=device), [convert_block(block, device) for block in blocks]


def convert_block(block: Block, device: str) -> tuple[Tensor, Tensor]:
    """Return a block as tensors."""
    elements, fractions = block
    return torch.as_tensor(elements, device=device), torch.as_tensor(fractions, dtype=torch.float32, device=device)


def predict_targets(encoder: FormulaEncoder, examples: Examples, rows: Indices, device: str) -> Array:
    """Return predicted quantities of some rows in their own units, shape (members, n_rows, n_targets)."""
    found = np.empty((len(encoder.elements), len(rows), len(examples.mean)))
    with torch.no_grad():
        for piece in np.array_split(np.arange(len(rows)), max(1, -(-len(rows) // PREDICTED_AT_ONCE))):
            if not len(piece):
                continue
            place = dict(zip(rows[piece].tolist(), piece.tolist(), strict=True))
            taken, blocks = take_blocks(examples.formulas, rows[piece], device)
            predicted = encoder.predict_targets(encoder(blocks)).cpu().double().numpy()
            found[:, [place[row] for row in taken.tolist()]] = predicted
    return found * examples.scale + examples.mean


def standardise_targets(examples: Examples) -> Tensor:
    """Return the targets with zero mean and unit variance over the rows that are learned from, NaN where unknown."""
    scaled = (examples.targets - examples.mean) / examples.scale
    return torch.as_tensor(np.clip(scaled, -FARTHEST, FARTHEST), dtype=torch.float32)


def measure_loss(predicted: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute error over what is known."""
    known = torch.isfinite(targets)
    return (predicted - targets)[known].abs().mean()


def collect_state(encoder: FormulaEncoder, optimiser: torch.optim.Optimizer) -> Arrays:
    """Return weights and moments as arrays, from which a training goes on."""
    found: Arrays = {}
    for name, weight in encoder.named_parameters():
        slots = {"": weight, "/m": optimiser.state[weight]["exp_avg"], "/v": optimiser.state[weight]["exp_avg_sq"]}
        found |= {name + slot: value.detach().cpu().numpy().copy() for slot, value in slots.items()}
    step = next(iter(optimiser.state.values()))["step"]
    return found | {"step": np.asarray(float(step), dtype=np.float32)}


def restore_state(state: State, encoder: FormulaEncoder, optimiser: torch.optim.Optimizer) -> None:
    """Put weights and moments back where they were.

    Raises:
        BatteryMIError: if they are of another encoder.
    """
    arrays: Mapping[str, NDArray[np.float32]] = state.arrays
    slots = {name + slot: weight.shape for name, weight in encoder.named_parameters() for slot in ("", "/m", "/v")}
    if {name: array.shape for name, array in arrays.items()} != {**slots, "step": ()}:
        raise BatteryMIError("the interrupted training is of another encoder; remove its file to begin again")
    with torch.no_grad():
        for name, weight in encoder.named_parameters():
            weight.copy_(torch.as_tensor(arrays[name]))
            optimiser.state[weight] = {
                "step": torch.tensor(float(arrays["step"])),
                "exp_avg": torch.as_tensor(arrays[name + "/m"]).to(weight.device),
                "exp_avg_sq": torch.as_tensor(arrays[name + "/v"]).to(weight.device),
            }


def choose_device(wanted: str) -> str:
    """Return the device of PyTorch; `auto` is a GPU where there is one.

    Raises:
        BatteryMIError: if a GPU is wanted and there is none.
    """
    has_gpu = torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise BatteryMIError("formula_net.device: 'cuda', but PyTorch finds no GPU; 'auto' takes the processor then")
    return ("cuda" if has_gpu else "cpu") if wanted == "auto" else wanted


def export_weights(encoder: FormulaEncoder) -> Arrays:
    """Return the weights as plain arrays, each with a leading axis of members but `properties`."""
    return {name: value.detach().cpu().numpy().copy() for name, value in encoder.state_dict().items()}
