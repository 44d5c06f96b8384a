"""Gates on numbers of stability that take long: computed for the candidates that come to them, and for no others."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from phase_sample import make_assessor, read_phases

from batterymi.config.screen import Screen
from batterymi.config.slices.screening import ScoringSettings
from batterymi.config.slices.stability import AssessmentSettings
from batterymi.features.formulas import parse_formula
from batterymi.screening.refine import Refinement
from batterymi.screening.scorer import Predictions, Scorer
from batterymi.screening.scores import score_block
from batterymi.stability.assess import FULL, Depth

FORMULAS = ["Li3PS4", "LiXe", "LiCl", "Li6PS5Cl", "Li3PO4", "Li2S"]
DRAWS = AssessmentSettings(first_gates=(), draws=5, noise_ev_atom=0.01, seed=0)
HARD = {"label": "not oxidised", "expression": "v_oxidation > 2.2"}
SLOW = {"label": "hardly reacts with the charged cathode", "expression": "e_li05coo2 > -0.1"}
FIRM = {"label": "that edge is firm", "expression": "sd_oxidation < 0.15"}
INSIDE = {"label": "inside", "expression": "inside >= 1"}


class Model:
    """Predicts zero of every candidate, and counts them."""

    errors, n = None, 0

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Return predictions that are all alike."""
        self.n = len(frame)
        zero, yes = np.zeros(self.n), np.ones(self.n, dtype=bool)
        return Predictions(zero, zero, zero, zero, np.full(self.n, ""), yes, yes)


def screen_with(*gates: dict[str, str]) -> Screen:
    """Return a screen with these gates."""
    source = {"name": "mp_compositions"}
    return Screen.model_validate({"source": source, "variant": "composition_only", "gates": list(gates)})


def score(*gates: dict[str, str]) -> tuple[pd.DataFrame, Any, list[str], Model]:
    """Score the formulas; return what came out, the funnel, which formulas were refined, and the model."""
    screen = screen_with(*gates)
    frame = pd.DataFrame({"formula": FORMULAS, "position": range(len(FORMULAS))})
    known = [make_assessor().assess(parse_formula(text), Depth((), edges=False)) for text in FORMULAS if text != "LiXe"]
    edges = iter(one.oxidation.volts for one in known)
    frame["v_oxidation"] = [9.0 if text == "LiXe" else next(edges) for text in FORMULAS]
    frame = frame.assign(e_li05coo2=np.nan, sd_oxidation=np.nan)
    refinement = Refinement.open(read_phases(), screen.slow_columns, DRAWS)
    refined: list[str] = []
    compute = refinement.compute

    def count(formulas: pd.Series, chosen: np.ndarray) -> dict[str, np.ndarray]:
        refined.extend(formulas[chosen])
        return compute(formulas, chosen)

    of_model = {"target_name": "y", "formula_columns": (), "screened_features": ()}
    settings = ScoringSettings.model_validate({"screen": screen.model_dump(), **of_model})
    counted = cast(Refinement, SimpleNamespace(columns=refinement.columns, compute=count))
    model = Model()
    scored, funnel = score_block(frame, cast(Scorer, model), settings, counted)
    return scored, funnel, refined, model


def test_slow_numbers_are_computed_past_the_gates_before_them_and_unknown_where_there_is_no_energy() -> None:
    scored, funnel, refined, model = score(HARD, SLOW, INSIDE)
    # Li2S and Li6PS5Cl are oxidised at 2.1 V
    assert refined == ["Li3PS4", "LiXe", "LiCl", "Li3PO4"]
    assert funnel.entered == [6, 4, 2]
    assert funnel.unknown == [0, 1, 0]
    assert funnel.passed == [4, 2, 2]
    assert scored["formula"].tolist() == ["LiCl", "Li3PO4"]
    assert scored["e_li05coo2"].tolist() == pytest.approx([0.0, 0.0])
    assert model.n == 2


def test_a_slow_gate_behind_the_model_costs_nothing_for_those_that_the_model_loses() -> None:
    scored, funnel, refined, model = score(HARD, INSIDE, SLOW)
    assert refined == ["Li3PS4", "LiXe", "LiCl", "Li3PO4"]
    assert model.n == 4
    assert funnel.entered == [6, 4, 4]
    assert scored["passed"].tolist() == [False, False, True, True]
    assert np.isnan(scored["e_li05coo2"].iloc[1])
    assert scored["e_li05coo2"].iloc[0] < -0.5


def test_no_more_is_computed_than_gates_use_and_draws_are_those_of_the_whole_computation() -> None:
    screen = screen_with(SLOW)
    assert screen.slow_columns == ("e_li05coo2",)
    assert Refinement.open(read_phases(), screen.slow_columns, DRAWS).depth == Depth(("li05coo2",), edges=False)
    assert screen_with(HARD, INSIDE).slow_columns == ()
    firm = Refinement.open(read_phases(), screen_with(FIRM).slow_columns, DRAWS)
    assert firm.depth == Depth((), edges=True, draws=True)
    found = firm.compute(pd.Series(["LiCl", "Li3PS4"]), np.array([False, True]))["sd_oxidation"]
    assert np.isnan(found[0])
    whole = make_assessor(5).assess(parse_formula("Li3PS4"), FULL)
    assert found[1] == pytest.approx(whole.oxidation.spread, rel=1e-9)
