"""Results that are limits, on either side: read, learned from, scored and shown as what they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined
from ledgers import listed
from matplotlib.figure import Figure
from scipy import stats
from tried_studies import join_rows, new_study

from batterymi.config.parts import Feature, Objective
from batterymi.config.slices.data import TableSettings
from batterymi.config.sources import Table
from batterymi.data.designs import read_designs
from batterymi.data.table import CheckedTable, load_table
from batterymi.errors import TableError
from batterymi.figures.axes import draw_observed_limits
from batterymi.optimise.campaigns.best_known import find_best_known
from batterymi.optimise.campaigns.changes import State, describe_changes
from batterymi.optimise.campaigns.feasibility import _check_rows
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.optimise.campaigns.matched_results import compare_suggestions
from batterymi.optimise.engines.models import select_measured
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.score import find_certain, get_sides
from batterymi.optimise.space.space import Space
from batterymi.stages.suggest_batch import _list_learned
from batterymi.surrogates import card
from batterymi.surrogates.censoring import TREATMENTS, compare_treatments
from batterymi.surrogates.comparison import list_predictions
from batterymi.surrogates.noise import estimate_noise_floor
from batterymi.surrogates.partitions import RepeatedValidation
from batterymi.surrogates.problem import Inputs, Problem, make_problem
from batterymi.surrogates.validation import CrossValidation, Method, impute_censored, make_splits, predict_out_of_fold
from batterymi.vocabulary.measured import LOWER, UPPER, name_bound_column

FEATURES = (
    Feature(name="t", label="T", unit="1", bounds=(0, 1)),
    Feature(name="u", label="u", unit="1", bounds=(0, 1)),
)
SPACE = Space(FEATURES)
BOUND = name_bound_column("y")


def goal(direction: str = "maximise", **more: Any) -> Objective:
    """The outcome y."""
    return Objective(name="y", label="y", unit="1", goal=direction, **more)


def load(folder: Path, cells: list[str], unit: str = "1", t: list[str] | None = None, **table: Any) -> CheckedTable:
    """The rows of a file with these cells of y."""
    rows = [f'S{i},{place},"{cell}"' for i, (place, cell) in enumerate(zip(t or range(len(cells)), cells, strict=True))]
    (folder / "rows.csv").write_text(join_rows("id,t,y", rows), encoding="utf-8")
    content = {"features": [FEATURES[0]], "objectives": [goal().model_copy(update={"unit": unit})], "descriptors": []}
    declared = {"file": "rows.csv", "id_column": "id", **table}
    content |= {"path": str(folder / "rows.csv"), "dataset": None, "table": declared, "simplex": None}
    return load_table(TableSettings.model_validate(content))


def problem_of(observed: np.ndarray, sides: np.ndarray, seed: int = 0) -> Problem:
    """A problem whose observations are partly limits."""
    frame = pd.DataFrame(np.random.default_rng(seed).random((len(observed), 2)), columns=["t", "u"])
    n = len(observed)
    return Problem("all", goal(), Inputs(FEATURES), frame, observed, list(range(n)), np.arange(n), n, sides)


def validated(problem: Problem, treatment: str = "bound", folds: int = 3) -> CrossValidation:
    """Its cross-validation."""
    splits = make_splits(folds, problem.groups, 0)
    return CrossValidation(problem, splits, Method(censoring=treatment), 50, 0)


# from the cell to the table


def test_limits_keep_their_sides_and_mixed_columns_work(tmp_path: Path) -> None:
    loaded = load(tmp_path, ["820", ">1000", "<300", "≥ 1,200", "> 1e3 ", "at least 900", "410"], decimal=".")
    assert loaded.rows["y"].tolist() == [820, 1000, 300, 1200, 1000, 900, 410]
    assert loaded.rows[BOUND].tolist() == [0, LOWER, UPPER, LOWER, LOWER, LOWER, 0]
    said = " | ".join(loaded.list_notes())
    assert "4 cells read as a lower limit: '>1000' is at least 1000" in said
    assert "1 cell read as an upper limit: '<300' is at most 300" in said


def test_limits_are_converted_with_their_column(tmp_path: Path) -> None:
    loaded = load(tmp_path, ["1e-4", "> 1e-3", "<1e-8", "2 mS/cm"], "log10(S/cm)", units={"y": "S/cm"})
    assert loaded.rows["y"].tolist() == pytest.approx([-4, -3, -8, np.log10(2e-3)])
    assert loaded.rows[BOUND].tolist() == [0, LOWER, UPPER, 0]


def test_a_limit_and_a_value_of_the_same_digits_are_two_results(tmp_path: Path) -> None:
    text = ["5", ">5", "7", "8"]
    loaded = load(tmp_path, text, t=["1", "1", "2", "3"], id_column=None)
    assert len(loaded.rows) == 4
    with pytest.raises(TableError, match="a copy of line 2"):
        load(tmp_path, ["5", "5", "7", "8"], t=["1", "1", "2", "3"], id_column=None)


@pytest.mark.parametrize("cell", ["<5", "> 5", "≥5"])
def test_a_factor_that_is_a_limit_is_refused(cell: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=rf"line 3: t: found '{cell}': a limit; only results may be limits"):
        load(tmp_path, ["1", "2", "3", "4"], t=["1", cell, "2", "3"])
    path = tmp_path / "pool.csv"
    path.write_text(f"t,u\n0.1,0.2\n{cell},0.3\n", encoding="utf-8")
    with pytest.raises(TableError, match=f"line 3: t: found '{cell}': not a number"):
        read_designs(path, FEATURES)


def test_a_column_of_marks_has_two_sides(tmp_path: Path) -> None:
    rows = [f"S{i},{i},{y},{mark}" for i, (y, mark) in enumerate([(5, "<"), (6, "-1"), (7, ""), (8, ">"), (9, "0")])]
    path = tmp_path / "rows.csv"
    path.write_text(join_rows("id,t,y,mark", rows), encoding="utf-8")
    content = {"path": str(path), "dataset": None, "simplex": None, "descriptors": []}
    content |= {"features": [FEATURES[0]], "objectives": [goal()], "table": {"file": "rows.csv", "censored": "mark"}}
    loaded = load_table(TableSettings.model_validate(content))
    made = make_problem(loaded.rows, {}, "all", Inputs(FEATURES[:1]), goal(), Table(file="rows.csv", censored="mark"))
    assert made.censored.tolist() == [UPPER, LOWER, 0, LOWER, 0]
    path.write_text(path.read_text().replace("-1", "maybe"), encoding="utf-8")
    with pytest.raises(TableError, match="line 3: mark: found 'maybe': not a mark of a limit; write 1 or `<`"):
        load_table(TableSettings.model_validate(content))


def test_a_new_study_takes_no_column_with_limits_for_a_factor() -> None:
    rows = ["S1,700,<0.5,150", "S2,750,1.2,155", "S3,800,>3,149", "S4,850,0.9,153"]
    with new_study(join_rows("id,temp_c,iron_ppm,capacity", rows)) as found:
        assert found.roles == {"id": "id", "temp_c": "factor", "iron_ppm": "ignored", "capacity": "objective"}
    with new_study(join_rows("id,temp_c,time_to_short_h", ["a,25,>500", "b,35,120", "c,45,80", "d,25,>600"])) as found:
        assert found.roles["time_to_short_h"] == "objective"


# models

NUMBERS = st.lists(st.integers(-500, 500).map(lambda x: x / 7), min_size=12, max_size=16, unique=True)


@pytest.mark.parametrize("treatment", TREATMENTS)
@pytest.mark.parametrize("model", ["ridge", "gaussian_process"])
@given(values=NUMBERS, data=st.data())
@settings(max_examples=5)
def test_predictions_of_a_mirrored_outcome_are_mirrored(
    model: str, treatment: str, values: list[float], data: st.DataObject
) -> None:
    """Negating an outcome and swapping < with > changes the sign of predictions and nothing else."""
    sides = np.array(data.draw(st.lists(st.sampled_from([0, 0, UPPER, LOWER]), min_size=len(values), max_size=16)))
    sides = sides[: len(values)].astype(np.int8)
    sides[:6] = 0
    observed = np.array(values)
    scale = np.abs(observed).max()
    plain = validated(problem_of(observed, sides), treatment)
    mirrored = validated(problem_of(-observed, -sides), treatment)
    ours, theirs = (v.predict_held_out(model, {}) for v in (plain, mirrored))
    np.testing.assert_allclose(ours, -theirs, rtol=0, atol=1e-9 * scale)


@given(st.integers(0, 10**6), st.sampled_from([UPPER, LOWER]))
@settings(max_examples=8)
def test_a_limit_is_replaced_by_the_mean_of_what_lies_beyond_it(seed: int, side: int) -> None:
    """The forest learns nothing from noise here, so that the value is the mean of a cut-off normal distribution."""
    rng = np.random.default_rng(seed)
    observed = rng.normal(size=30)
    sides = np.zeros(30, dtype=np.int8)
    sides[5], sides[20] = side, -side
    problem = problem_of(observed, sides, seed)
    imputed = impute_censored(problem, np.arange(30), 0)
    np.testing.assert_array_equal(imputed[sides == 0], observed[sides == 0])
    assert (sides * (imputed - observed) <= 0).all(), "beyond the limit, on its side"
    assert (imputed != observed)[[5, 20]].any()


def test_the_expected_value_is_that_of_a_cut_off_normal_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    class Zero:
        """A forest that predicts 0."""

        def fit_matrix(self, *parts: Any) -> "Zero":
            return self

        def predict_matrix(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return np.zeros(len(matrix)), np.ones(len(matrix))

    monkeypatch.setattr("batterymi.surrogates.validation.make_model", lambda *parts: Zero())
    observed = np.array([1.0, -1.0, 1.0, -1.0, 0.5, 0.5, -2.0])
    sides = np.array([0, 0, 0, 0, LOWER, UPPER, LOWER], dtype=np.int8)
    imputed = impute_censored(problem_of(observed, sides), np.arange(7), 0)
    deviation = np.std([1, -1, 1, -1])
    for place, low, high in ((4, 0.5, np.inf), (5, -np.inf, 0.5), (6, -2.0, np.inf)):
        assert imputed[place] == pytest.approx(stats.truncnorm(low / deviation, high / deviation).mean() * deviation)


def test_limits_are_scored_on_their_own_side() -> None:
    observed = np.array([4.0, 4, 4, 4, 4, 4, 9, 1, 9, 1])
    sides = np.array([0, 0, 0, 0, 0, 0, UPPER, LOWER, LOWER, UPPER], dtype=np.int8)
    validation = validated(problem_of(observed, sides), folds=10)
    predicted = validation.predict_held_out("dummy", {})
    found = compare_treatments("dummy", validation, {})
    assert (found["n_censored"], found["n_lower"]) == (4, 2)
    # the mean of the others lies between 1 and 9, so that two limits are met and two are not
    misses = [0, 0, 9 - predicted[8], predicted[9] - 1]
    assert found["treatments"]["bound"]["mae_of_bounds_one_sided"] == pytest.approx(np.mean(misses))
    assert found["treatments"]["drop"]["mae_of_bounds_one_sided"] == pytest.approx((5 + 3) / 4)
    only_upper = compare_treatments("dummy", validated(problem_of(observed, np.abs(sides))), {})
    assert "n_lower" not in only_upper


def test_next_to_no_values_beside_limits_are_an_error_in_words_and_no_crash() -> None:
    observed = np.array([5.0, 6, 7, 8, 9, 10])
    sides = np.array([0, 0, LOWER, LOWER, LOWER, LOWER], dtype=np.int8)
    for treatment in ("drop", "expected"):
        with pytest.raises(TableError, match=f"y: surrogate.censoring: '{treatment}' needs 2 results in every fold"):
            validated(problem_of(observed, sides), treatment, 6).predict_held_out("ridge", {})
    found = compare_treatments("ridge", validated(problem_of(observed, sides), folds=6), {})
    assert list(found["treatments"]) == ["bound"]
    every = compare_treatments("dummy", validated(problem_of(observed, sides - sides + LOWER)), {})
    assert every["treatments"]["bound"]["mae_of_values"] is None


def test_limits_move_with_their_values_in_a_permutation() -> None:
    sides = np.array([UPPER, 0, 0, LOWER], dtype=np.int8)
    shuffled = problem_of(np.arange(4.0), sides).shuffle_observed(np.array([3, 1, 0, 2]))
    assert shuffled.censored.tolist() == [LOWER, 0, UPPER, 0]
    assert shuffled.observed.tolist() == [3, 1, 0, 2]


def test_held_out_predictions_say_which_observations_are_limits() -> None:
    sides = np.array([0, UPPER, LOWER, 0, 0, 0], dtype=np.int8)
    for own, expected in ((sides, ["", "at most", "at least", "", "", ""]), (sides * 0, None)):
        validation = validated(problem_of(np.arange(6.0), own))
        outs = {"dummy": predict_out_of_fold("dummy", validation)}
        frame = list_predictions(RepeatedValidation((validation,)), [outs], "dummy", np.zeros(6))
        assert (frame["limit"].tolist() if "limit" in frame else None) == expected


def test_limits_are_no_repeats_of_a_measurement() -> None:
    rows = pd.DataFrame({"compound": ["a", "a", "a", "b", "b"], "y": [5.0, 6, 50, 7, 8], BOUND: [0, 0, LOWER, 0, 0.0]})
    found = estimate_noise_floor(rows, "y", "compound", None, 0)
    assert (found["rows"], found["deviation"]) == (4, pytest.approx(np.sqrt(0.5)))


# campaigns


def rows_of(values: list[float], sides: list[int], t: list[float] | None = None) -> pd.DataFrame:
    """Measured rows of a campaign."""
    places = np.linspace(0.1, 0.9, len(values)) if t is None else t
    frame = pd.DataFrame({"t": places, "u": 0.5, "y": np.array(values, float), BOUND: np.array(sides, float)})
    return frame.assign(split="train", failure="", line=range(2, len(values) + 2))


@pytest.mark.parametrize(
    ("direction", "values", "sides", "said"),
    [
        ("maximise", [900, 1000, 1000], [0, 0, LOWER], "at least 1000 (line 4)"),
        ("maximise", [900, 1000, 1000], [0, LOWER, 0], "at least 1000 (line 3)"),
        ("maximise", [900, 1000, 1000], [0, UPPER, 0], "1000 (line 4)"),
        ("minimise", [3, 2, 2], [0, 0, UPPER], "at most 2 (line 4)"),
        ("minimise", [3, 2, 2], [LOWER, LOWER, 0], "2 (line 4)"),
    ],
)
def test_the_best_known_may_be_a_limit_and_is_called_one(
    direction: str, values: list[float], sides: list[int], said: str
) -> None:
    search = Search(SPACE, (goal(direction),), ())
    assert find_best_known(search, rows_of(values, sides)).describe(search) == said


def test_a_mean_of_limits_is_a_limit_if_all_are_on_one_side() -> None:
    search = Search(SPACE, (goal(),), ())
    for sides, said in (([LOWER, 0], "at least 1050"), ([LOWER, UPPER], "1050")):
        best = find_best_known(search, rows_of([1000, 1100], sides, [0.5, 0.5]))
        assert best.describe(search).startswith(f"{said} "), sides
    best = find_best_known(search, rows_of([1000, 1100], [UPPER, UPPER], [0.5, 0.5]))
    assert (len(best), best.n_uncertain) == (0, 1)


@pytest.mark.parametrize(
    ("objective", "certain"),
    [
        (goal("maximise"), [True, True, False]),
        (goal("minimise"), [True, False, True]),
        (goal("target", target=5), [True, False, False]),
    ],
)
def test_a_bound_that_may_be_worse_than_its_number_ranks_no_design(objective: Objective, certain: list[bool]) -> None:
    sides = get_sides(rows_of([5, 5, 5], [0, LOWER, UPPER]), [objective])
    assert find_certain(sides, [objective], (), 3).tolist() == certain


def test_a_bound_meets_a_limit_only_on_its_safe_side() -> None:
    limits = {"at_least": ([0, LOWER], [UPPER]), "at_most": ([0, UPPER], [LOWER])}
    for name, (safe, unsafe) in limits.items():
        found = _check_rows((goal("limit", **{name: 5.0}),), rows_of([5] * 3, [*safe, *unsafe]))
        assert found.message.startswith("2 of 3 rows"), name


def test_engines_use_limits_as_values_on_either_side() -> None:
    rows = rows_of([900, 1000, 800, 700], [0, LOWER, 0, UPPER])
    _, values, _ = select_measured(SPACE, rows, "y")
    assert values.tolist() == [900, 1000, 800, 700]


@pytest.mark.parametrize(
    ("measured", "side", "inside"),
    [
        (2.0, 0, "yes"),
        (4.0, 0, "no"),
        (4.0, LOWER, "no"),
        (2.0, LOWER, ""),
        (0.5, LOWER, ""),
        (0.5, UPPER, "no"),
        (4.0, UPPER, ""),
    ],
)
def test_a_limit_can_only_contradict_a_prediction(tmp_path: Path, measured: float, side: int, inside: str) -> None:
    ledger = Ledger(tmp_path / "x.jsonl")
    design = {"design": {"t": 0.5, "u": 0.5}, "predicted": {"y": [2.0, 1.0, 3.0]}}
    ledger.add("k", 3, [design], units={"t": "1", "u": "1", "y": "1"})
    found = compare_suggestions(ledger.batches, rows_of([measured], [side], [0.5]), SPACE, [goal()], 0)
    assert found[["inside_95", "limit"]].iloc[0].tolist() == [
        inside,
        {LOWER: "at least", UPPER: "at most", 0: ""}[side],
    ]


def test_a_value_that_becomes_a_limit_is_a_change(tmp_path: Path) -> None:
    before, now = rows_of([900, 1000, 800], [0, 0, UPPER]), rows_of([900, 1000, 800], [0, LOWER, UPPER])
    ledger = Ledger(tmp_path / "x.jsonl")
    ledger.add(
        "k", 3, listed(1), units={"t": "1", "u": "1", "y": "1"}, state=State(before, FEATURES, [goal()]).as_dict()
    )
    [said] = describe_changes(Ledger(tmp_path / "x.jsonl").batches[-1], State(now, FEATURES, [goal()]))
    assert said == "since batch 1: line 3: y was 1000, is at least 1000"
    assert not describe_changes(Ledger(tmp_path / "x.jsonl").batches[-1], State(before, FEATURES, [goal()]))
    # so that the next batch keeps what is so now, and it is said once
    assert BOUND in _list_learned(now, ["t", "u"], [goal()])


@pytest.mark.parametrize(
    ("n_lower", "said", "treatment"),
    [(None, "3 rows are bounds. MAE", "below"), (3, "3 rows are lower bounds. MAE", "above"),
     (1, "3 rows are bounds, 1 of them lower ones. MAE", "beyond")],
)  # fmt: skip
def test_a_card_says_on_which_side_the_limits_are(n_lower: int | None, said: str, treatment: str) -> None:
    template = Path(card.__file__).with_name("card.md.j2").read_text(encoding="utf-8")
    part = "{% if found.censoring %}" + template.split("{% if found.censoring %}")[1].split("{# a curve")[0]
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    environment.filters["number"] = format
    scores = {"mae_one_sided": 1.5, "mae_of_values": None}
    found = {"n_censored": 3, "treatments": {"bound": scores, "expected": scores}}
    found |= {} if n_lower is None else {"n_lower": n_lower}
    text = environment.from_string(part).render(
        found={"censoring": found}, describe_treatments=card._describe_treatments
    )
    assert said in text
    assert f"replaced by the value expected {treatment}: 1.5." in text


def test_figures_show_limits_as_arrows_to_where_the_true_values_lie() -> None:
    axis = Figure().subplots()
    observed, predicted, sides = np.arange(5.0), np.arange(5.0) + 10, np.array([0, LOWER, UPPER, LOWER, 0])
    draw_observed_limits(axis, observed, predicted, sides)
    drawn = {line.get_marker(): line.get_xydata().tolist() for line in axis.get_lines()}
    assert drawn == {"<": [[2, 12]], ">": [[1, 11], [3, 13]]}
    assert axis.get_legend_handles_labels()[1] == ["only an upper bound known", "only a lower bound known"]
