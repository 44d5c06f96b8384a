"""Interrupted trainings on disk: one safetensors file, written atomically, with what the training is of beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from batterymi.errors import BatteryMIError
from batterymi.files import write_bytes
from batterymi.surrogates.nets.pretrain import State


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
        found, losses = metadata["identity"], [float(loss) for loss in metadata["losses"]]
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise BatteryMIError(
            f"{path}: the interrupted training is damaged: {error}; remove it to begin again"
        ) from None
    different = [
        f"{name}: it had {found.get(name)!r}, now {identity.get(name)!r}"
        for name in sorted({*found, *identity})
        if found.get(name) != identity.get(name)
    ]
    if different:
        raise BatteryMIError(
            f"{path}: holds an interrupted training with other settings ({'; '.join(different)}); restore them to go "
            "on, or remove it to begin again"
        )
    return State(losses, arrays)
