"""The stage `gather_formula_net`: several encoders in one file, with the receipt that says what they are."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from batterymi.config.slices.formula_net import GatheringSettings
from batterymi.data.input_files import hold_unchanged, refuse_changes
from batterymi.data.left_out import RULE
from batterymi.data.pretraining import load_compounds, load_electrodes, select_known
from batterymi.errors import BatteryMIError, DamagedFileError
from batterymi.features.formula_net import SHIPPED, FormulaNet, load_formula_net
from batterymi.files import compute_sha256, read_json, write_bytes, write_csv, write_json
from batterymi.surrogates.nets.artefact import (
    add_axes,
    join_encoders,
    pair_compounds,
    predict_voltages,
    round_weights,
    serialise_net,
)
from batterymi.surrogates.nets.checkpoint import read_weights
from batterymi.surrogates.nets.train import Weights

logger = logging.getLogger(__name__)
NEEDED = ("sha256", "training", "data", "mean", "scale", "losses", "mean_absolute_errors")


@dataclass(frozen=True)
class Artefact:
    """Files to write.

    Attributes:
        weights: safetensors of all encoders.
        receipt: JSON: digests, settings, what was left out, errors, and what half precision changes.
        left_out: CSV of the formulas that were left out.
    """

    weights: Path
    receipt: Path
    left_out: Path


def gather_formula_net(
    compositions: Path,
    electrodes: Path,
    encoders: list[Path],
    reports: list[Path],
    artefact: Artefact,
    settings: GatheringSettings,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the encoders as one file in half precision, and its receipt.

    Args:
        compositions: receipt of the data set mp_compositions.
        electrodes: receipt of the data set mp_electrodes.
        encoders: safetensors of the encoders.
        reports: JSON of their trainings.
        artefact: files to write.
        settings: number of components.
        digests: of the files of both data sets when the run began.
    """
    with hold_unchanged([*digests]) as held:
        refuse_changes(held, digests)
        compounds = load_compounds(compositions.parent, electrodes.parent)
        rows = select_known(load_electrodes(electrodes.parent), compounds.vocabulary)
    described = compounds.describe()
    trainings = [read_json(path, needs=NEEDED) for path in reports]
    for path, training in zip(reports, trainings, strict=True):
        if training["data"] != described:
            raise DamagedFileError(path, "its encoder was trained on other data than are there now")
    joined = join_encoders(_read_encoders(encoders, reports, trainings))
    mean, scale = (np.array(trainings[0][name]) for name in ("mean", "scale"))
    whole = FormulaNet(joined, compounds.vocabulary, mean, scale, {})
    half = replace(whole, weights=round_weights(joined))
    formulas = compounds.frame["formula"]
    half = add_axes(half, pair_compounds(formulas.iloc[compounds.learned].tolist(), settings.seed), settings.components)
    content = serialise_net(half)
    write_bytes(artefact.weights, content)
    write_csv(artefact.left_out, compounds.frame.iloc[compounds.left_out][["formula"]].sort_values("formula"))
    exact, rounded = (predict_voltages(net, rows) for net in (whole, half))
    named = {Path(name).name: digest for name, digest in digests.items()}
    write_json(
        artefact.receipt,
        {
            "sha256": compute_sha256(artefact.weights),
            "bytes": len(content),
            "vocabulary": list(compounds.vocabulary),
            "data": {name: value for name, value in described.items() if name != "vocabulary"},
            "data_sha256": named,
            "rule": RULE,
            "encoders": [
                {name: training[name] for name in ("training", "losses", "mean_absolute_errors")}
                for training in trainings
            ],
            "components": settings.components,
            "half_precision": {
                "electrodes": len(rows),
                "largest_change_of_a_voltage_v": _reduce(np.max, exact - rounded),
                "median_change_of_a_voltage_v": _reduce(np.median, exact - rounded),
            },
            "voltage_mae_v": _measure_voltages(rounded.mean(axis=0), rows),
            "differs_from_shipped_by_v": _compare_with_shipped(rounded, rows),
        },
    )


def _read_encoders(
    encoders: Sequence[Path], reports: Sequence[Path], trainings: Sequence[Mapping[str, Any]]
) -> list[Weights]:
    """Return the weights of encoders, each the one that its report describes, all of one size.

    Raises:
        DamagedFileError: if one is damaged, is not that of its report, or has another size than the first.
    """
    found: list[Weights] = []
    for path, report, training in zip(encoders, reports, trainings, strict=True):
        found.append(read_weights(path))
        if compute_sha256(path) != training["sha256"]:
            raise DamagedFileError(path, f"not the encoder that {report.name} describes, by its SHA-256")
        shapes, first = ({name: array.shape for name, array in one.items()} for one in (found[-1], found[0]))
        if shapes != first:
            differs = sorted(name for name in {*shapes, *first} if shapes.get(name) != first.get(name))[0]
            raise DamagedFileError(
                path,
                f"of another width or number of layers than {encoders[0].name}: '{differs}' has the shape "
                f"{shapes.get(differs)}, there {first.get(differs)}",
            )
    return found


def _measure_voltages(voltages: Any, rows: Any) -> dict[str, float]:
    """Return, by ion, the mean absolute error of voltages from the network's formation energies alone."""
    miss = np.abs(voltages - rows["voltage_v"].to_numpy(float))
    return {ion: float(miss[(rows["ion"] == ion).to_numpy()].mean()) for ion in sorted(rows["ion"].unique())}


def _compare_with_shipped(voltages: Any, rows: Any) -> float | None:
    """Return the median difference of voltages from those of the shipped encoders; None if none can be used."""
    try:
        net = load_formula_net(SHIPPED)
    except BatteryMIError as error:  # what is made here replaces them
        logger.warning("not compared with the shipped encoders: %s", error)
        return None
    shipped = predict_voltages(net, rows).mean(axis=0)
    return _reduce(np.median, shipped - voltages.mean(axis=0))


def _reduce(reduce: Callable[..., Any], differences: Any) -> float | None:
    """Return a statistic of absolute differences; None if there are none."""
    return float(reduce(np.abs(differences))) if differences.size else None
