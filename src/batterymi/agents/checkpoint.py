"""An interrupted training on disk: all that it needs to continue without a difference, in files without code.

A checkpoint is taken between two charges, so that the cell's state need not be kept: weights, optimisers and the state
of PyTorch's generator as safetensors, replay buffer and NumPy's generator as npz, counters and the next start as JSON.
The JSON is written last and refers to them, so a kill while writing leaves the previous checkpoint.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from batterymi.agents.learner import unwrap_environment
from batterymi.agents.observation import list_differences
from batterymi.charging.state import Start
from batterymi.errors import AgentError, DamagedFileError
from batterymi.files import compute_sha256, read_json, remove_file, write_atomically, write_bytes, write_json

STATE = "state.json"
COUNTERS = ("num_timesteps", "_episode_num", "_n_updates", "_n_calls", "exploration_rate")
BUFFER = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
TORCH_RNG, LOG_ENTROPY, EXTRA = "torch_rng", "log_ent_coef", "extra/"


def save_checkpoint(
    folder: Path,
    learner: OffPolicyAlgorithm,
    identity: Mapping[str, Any],
    progress: Mapping[str, Any],
    extra: Mapping[str, NDArray[np.float32]],
) -> None:
    """Write a checkpoint, and remove the previous one.

    Args:
        folder: where.
        learner: the agent, between two charges.
        identity: settings that must be the same when training continues.
        progress: what else to remember, as plain values.
        extra: arrays to remember.
    """
    tensors, buffer = (
        f"{kind}_{learner.num_timesteps}{end}" for kind, end in (("tensors", ".safetensors"), ("buffer", ".npz"))
    )
    kept = _collect_tensors(learner) | {EXTRA + key: torch.from_numpy(value.copy()) for key, value in extra.items()}
    write_bytes(folder / tensors, save(kept), recorded=False)  # their digests are in the state
    with write_atomically(folder / buffer, recorded=False) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **_collect_arrays(learner))
    environment = unwrap_environment(learner)
    # written last: a kill before leaves the previous checkpoint valid
    write_json(
        folder / STATE,
        {
            "identity": identity,
            "progress": progress,
            "counters": {name: getattr(learner, name) for name in COUNTERS if hasattr(learner, name)},
            "start": asdict(environment.start),
            "environment_rng": environment.np_random.bit_generator.state,
            "action_rng": environment.action_space.np_random.bit_generator.state,
            "tensors": {"file": tensors, "sha256": compute_sha256(folder / tensors)},
            "buffer": {"file": buffer, "sha256": compute_sha256(folder / buffer)},
        },
    )
    # only now, as the previous JSON refers to these files
    for path in [*folder.glob("tensors_*"), *folder.glob("buffer_*")]:
        if path.name not in (tensors, buffer):
            path.unlink()


def load_checkpoint(
    folder: Path, learner: OffPolicyAlgorithm, identity: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]] | None:
    """Restore an agent to the state in which a checkpoint was written.

    Args:
        folder: where the checkpoint is.
        learner: an agent as it was made at the beginning.
        identity: settings of the training.

    Returns:
        Progress and extra arrays as they were saved; None if there is no checkpoint.

    Raises:
        AgentError: if the checkpoint belongs to another training, or is damaged.
    """
    if not (folder / STATE).exists():
        return None
    state = _read_state(folder)
    if differences := list_differences(state["identity"], identity):
        raise AgentError(
            f"{folder}: holds an interrupted training with other settings: {'; '.join(differences)}; "
            "restore them to go on, or remove the folder to begin again"
        )
    try:
        tensors = load_file(_check_digest(folder, state["tensors"]))
        # a pickle could run code
        with np.load(_check_digest(folder, state["buffer"]), allow_pickle=False) as arrays:
            _restore_learner(learner, state, tensors, dict(arrays))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise AgentError(f"{folder}: the checkpoint is damaged: {error}; remove the folder to begin again") from None
    extra = {key.removeprefix(EXTRA): value.numpy() for key, value in tensors.items() if key.startswith(EXTRA)}
    return state["progress"], extra


def remove_checkpoint(folder: Path) -> None:
    """Remove the files of a checkpoint, and the folder if nothing else is in it."""
    for path in [folder / STATE, *folder.glob("tensors_*"), *folder.glob("buffer_*")]:
        remove_file(path)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _collect_tensors(learner: OffPolicyAlgorithm) -> dict[str, torch.Tensor]:
    """Return weights, optimiser states and the generator's state, by name."""
    kept: dict[str, torch.Tensor] = {TORCH_RNG: torch.get_rng_state()}
    for part, values in learner.get_parameters().items():
        if "optimizer" in part:
            for number, slots in values["state"].items():
                kept |= {f"{part}/{number}/{slot}": torch.as_tensor(value) for slot, value in slots.items()}
        else:
            kept |= {f"{part}/{name}": value for name, value in values.items()}
    if getattr(learner, LOG_ENTROPY, None) is not None:
        kept[LOG_ENTROPY] = learner.log_ent_coef.detach()  # type: ignore[attr-defined]
    # safetensors refuses tensors that share memory or are not contiguous
    return {name: value.detach().clone().contiguous() for name, value in kept.items()}


def _collect_arrays(learner: OffPolicyAlgorithm) -> dict[str, NDArray[Any]]:
    """Return the filled part of the replay buffer, and the state of NumPy's generator."""
    buffer = learner.replay_buffer
    assert buffer is not None
    # beyond that the buffer holds nothing worth its space on disk
    filled = buffer.buffer_size if buffer.full else buffer.pos
    _, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        **{name: getattr(buffer, name)[:filled] for name in BUFFER},
        "position": np.array([buffer.pos, int(buffer.full)]),
        "rng_keys": np.asarray(keys),
        "rng_rest": np.array([position, has_gauss, gauss], float),
    }


def _restore_learner(
    learner: OffPolicyAlgorithm,
    state: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    arrays: Mapping[str, Any],
) -> None:
    """Restore everything that a checkpoint holds; generators come last, since the rest draws from them."""
    learner.set_parameters(_nest_parameters(learner, tensors))
    if LOG_ENTROPY in tensors:
        learner.log_ent_coef.data = tensors[LOG_ENTROPY].clone()  # type: ignore[attr-defined]
    for name, value in state["counters"].items():
        setattr(learner, name, value)
    buffer = learner.replay_buffer
    assert buffer is not None
    assert learner.env is not None
    filled = len(arrays["rewards"])
    for name in BUFFER:
        getattr(buffer, name)[:filled] = arrays[name]
    buffer.pos, buffer.full = int(arrays["position"][0]), bool(arrays["position"][1])
    # the start of the next charge was already drawn when the checkpoint was written
    learner.env.set_options({"start": Start(**state["start"])})
    learner._last_obs = learner.env.reset()  # type: ignore[assignment]
    environment = unwrap_environment(learner)
    # after the reset, so that nothing before can advance the generators
    environment.np_random.bit_generator.state = state["environment_rng"]
    environment.action_space.np_random.bit_generator.state = state["action_rng"]
    position, has_gauss, gauss = arrays["rng_rest"]
    np.random.set_state(("MT19937", arrays["rng_keys"], int(position), int(has_gauss), float(gauss)))
    torch.set_rng_state(tensors[TORCH_RNG])


def _nest_parameters(learner: OffPolicyAlgorithm, tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Return tensors in the nesting that the agent expects."""
    nested: dict[str, Any] = {}
    for part, values in learner.get_parameters().items():
        own = {key.removeprefix(f"{part}/"): value for key, value in tensors.items() if key.startswith(f"{part}/")}
        if "optimizer" not in part:
            nested[part] = own
            continue
        slots: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in own.items():
            number, slot = key.split("/")
            # PyTorch numbers the states of an optimiser, whereas names in safetensors are text
            slots.setdefault(int(number), {})[slot] = value
        nested[part] = {"state": slots, "param_groups": values["param_groups"]}
    return nested


def _read_state(folder: Path) -> dict[str, Any]:
    """Read the JSON of a checkpoint."""
    try:
        return read_json(folder / STATE)
    except DamagedFileError as error:
        raise AgentError(f"{folder / STATE}: cannot be read: {error}; remove the folder to begin again") from None


def _check_digest(folder: Path, entry: Mapping[str, str]) -> Path:
    """Return the path of a checkpoint's file, after checking its digest."""
    path = folder / entry["file"]
    if not path.exists() or compute_sha256(path) != entry["sha256"]:
        raise AgentError(f"{path}: is missing or damaged; remove the folder to begin again")
    return path
