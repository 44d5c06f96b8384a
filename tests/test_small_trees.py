"""Forests and boosted trees on few rows: the models of scikit-learn's own `fit`, to the last bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestRegressor
from sklearn.tree import _tree

from batterymi.surrogates.families import small_trees
from batterymi.surrogates.families.small_trees import fit_boosting, fit_forest, predict_forest

MAKERS = {
    "random": lambda seed: RandomForestRegressor(12, random_state=seed),
    "random, larger leaves": lambda seed: RandomForestRegressor(
        12, random_state=seed, max_features=0.33, min_samples_leaf=3
    ),
    "extra": lambda seed: ExtraTreesRegressor(12, random_state=seed, max_features=0.33),
    "boosted": lambda seed: GradientBoostingRegressor(n_estimators=12, random_state=seed),
}


def _fit_both(kind: str, seed: int, n: int, width: int, weighted: bool) -> tuple[Any, Any, np.ndarray]:
    """Return the library's model, that of this project, and the rows."""
    rng = np.random.default_rng(seed)
    # with ties, in features as in outcomes
    matrix = np.round(rng.random((n, width)), 1)
    observed = np.round(rng.normal(size=n), 1) * 10.0 ** rng.integers(-6, 6)
    weights = rng.random(n) + 0.1 if weighted else None
    theirs, ours = MAKERS[kind](seed), MAKERS[kind](seed)
    theirs.fit(matrix, observed, sample_weight=weights)
    (fit_boosting if kind == "boosted" else fit_forest)(ours, matrix, observed, weights)
    return theirs, ours, matrix


def _list_trees(model: Any) -> list[Any]:
    return list(np.ravel(model.estimators_))


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**31 - 1), n=st.integers(2, 40), width=st.integers(1, 6), weighted=st.booleans())
def test_the_model_is_the_librarys_own_to_the_last_bit(
    kind: str, seed: int, n: int, width: int, weighted: bool
) -> None:
    theirs, ours, matrix = _fit_both(kind, seed, n, width, weighted)
    assert np.array_equal(theirs.predict(matrix), ours.predict(matrix))
    assert set(vars(theirs)) == set(vars(ours))
    assert theirs.get_params() == ours.get_params()
    pairs = list(zip(_list_trees(theirs), _list_trees(ours), strict=True))
    assert len(pairs) == 12
    for tree, other in pairs:
        assert vars(tree).keys() == vars(other).keys()
        states = [one.tree_.__getstate__() for one in (tree, other)]
        assert states[0]["max_depth"] == states[1]["max_depth"]
        for part in ("nodes", "values"):
            assert np.array_equal(states[0][part], states[1][part])
    if kind == "boosted":
        assert ours.train_score_ == pytest.approx(theirs.train_score_, rel=1e-9, abs=1e-18)
    else:
        assert [t.random_state for t, _ in pairs] == [t.random_state for _, t in pairs]
        assert np.array_equal(predict_forest(ours, matrix), theirs.predict(matrix))


@pytest.mark.parametrize("kind", MAKERS)
def test_the_library_fits_one_tree_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    cls = type(MAKERS[kind](0))
    fit = cls.fit

    def count(model: Any, *rows: Any, **more: Any) -> Any:
        sizes.append(model.n_estimators)
        return fit(model, *rows, **more)

    monkeypatch.setattr(cls, "fit", count)
    _fit_both(kind, 1, 12, 3, False)
    assert sizes == [12, 1], "the first is the library's model; a 12 at the end means that all was fitted by it"


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("fault", ["a tree that differs", "other arguments", "no such part"])
def test_a_library_whose_parts_have_changed_fits_all_trees_itself(
    kind: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise TypeError("another signature")

    if fault == "a tree that differs":
        monkeypatch.setattr(small_trees, "_is_same", lambda *_: False)
    elif fault == "other arguments":
        monkeypatch.setattr(_tree, "DepthFirstTreeBuilder", refuse)
    else:
        monkeypatch.delattr(_tree, "Tree")
        monkeypatch.setattr("sklearn.tree._splitter.BestSplitter", None)
        monkeypatch.delattr("sklearn.tree._splitter.RandomSplitter")
    theirs, ours, matrix = _fit_both(kind, 3, 15, 3, True)
    assert len(_list_trees(ours)) == 12
    assert np.array_equal(theirs.predict(matrix), ours.predict(matrix))


def test_settings_that_are_not_built_here_and_missing_numbers_are_left_to_the_library() -> None:
    rng = np.random.default_rng(0)
    matrix, observed = rng.random((20, 3)), rng.random(20)
    for setting in ({"max_depth": 2}, {"max_samples": 0.5}, {"criterion": "absolute_error"}, {"min_samples_leaf": 0.2}):
        theirs, ours = (RandomForestRegressor(5, random_state=1, **setting) for _ in range(2))
        fit_forest(ours, matrix, observed)
        assert np.array_equal(theirs.fit(matrix, observed).predict(matrix), ours.predict(matrix)), setting
    matrix[3, 1] = np.nan
    theirs, ours = (RandomForestRegressor(5, random_state=1) for _ in range(2))
    fit_forest(ours, matrix, observed)
    assert np.array_equal(theirs.fit(matrix, observed).predict(matrix), ours.predict(matrix))
