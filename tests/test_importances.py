"""Importances on a simplex, whose truth is known; and the nearest composition, by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.config.parts import Descriptor, Feature, Objective, Simplex
from batterymi.features.descriptors import compute_descriptors
from batterymi.surrogates.importances import Move, MoveOnSimplex, compute_permutation_importances
from batterymi.surrogates.problem import Inputs, Problem
from batterymi.surrogates.validation import CrossValidation, Method, make_splits, predict_out_of_fold, predict_rows

NAMES = ["ni", "co", "mn"]
SIMPLEX = Simplex(features=tuple(NAMES))


def problem_of(frame: pd.DataFrame, observed: np.ndarray, inputs: Inputs) -> Problem:
    """A problem of rows that are independent."""
    n = len(frame)
    return Problem(
        variant="all_features",
        objective=Objective(name="y", label="y", unit="1", goal="maximise"),
        inputs=inputs,
        frame=frame,
        observed=observed,
        groups=list(range(n)),
        lines=np.arange(n),
        n_scored=n,
        censored=np.zeros(n, dtype=bool),
    )


def compositions(n: int = 60) -> pd.DataFrame:
    """Low-Co NCM, as the textbook bounds it."""
    rng = np.random.default_rng(0)
    ni, co = rng.uniform(0.6, 0.95, n), rng.uniform(0.02, 0.3, n)
    frame = pd.DataFrame({"ni": ni, "co": np.minimum(co, 1 - ni)})
    return frame.assign(mn=1 - frame["ni"] - frame["co"])


def capacity(frame: pd.DataFrame) -> np.ndarray:
    """The chapter's formula, which knows only Ni."""
    ni = frame["ni"].to_numpy()
    return 180 + 40 * ni - 20 * (ni - 0.8) ** 2


def importances(name: str, simplex: Simplex | None) -> pd.Series:
    """Median importance of each fraction, and of each exchange."""
    frame = compositions()
    features = tuple(Feature(name=column, label=column, unit="1", bounds=(0, 1)) for column in NAMES)
    problem = problem_of(frame, capacity(frame), Inputs(features))
    validation = CrossValidation(problem, make_splits(5, problem.groups, 0), Method(), 100, 0)
    out = predict_out_of_fold(name, validation)
    found = compute_permutation_importances(name, validation, out, 20, simplex)
    return found.groupby("feature")["rmse_increase"].median()


@pytest.mark.parametrize("name", ["ridge", "gaussian_process"])
def test_importances_are_the_effect_of_what_the_simplex_allows(name: str) -> None:
    found, frame = importances(name, SIMPLEX), compositions()
    rng = np.random.default_rng(0)
    for fraction in NAMES:
        change = []
        for _ in range(20):
            others = rng.permutation(len(frame))
            moved = MoveOnSimplex([fraction], SIMPLEX).apply(frame, np.arange(len(frame)), others)
            change.append(np.sqrt(np.mean((capacity(moved) - capacity(frame)) ** 2)))
        # what the property itself does when the fraction moves
        assert found[fraction] == pytest.approx(np.median(change), rel=0.15)
    assert found["ni"] > found["co"]
    # Co for Mn changes nothing, since neither is known to the property
    assert abs(found["co ↔ mn"]) < 0.1
    assert found["ni ↔ co"] > 1
    assert found["ni ↔ mn"] > 1


def test_moved_alone_a_fraction_shows_what_a_model_says_outside_the_simplex() -> None:
    alone = importances("ridge", None)
    # the property does not know Co, and no composition changes in Co alone
    assert alone["co"] > 0.5
    assert set(alone.index) == set(NAMES)


@settings(max_examples=60)
@given(st.integers(2, 5), st.integers(0, 10_000), st.sampled_from([1.0, 100.0]))
def test_a_composition_that_moves_stays_one(parts: int, seed: int, total: float) -> None:
    rng = np.random.default_rng(seed)
    names = [f"x{number}" for number in range(parts)]
    simplex = Simplex(features=tuple(names), total=total)
    values = rng.dirichlet(np.full(parts, 0.5), 12)
    values[0] = np.eye(parts)[0]  # of one part alone
    frame = pd.DataFrame(total * values, columns=names).assign(other=rng.random(12))
    places, others = rng.integers(12, size=30), rng.integers(12, size=30)
    moves = [MoveOnSimplex(names[:1], simplex), *([MoveOnSimplex(names[:2], simplex)] if parts > 2 else [])]
    for move in moves:
        moved = move.apply(frame, places, others)
        assert (moved[names] >= 0).all(axis=None)
        np.testing.assert_allclose(moved[names].sum(axis=1), total)
        np.testing.assert_array_equal(moved["other"], frame["other"].iloc[places])
    first = moves[0].apply(frame, places, others)
    np.testing.assert_allclose(first[names[0]], frame[names[0]].iloc[others])
    if parts > 2:
        pair = moves[1].apply(frame, places, others)
        np.testing.assert_array_equal(pair[names[2:]], frame[names[2:]].iloc[places])


def test_a_feature_that_is_no_fraction_moves_alone() -> None:
    frame = pd.DataFrame({"kind": ["a", "b", "c"], "size": [1.0, 2.0, 3.0]})
    moved = Move(["kind"]).apply(frame, np.array([0, 1]), np.array([2, 2]))
    assert moved["kind"].tolist() == ["c", "c"]
    assert moved["size"].tolist() == [1.0, 2.0]
    assert moved.dtypes.tolist() == frame.dtypes.tolist()


# the nearest composition


def predict_compositions(learned: list[str], values: list[float], wanted: list[str], extra: float) -> list[float]:
    """Values of the nearest compositions, with a column beside the fractions that differs by `extra`."""
    formulas = pd.DataFrame({"composition": [*learned, *wanted]})
    described = Descriptor.model_validate(
        {"name": "e", "function": "element_fractions", "label": "e", "columns": {"formula": "composition"}}
    )
    computed = compute_descriptors(formulas, [described])
    size = Feature(name="size", label="size", unit="1")
    rows = formulas.assign(size=extra * np.arange(len(formulas)) ** 2)
    inputs = Inputs((size,), (described,))
    problem = problem_of(inputs.frame(rows, computed), np.array([*values, *[0.0] * len(wanted)]), inputs)
    train, test = np.arange(len(learned)), np.arange(len(learned), len(rows))
    return list(predict_rows("nearest_composition", problem, train, test, Method(), 0, {})[0])


@pytest.mark.parametrize("extra", [0.0, 1e6])
def test_the_nearest_composition_is_that_of_fewest_atoms_to_exchange_whatever_else_differs(extra: float) -> None:
    learned, values = ["Li3PS4", "Li2S", "LiCl", "Li6PS5Cl"], [1.0, 2.0, 3.0, 4.0]
    found = predict_compositions(learned, values, ["Li3PS4", "Li4S2", "Li6PS5Br", "Li4Cl5"], extra)
    # Li6PS5Br differs from Li6PS5Cl in one atom of thirteen
    assert found == [1.0, 2.0, 4.0, 3.0]


def test_rows_of_one_composition_are_averaged_and_a_tie_too() -> None:
    assert predict_compositions(["Li2S", "Li4S2", "LiCl"], [1.0, 2.0, 9.0], ["Li2S"], 1.0) == [1.5]
    # half of the atoms of LiI have to be exchanged for either
    assert predict_compositions(["LiCl", "LiBr"], [1.0, 3.0], ["LiI"], 1.0) == [2.0]
