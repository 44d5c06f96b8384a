"""How wrong hull distances of a potential are, and at which gates they tell more than the base rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.features.formulas import parse_formula
from batterymi.stability.element_references import fit_references
from batterymi.stability.phases import StabilityError
from batterymi.statistics.bootstrap import bootstrap_interval

FOLDS = 5
REFUSED = "refused: no better than the base rate"
LEAST_NEWER = 30  # structures newer than the potential, with fewer of which all are taken


@dataclass(frozen=True)
class HeldOut:
    """Held-out hull distances.

    Attributes:
        rows: positions in the calibration, shape (n,).
        known: by the table, eV/atom, shape (n,).
        predicted: one row for each partition, shape (n_partitions, n).
        systems: chemical system of each, shape (n,).
    """

    rows: np.ndarray
    known: Array
    predicted: Array
    systems: np.ndarray


def hold_out(calibration: pd.DataFrame, partitions: int, seed: int) -> HeldOut:
    """Predict the hull distance of every structure with references fitted without its chemical system.

    Args:
        calibration: columns formula, system, year, energy (by the potential), and e_form and
            e_decomposition (by the table).
        partitions: how often the systems are dealt to folds.
        seed: of the dealing.
    """
    compositions = [parse_formula(formula) for formula in calibration["formula"]]
    energies, formation = calibration["energy"].to_numpy(float), calibration["e_form"].to_numpy(float)
    others = formation - calibration["e_decomposition"].to_numpy(float)
    number, systems = pd.factorize(calibration["system"])
    predicted = np.full((partitions, len(calibration)), np.nan)
    for partition in range(partitions):
        fold_of = np.random.default_rng([seed, partition]).permutation(len(systems)) % FOLDS
        for fold in range(FOLDS):
            held = fold_of[number] == fold
            kept = [amounts for amounts, is_held in zip(compositions, held, strict=True) if not is_held]
            references = fit_references(kept, energies[~held], formation[~held])
            for row in np.flatnonzero(held):
                try:
                    found = references.find_formation_energy(compositions[row], energies[row])
                except StabilityError:
                    continue
                predicted[partition, row] = found - others[row]
    rows = np.flatnonzero(np.isfinite(predicted).all(axis=0))
    known = calibration["e_decomposition"].to_numpy(float)[rows]
    return HeldOut(rows, known, predicted[:, rows], calibration["system"].to_numpy(str)[rows])


def measure_error(
    calibration: pd.DataFrame, gates: Sequence[float], trained_until: int, partitions: int, seed: int
) -> dict[str, Any]:
    """Measure the error of hull distances, and compare gates with the base rate.

    On structures first published after the potential was trained, where there are enough; else on all, which the
    potential may have learned from, so that the error is called in-sample.

    Args:
        calibration: see `hold_out`.
        gates: hull distances in eV/atom below which a candidate would pass.
        trained_until: year.
        partitions: into folds of chemical systems.
        seed: of these, and of the bootstrap over systems.

    Returns:
        Counts, the mean absolute error with its interval, quantiles, the mean error, the rank correlation, and for each
        gate the share of right answers beside the base rate and whether their difference excludes zero.
    """
    found = hold_out(calibration, partitions, seed)
    newer = calibration["year"].to_numpy(float)[found.rows] > trained_until
    in_sample = int(newer.sum()) < LEAST_NEWER
    kept = np.ones(len(newer), dtype=bool) if in_sample else newer
    known, predicted, systems = found.known[kept], found.predicted[:, kept], found.systems[kept].tolist()
    errors = predicted - known
    size = np.abs(errors).mean(axis=0)
    ranks = [pd.Series(known).corr(pd.Series(row), method="spearman") for row in predicted]
    return {
        "n": int(kept.sum()),
        "n_newer": int(newer.sum()),
        "in_sample": in_sample,
        "partitions": partitions,
        "mae": float(size.mean()),
        "mae_95": list(bootstrap_interval(size, _average, seed, systems)),
        "median": float(np.median(np.abs(errors))),
        "quantile_90": float(np.quantile(np.abs(errors), 0.9)),
        "bias": float(errors.mean()),
        "spearman": float(np.mean(ranks)),
        "gates": [_compare_gate(gate, known, predicted, systems, seed) for gate in gates],
    }


def _compare_gate(gate: float, known: Array, predicted: Array, systems: list[str], seed: int) -> dict[str, Any]:
    """Return how often a gate is answered as by the table, beside always giving the commoner answer."""
    passes = known < gate
    right = ((predicted < gate) == passes).mean(axis=0)
    # the commoner answer of these structures, which an estimate has to beat
    base = (passes == (passes.mean() >= 0.5)).astype(float)
    low, high = bootstrap_interval(right - base, _average, seed, systems)
    return {
        "gate": float(gate),
        "right": float(right.mean()),
        "base_rate": float(base.mean()),
        "gain_95": [low, high],
        "beats_base_rate": bool(low > 0),
    }


def _average(values: Array) -> Array:
    """Return the mean along the last axis."""
    return np.asarray(values.mean(axis=-1))


def describe_gates(error: Mapping[str, Any]) -> list[str]:
    """Return a line for each gate that is refused."""
    lines = []
    for one in error["gates"]:
        low, high = one["gain_95"]
        if not one["beats_base_rate"]:
            answered = f"right for {one['right']:.0%} of {error['n']} known structures"
            base = f"the commoner answer for {one['base_rate']:.0%}"
            lines.append(f"{one['gate']:g} eV/atom: {answered}, {base}; gain [{low:+.1%}, {high:+.1%}]")
    return lines


def answer_gates(estimates: pd.DataFrame, error: Mapping[str, Any]) -> pd.DataFrame:
    """Return estimates with their error and, for each gate, yes, no, or that it is refused.

    Args:
        estimates: column e_above_hull_chgnet, eV/atom; NaN where there is none.
        error: as `measure_error` returns.
    """
    distance = estimates["e_above_hull_chgnet"].to_numpy(float)
    known = np.isfinite(distance)
    added: dict[str, Any] = {"error_ev_atom": np.where(known, float(error["mae"]), np.nan)}
    for one in error["gates"]:
        answers = np.where(distance < one["gate"], "yes", "no") if one["beats_base_rate"] else REFUSED
        added[f"below_{one['gate']:g}"] = np.where(known, answers, "unknown")
    return estimates.assign(**added)
