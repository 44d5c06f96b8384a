"""Weights and interrupted trainings on disk: safetensors, written atomically, with what the training is of inside."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from batterymi.errors import BatteryMIError, DamagedFileError
from batterymi.files import check_content, write_bytes
from batterymi.surrogates.nets.pretrain import State
from batterymi.surrogates.nets.train import Weights


def save_state(path: Path, state: State, identity: Mapping[str, Any]) -> None:
    """Write the state of a training in place of an earlier one.

    Args:
        path: the file.
        state: weights and moments.
        identity: settings and data that must be the same when it goes on.
    """
    metadata = {"losses": state.losses, "identity": identity}
    plain = {name: json.dumps(value, sort_keys=True) for name, value in metadata.items()}
    write_bytes(path, save(state.arrays, plain), recorded=False)


def write_weights(path: Path, arrays: Weights, identity: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Write the weights of a network.

    Args:
        path: the file.
        arrays: weights by name.
        identity: what they were trained on and how, which `read_weights` compares.

    Raises:
        BatteryMIError: if a weight is not finite.
    """
    if wrong := _find_infinite(arrays):
        raise BatteryMIError(f"{path}: the training has diverged: {wrong} is not finite; lower its learning rate")
    write_bytes(path, save(arrays, {"identity": json.dumps(identity, sort_keys=True)} if identity else None))


def read_weights(path: Path, identity: Mapping[str, Any] = MappingProxyType({})) -> Weights:
    """Read the weights that a stage wrote.

    Args:
        path: the file.
        identity: what they must have been trained on and how; nothing is compared if it is empty.

    Raises:
        DamagedFileError: if the file is missing, another, or damaged, holds a weight that is not finite, or was
            trained on something else.
    """
    check_content(path)
    try:
        arrays = dict(load(path.read_bytes()))
        with safe_open(path, framework="numpy") as file:
            found = json.loads((file.metadata() or {}).get("identity", "{}"))
    except FileNotFoundError:
        raise DamagedFileError(path, "there is no such file") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise DamagedFileError(path, f"no weights of a network ({type(error).__name__})") from None
    if wrong := _find_infinite(arrays):
        raise DamagedFileError(path, f"{wrong} is not finite")
    if identity and (different := _compare(found if isinstance(found, dict) else {}, identity)):
        raise DamagedFileError(path, f"not the weights that belong there ({'; '.join(different)})")
    return arrays


def _find_infinite(arrays: Weights) -> str:
    """Return the name of the first array with a number that is not finite; an empty text if there is none."""
    return next((f"'{name}'" for name, array in arrays.items() if not np.isfinite(array).all()), "")


def _compare(found: Mapping[str, Any], identity: Mapping[str, Any]) -> list[str]:
    """Return what differs between the identities of two trainings."""
    return [
        f"{name}: it had {found.get(name)!r}, now {identity.get(name)!r}"
        for name in sorted({*found, *identity})
        if found.get(name) != identity.get(name)
    ]


def load_state(path: Path, identity: Mapping[str, Any]) -> State | None:
    """Read the state of a training; None if there is none.

    Raises:
        BatteryMIError: if the file is damaged, or of a training with other settings or data.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = {name: json.loads(value) for name, value in (file.metadata() or {}).items()}
        arrays = load(path.read_bytes())
        found, losses = dict(metadata["identity"]), [float(loss) for loss in metadata["losses"]]
        if wrong := _find_infinite(arrays):
            raise ValueError(f"{wrong} is not finite")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise BatteryMIError(
            f"{path}: the interrupted training is damaged: {error}; remove it to begin again"
        ) from None
    if different := _compare(found, identity):
        raise BatteryMIError(
            f"{path}: holds an interrupted training with other settings ({'; '.join(different)}); restore them to go "
            "on, or remove it to begin again"
        )
    return State(losses, arrays)
