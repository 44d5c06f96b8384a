"""A trained agent as a controller: a small network in NumPy, from files without code in them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.agents.observation import Actions, ObservationEncoder, Vector, list_differences
from batterymi.charging.controller import Decision, Observation
from batterymi.charging.plant import Plant
from batterymi.config.agents import ORACLE
from batterymi.errors import AgentError, DamagedFileError
from batterymi.files import PathLike, compute_sha256, read_json, write_bytes, write_json

FORMAT = 1
TENSORS = "policy.safetensors"


@dataclass(frozen=True)
class Network:
    """Dense layers with rectifiers between them.

    Attributes:
        layers: weights, shape (n_out, n_in), and biases, shape (n_out,), of each layer.
        is_discrete: whether the action is the index of the largest output, or else the tanh of the only output.
    """

    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    is_discrete: bool

    def choose_action(self, vector: Vector) -> float:
        """Return the greedy action.

        Args:
            vector: encoded observation, shape (n_in,).

        Returns:
            Number of a C-rate, or a value from -1 to 1.
        """
        *hidden, (weight, bias) = self.layers
        for inner_weight, inner_bias in hidden:
            vector = np.maximum(inner_weight @ vector + inner_bias, 0)
        out = weight @ vector + bias
        # SAC squashes its actions by tanh, so the greedy action is the tanh of the mean
        return float(np.argmax(out)) if self.is_discrete else float(np.tanh(out[0]))

    def export_tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the layers by name."""
        tensors = {}
        for number, (weight, bias) in enumerate(self.layers):
            tensors[f"layer_{number}.weight"] = np.ascontiguousarray(weight, np.float32)
            tensors[f"layer_{number}.bias"] = np.ascontiguousarray(bias, np.float32)
        return tensors

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.float32]], is_discrete: bool) -> "Network":
        """Return the network with the layers that `tensors` holds.

        Raises:
            KeyError: if a layer is missing.
        """
        pairs = [(tensors[f"layer_{n}.weight"], tensors[f"layer_{n}.bias"]) for n in range(len(tensors) // 2)]
        return cls(tuple(pairs), is_discrete)


class PolicyController:
    """A controller that sets the C-rate which a trained network rates best, without exploration.

    Attributes:
        ceiling_v: voltage that the charger's circuit holds, or None for no such circuit.
    """

    ceiling_v: float | None = None

    def __init__(
        self, name: str, network: Network, encoder: ObservationEncoder, actions: Actions, hold_voltage: bool = False
    ) -> None:
        """Combine the observation encoder, the network and the actions.

        Args:
            name: what tables call it.
            network: decides.
            encoder: turns an observation into the network's input.
            actions: turns its output into a C-rate.
            hold_voltage: whether it was trained with a charger whose circuit holds the voltage limit.
        """
        self.name, self.hold_voltage = name, hold_voltage
        self._network, self._encoder, self._actions = network, encoder, actions

    def begin(self, observation: Observation, plant: Plant) -> None:
        """Do nothing, since a policy keeps no state."""

    def decide(self, observation: Observation) -> Decision:
        """Return the C-rate of the next control step."""
        rate = self._actions.rate(self._network.choose_action(self._encoder.encode(observation)))
        return Decision(rate, ceiling_v=self.ceiling_v)


def save_policy(path: PathLike, network: Network, card: Mapping[str, Any]) -> None:
    """Write a policy as `path` (JSON) and the weights beside it.

    Args:
        path: the JSON file to write.
        network: what decides.
        card: further information about it; holds `name`, `kind`, `scale` of the C-rates and `fingerprint`.
    """
    from safetensors.numpy import save

    tensors = Path(path).with_name(TENSORS)
    write_bytes(tensors, save(network.export_tensors()))
    shapes = [list(weight.shape) for weight, _ in network.layers]
    write_json(path, {"format": FORMAT, **card, "layers": shapes, "digest": compute_sha256(tensors)})


def load_policy(path: PathLike, needed: Mapping[str, Any] | None = None) -> PolicyController:
    """Read a policy as a controller.

    Args:
        path: the JSON file of the policy; the weights lie beside it.
        needed: parts of the fingerprint that must agree, as `{"cell": "power_cell", "step_s": 60.0}`.

    Raises:
        AgentError: if a file is missing or damaged, if the policy was trained in another environment, or if it needs to
            observe the anode.
    """
    card = _read_card(path)
    fingerprint = card["fingerprint"]
    if differences := list_differences(fingerprint, needed or {}):
        raise AgentError(
            f"{path}: was trained in another environment: {'; '.join(differences)}; train an agent for this one"
        )
    network = _read_network(Path(path).with_name(TENSORS), card)
    actions = replace(Actions(**fingerprint["action"]), scale=float(card["scale"]))
    # JSON turned the encoder's tuples into lists
    observed: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in fingerprint["observation"].items()
    }
    encoder = ObservationEncoder(**observed)
    if ORACLE in encoder.names:
        raise AgentError(
            f"{path}: this oracle observes the plating margin, which chargers cannot measure; it can only be evaluated"
        )
    if (n_in := network.layers[0][0].shape[1]) != len(encoder.names):
        raise AgentError(
            f"{path}: the network takes {n_in} numbers, and {len(encoder.names)} are observed; train it again"
        )
    return PolicyController(card["name"], network, encoder, actions, bool(fingerprint["hold_voltage"]))


def _read_card(path: PathLike) -> dict[str, Any]:
    """Read the JSON of a policy, and check its format."""
    if not Path(path).is_file():
        raise AgentError(f"{path}: there is no such policy; train the agent first")
    try:
        card = read_json(path)
    except DamagedFileError as error:
        raise AgentError(f"{path}: is not a policy's JSON: {error}") from None
    found = card.get("format") if isinstance(card, dict) else None
    if found != FORMAT:
        raise AgentError(f"{path}: has format {found!r}, readable is {FORMAT}; train the agent again")
    if missing := [key for key in ("name", "kind", "scale", "fingerprint", "digest") if key not in card]:
        raise AgentError(f"{path}: lacks {', '.join(missing)}; train the agent again")
    return card


def _read_network(path: Path, card: Mapping[str, Any]) -> Network:
    """Read the weights of a policy, after checking their digest."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = path.read_bytes()
    except OSError as error:
        raise AgentError(f"{path}: cannot be read: {error.strerror}") from None
    # weights of another training would load without complaint where the shapes agree
    if (found := compute_sha256(path)) != card["digest"]:
        raise AgentError(
            f"{path}: has digest {found[:12]}…, its card says {card['digest'][:12]}…; train the agent again"
        )
    try:
        # the number of C-rates is 0 for continuous actions
        return Network.from_tensors(load(data), bool(card["fingerprint"]["action"]["n"]))
    except (SafetensorError, KeyError) as error:
        raise AgentError(f"{path}: does not hold the layers of a policy: {error}") from None
