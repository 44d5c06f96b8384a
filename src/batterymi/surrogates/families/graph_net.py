"""A graph network over the sites of crystals, partly occupied ones included."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from batterymi.arrays import Array
from batterymi.errors import BatteryMIError
from batterymi.surrogates.distances import Rows
from batterymi.surrogates.model import SPREAD_FLOOR, Model, Options, compute_weights

MEMBERS = 3
EPOCHS = 30
LEAST_STEPS = 200  # of few rows an epoch is one step or two
WITHOUT_TORCH = (
    "the model graph_net needs PyTorch, which is not installed for this Python; install it "
    "(docs/reference/structures.md), or take graph_net out of surrogate.models and surrogate.blend"
)


class GraphNet(Model):
    """An ensemble of small networks over the sites of a structure, with all other features beside it.

    Rows without a structure, and studies without the descriptor `site_graph`, are predicted by their other features.

    Attributes:
        regressor: how it is trained, and after the fit the networks as plain numbers.
    """

    regressor: dict[str, Any]

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return how it is trained."""
        return {"members": MEMBERS, "epochs": EPOCHS, "least_steps": LEAST_STEPS, "seed": options.seed, **settings}

    def fit_encoded(self, matrix: Array, observed: Array, errors: Array | None = None) -> None:
        """Fit the networks to rows without structures."""
        self.fit_with_graphs(matrix, None, observed, errors)

    def fit_with_graphs(
        self, matrix: Array, graphs: Sequence[Any] | None, observed: Array, errors: Array | None = None
    ) -> None:
        """Fit the networks to encoded rows and the graphs of their structures.

        Raises:
            BatteryMIError: without PyTorch, or without any input.
        """
        known = [None] * len(matrix) if graphs is None else graphs
        if not matrix.shape[1] and all(graph is None for graph in known):
            raise BatteryMIError("graph_net: there is neither a structure nor another feature to learn from")
        train = _import_training()
        weights = None if errors is None else compute_weights(errors)
        self.regressor = vars(train.train_network(known, matrix, observed, train.Training(**self.regressor), weights))

    def predict_encoded(self, rows: Rows) -> tuple[Array, Array]:
        """Return means over the members, and spreads: their standard deviation and a floor with a local spread."""
        train = _import_training()
        fitted = train.FittedNetwork(**self.regressor)
        by_member = train.predict_network(fitted, rows.graphs or [None] * len(rows), rows.matrix)
        if not self.local_spread:
            return by_member.mean(axis=0), np.ones(len(rows))
        return by_member.mean(axis=0), by_member.std(axis=0) + SPREAD_FLOOR * fitted.scale


def _import_training() -> Any:
    """Return the module that trains networks, imported on demand, since PyTorch takes a second or two.

    Raises:
        BatteryMIError: without PyTorch.
    """
    try:
        from batterymi.surrogates.nets import train
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "torch":
            raise
        raise BatteryMIError(WITHOUT_TORCH) from None
    return train
