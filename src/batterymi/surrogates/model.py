"""What all families of models share: an encoder, a regressor, and predictions with a spread, made in chunks."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import has_fit_parameter

from batterymi import registry
from batterymi.arrays import Array
from batterymi.config.models import DEFAULT_BLEND
from batterymi.config.parts import Feature
from batterymi.features.encode import is_graph_column, make_encoder
from batterymi.surrogates.distances import Points, Rows

N_TREES = 100
SAME_WEIGHT = 1e-9
SPREAD_FLOOR = 0.1  # of the standard deviation of what was learned, since parts that agree may be wrong together


@dataclass(frozen=True)
class Options:
    """What a comparison sets for all of its models alike.

    Attributes:
        seed: random state.
        trees: size of forests.
        members: models that a blend averages.
        local_spread: whether ensembles take the spread of their parts for their own; on a handful of rows it says
            nothing.
    """

    seed: int = 0
    trees: int = N_TREES
    members: tuple[str, ...] = DEFAULT_BLEND
    local_spread: bool = False


class Model(ABC):
    """A family of models; one object is one model, which is fitted once.

    A subclass makes a regressor, and overrides `predict_encoded` if its predictions have a spread of their own.

    Attributes:
        grid: hyperparameters that nested cross-validation chooses among.
        trusted: types, beyond those that skops trusts, of which a stored model is made.
        chunk: rows that are predicted at once.
        kept: attributes that a model file keeps.
        knows_distance: whether its spread grows with the distance to what it learned from, so that intervals need no
            widening.
        name: name in the registry.
        local_spread: see `Options`.
        encoder: from a frame to the regressor's matrix; None before it is fitted, and in a member of a blend.
        regressor: scikit-learn's own, or one with the same `fit` and `predict`.
    """

    grid: ClassVar[tuple[dict[str, Any], ...]] = ({},)
    trusted: ClassVar[tuple[str, ...]] = ()
    chunk: ClassVar[int] = 4096
    kept: ClassVar[tuple[str, ...]] = ("local_spread", "encoder", "regressor")
    knows_distance: ClassVar[bool] = False
    name: str
    encoder: Any

    def __init__(self, options: Options, settings: Mapping[str, Any]) -> None:
        """Make an unfitted model.

        Args:
            options: what all models of the comparison share.
            settings: hyperparameters of the regressor; the library's defaults fill the rest.
        """
        self.local_spread, self.encoder = options.local_spread, None
        self.regressor = self.make_regressor(options, settings)

    @abstractmethod
    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> Any:
        """Return the unfitted regressor."""

    @classmethod
    def choose_settings(cls, n_rows: int) -> dict[str, Any]:
        """Return hyperparameters for a number of rows, where none are chosen by cross-validation."""
        return dict(cls.grid[0])

    def fit(
        self, features: Sequence[Feature], frame: pd.DataFrame, observed: Array, errors: Array | None = None
    ) -> Self:
        """Fit the model.

        The library's checks of its own arguments are left out: the table was checked before, and on a few rows they
        take longer than the fit. A kernel parameter that ends at its bound is expected on such tables.

        Args:
            features: its features, which say what is a category.
            frame: values of all its columns, shape (n_rows, n_columns).
            observed: shape (n_rows,).
            errors: standard deviation of each, NaN where unknown, shape (n_rows,); None if none is known.

        Returns:
            The model itself.
        """
        with unchecked():
            encoder = make_encoder(features, list(frame.columns))
            matrix = encoder.fit_transform(frame)
        return self.fit_matrix(encoder, matrix, observed, errors, list_graphs(frame))

    def fit_matrix(
        self,
        encoder: Any,
        matrix: Array,
        observed: Array,
        errors: Array | None = None,
        graphs: Sequence[Any] | None = None,
    ) -> Self:
        """Fit the model to rows that were encoded before; the encoder is the fitted one that did."""
        self.encoder = encoder
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning), unchecked():
            self.fit_with_graphs(matrix, graphs, observed, errors)
        return self

    def fit_with_graphs(
        self, matrix: Array, graphs: Sequence[Any] | None, observed: Array, errors: Array | None = None
    ) -> None:
        """Fit the regressor to encoded rows and the graphs of their structures; this one takes no graphs."""
        self.fit_encoded(matrix, observed, errors)

    def fit_encoded(self, matrix: Array, observed: Array, errors: Array | None = None) -> None:
        """Fit the regressor to encoded rows, weighted by their errors if it takes weights and the errors differ."""
        takes_weights = errors is not None and has_fit_parameter(self.regressor, "sample_weight")
        weights = compute_weights(errors) if errors is not None and takes_weights else None
        self.fit_regressor(matrix, observed, weights)

    def fit_regressor(self, matrix: Array, observed: Array, weights: Array | None) -> None:
        """Fit the library's regressor; only one that takes weights is given any."""
        if weights is None:
            self.regressor.fit(matrix, observed)
        else:
            self.regressor.fit(matrix, observed, sample_weight=weights)

    def predict(self, frame: pd.DataFrame) -> tuple[Array, Array]:
        """Predict rows, in chunks.

        Args:
            frame: the columns that it learned from, shape (n_rows, n_columns).

        Returns:
            Means and spreads, each of shape (n_rows,). A spread says how the uncertainty varies over the rows; it is 1
            for models without one of their own, and `batterymi.statistics.intervals` scales it by the errors on
            held-out rows. Both depend on the row alone, never on what else is predicted with it.
        """
        with unchecked():
            return join_predictions([self.predict_encoded(rows) for rows in self.encode_chunks(frame)])

    def predict_matrix(self, matrix: Array, graphs: Sequence[Any] | None = None) -> tuple[Array, Array]:
        """Return means and spreads of rows that were encoded before, each of shape (n_rows,)."""
        parts = [slice(at, at + self.chunk) for at in range(0, len(matrix), self.chunk)]
        rows = (Rows(matrix[part], graphs=None if graphs is None else graphs[part]) for part in parts)
        with unchecked():
            return join_predictions([self.predict_encoded(piece) for piece in rows])

    def predict_mean(self, frame: pd.DataFrame) -> Array:
        """Predict rows without their spreads, shape (n_rows,)."""
        return self.predict(frame)[0]

    def predict_encoded(self, rows: Rows) -> tuple[Array, Array]:
        """Return means and spreads of encoded rows; this one has no spread of its own."""
        return self.regressor.predict(rows.matrix), np.ones(len(rows))

    def encode_chunks(self, frame: pd.DataFrame, known: Points | None = None) -> Iterator[Rows]:
        """Encode rows, `chunk` at a time.

        Args:
            frame: the rows.
            known: points to which distances are wanted anyway, so that they are made once.

        Yields:
            Encoded rows, in order.
        """
        for start in range(0, len(frame), self.chunk):
            part = frame if len(frame) <= self.chunk else frame.iloc[start : start + self.chunk]
            yield Rows(self.encoder.transform(part), known, graphs=list_graphs(part))

    def export(self) -> dict[str, Any]:
        """Return what a model file keeps: plain data and objects of scikit-learn."""
        return {"name": self.name, **{name: getattr(self, name) for name in self.kept}}

    @classmethod
    def restore(cls, parts: Mapping[str, Any]) -> Self:
        """Return a model from what `export` kept.

        Raises:
            TypeError: if the parts are not those of this family.
        """
        if set(parts) != {"name", *cls.kept}:
            raise TypeError(f"a {cls.__name__} is not made of {', '.join(sorted(parts))}")
        model = cls.__new__(cls)
        vars(model).update(parts)
        return model


def list_graphs(frame: pd.DataFrame) -> list[Any] | None:
    """Return the graphs of the structures of some rows, each a `SiteGraph` or None; None if there is no such column."""
    columns = [str(name) for name in frame.columns if is_graph_column(str(name))]
    return list(frame[columns[0]]) if columns else None


def compute_weights(errors: Array) -> Array | None:
    """Return the weight of each row, 1 where its error is typical or unknown; None if all have the same.

    The typical error, their median, stands for what else a model cannot explain. So a row of no error has twice the
    weight, and cannot outweigh many others, while a row of ten times the error has a fiftieth.

    Args:
        errors: standard deviations, NaN where unknown, shape (n_rows,).
    """
    known = errors[np.isfinite(errors)] ** 2
    typical = float(np.median(known)) if len(known) else 0.0
    if typical == 0:
        return None
    weights = np.where(np.isfinite(errors), 2 * typical / (typical + errors**2), 1.0)
    return None if np.ptp(weights) < SAME_WEIGHT else weights / weights.mean()


def find_model(name: str) -> type[Model]:
    """Return the family of models that is registered under a name."""
    family: type[Model] = registry.look_up("model", name)
    return family


def make_model(name: str, options: Options, settings: Mapping[str, Any]) -> Model:
    """Make an unfitted model by its registered name."""
    model = find_model(name)(options, settings)
    model.name = name
    return model


def restore_model(parts: Mapping[str, Any]) -> Model:
    """Return a model of any family from what `export` kept."""
    return find_model(parts["name"]).restore(parts)


def join_predictions(parts: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Put means and spreads of several chunks together; empty arrays if there is none."""
    if not parts:
        return np.empty(0), np.empty(0)
    means, spreads = zip(*parts, strict=True)
    return np.concatenate(means), np.concatenate(spreads)


def unchecked() -> Any:
    """Return a context without scikit-learn's checks of arguments and numbers, which were checked before."""
    return config_context(assume_finite=True, skip_parameter_validation=True)
