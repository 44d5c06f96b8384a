"""What is known of listed candidates beside their prediction: stability in full, and measurements elsewhere."""

import numpy as np
import pandas as pd
import pytest
from phase_sample import make_assessor

from batterymi.config.parts import Objective
from batterymi.screening.annotate import add_stability, find_measured

TARGET = {"name": "y", "label": "y", "unit": "1", "goal": "maximise", "threshold": -3}


def test_a_candidate_that_was_measured_elsewhere_is_shown_with_its_best_value_at_room_temperature() -> None:
    rows = pd.DataFrame(
        [
            ("Li2S", 25, -6.0, "a"),
            ("S1Li2", 30, -4.0, "b"),  # the same composition, and the better of the two
            ("Li4S2", 300, -1.0, "c"),  # hot, which says nothing where there is a value at room temperature
            ("LiCl", 300, -4.0, "d"),  # bad even in the heat
            ("LiF", 300, -2.0, "e"),  # good in the heat, so that nothing is known
            ("LiI", 0, -9.0, "f"),  # in the cold
        ],
        columns=["composition", "temperature_c", "y", "doi"],
    )
    objective = Objective.model_validate(TARGET)
    found = find_measured(pd.Series(["Li2S", "LiCl", "LiF", "LiI", "LiBr"]), rows, objective)
    assert found["measured_elsewhere"].tolist()[:3] == [-4, -4, -2]
    assert found["measured_elsewhere"].isna().tolist() == [False, False, False, True, True]
    assert found["measured_in"].tolist() == ["b", "d", "e", "", ""]
    assert found["known_bad"].tolist() == [True, True, False, False, False]


def test_listed_candidates_get_all_numbers_of_their_stability() -> None:
    listed = pd.DataFrame({"formula": ["Li3PS4", "LiXe"], "v_reduction": [9.0, 9.0], "predicted": [1.0, 2.0]})
    found = add_stability(listed, listed["formula"], make_assessor(5))
    assert found["v_reduction"].iloc[0] == pytest.approx(1.72, abs=0.01)
    assert np.isfinite(found["sd_reduction"].iloc[0])
    assert found["v_reduction"].isna().iloc[1]
    assert found["predicted"].tolist() == [1, 2]
    assert list(found.columns).count("v_reduction") == 1
