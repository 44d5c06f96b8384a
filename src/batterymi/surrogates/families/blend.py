"""An average of models of several families."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from batterymi.arrays import Array
from batterymi.surrogates.distances import Rows
from batterymi.surrogates.model import SPREAD_FLOOR, Model, Options, find_model, make_model, restore_model


class Blend(Model):
    """The mean of several models; with a local spread, the standard deviation over them and a floor.

    Attributes:
        regressor: the models; one that is listed several times has several seeds.
        scale: standard deviation of what was learned.
    """

    kept = (*Model.kept, "scale")
    regressor: list[Model]
    scale: float

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> list[Model]:
        """Return the unfitted members, each with the first hyperparameters of its grid."""
        return [
            make_model(name, replace(options, seed=options.seed + number, local_spread=False), find_model(name).grid[0])
            for number, name in enumerate(options.members)
        ]

    def fit_encoded(self, matrix: Array, observed: Array, errors: Array | None = None) -> None:
        """Fit every member to encoded rows."""
        self.fit_with_graphs(matrix, None, observed, errors)

    def fit_with_graphs(
        self, matrix: Array, graphs: Sequence[Any] | None, observed: Array, errors: Array | None = None
    ) -> None:
        """Fit every member to encoded rows, and those that take graphs to these, too."""
        for member in self.regressor:
            member.fit_with_graphs(matrix, graphs, observed, errors)
        self.scale = float(np.std(observed)) or 1.0

    def predict_encoded(self, rows: Rows) -> tuple[Array, Array]:
        """Return means and spreads of encoded rows."""
        means = np.stack([member.predict_encoded(rows)[0] for member in self.regressor])
        spread = means.std(axis=0) + SPREAD_FLOOR * self.scale if self.local_spread else np.ones(len(rows))
        return means.mean(axis=0), spread

    def export(self) -> dict[str, Any]:
        """Return what a model file keeps."""
        return super().export() | {"regressor": [member.export() for member in self.regressor]}

    @classmethod
    def restore(cls, parts: Mapping[str, Any]) -> Self:
        """Return a blend from what `export` kept."""
        return super().restore({**parts, "regressor": [restore_model(part) for part in parts["regressor"]]})
