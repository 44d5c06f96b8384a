"""The chapter's recipes, written from its description: they print what the chapter prints, to the last digit."""

import itertools
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestRegressor

from batterymi import registry
from batterymi.chapter import ncm_cathodes
from batterymi.chapter.conductivities import look_up_facts as look_up_conductivities
from batterymi.chapter.cycle_lives import look_up_facts as look_up_lives
from batterymi.chapter.facts import Predictor
from batterymi.chapter.fast_charging import charge, sum_phases
from batterymi.chapter.search import find_largest_prediction, maximise_with_skopt
from batterymi.config.designs import Claimed
from batterymi.config.slices.chapter import RecipeSettings
from batterymi.data.loaders.obelix import make_composition_key
from batterymi.files import write_parquet
from batterymi.reporting.claim_verdicts import compare_with_printed
from batterymi.reporting.claims import read_claims
from batterymi.stages.run_recipe import run_recipe
from batterymi.vocabulary.verdicts import NO_SKILL

ROOT = Path(__file__).resolve().parents[1]
TEXTBOOK = ROOT / "data/textbook"
# what the code of each section prints, and the format that it prints it in
PRINTED = {
    "se_training_r2": "1.000",
    "se_optimum_vacancy": "0.173",
    "se_optimum_volume": "484.0",
    "se_optimum_ea": "0.15",
    "ls_mae": "12.5",
    "ls_r2": "-2.028",
    "ls_importance_pore": "0.251",
    "ls_importance_area": "0.287",
    "ls_importance_oh": "0.232",
    "ls_importance_sulfur": "0.230",
    "ls_optimum_pore": "2.0",
    "ls_optimum_area": "1831",
    "ls_optimum_oh": "1.90",
    "ls_optimum_sulfur": "74.3",
    "ls_optimum_retention": "86.8",
    "fc_standard_time": "60",
    "fc_standard_temperature": "55.0",
    "fc_standard_degradation": "0.0966",
    "fc_fast_time": "20",
    "fc_fast_temperature": "115.0",
    "fc_fast_degradation": "0.5202",
    "fc_optimized_time": "19",
    "fc_optimized_temperature": "137.0",
    "fc_optimized_degradation": "0.7653",
    "ncm_ni": "0.600",
    "ncm_co": "0.020",
    "ncm_mn": "0.380",
    "ncm_capacity": "203.2",
    "ncm_life": "1230",
    "ncm_thermal": "236",
    "ncm_co_reduction_printed": "90.0",
    "na_p2": "173",
    "na_nvp": "145",
    "na_o3": "125",
    "na_energy_p2": "1",
    "na_energy_nvp": "0",
    "na_energy_o3": "0",
}


@cache
def numbers_of(recipe: str) -> dict[str, Any]:
    """Return the numbers of a recipe on the chapter's own table."""
    path = TEXTBOOK / f"{recipe}.csv"
    found: dict[str, Any] = registry.look_up("recipe", recipe)(pd.read_csv(path) if path.is_file() else None)
    return found


def follow(recipe: str, pointer: str) -> Any:
    """Return the number that a pointer into a recipe's numbers leads to."""
    value = numbers_of(recipe)
    for key in pointer.removeprefix("recipe.json#").split("."):
        value = value[key]
    return value


@pytest.mark.parametrize("name", PRINTED)
def test_a_recipe_prints_what_the_chapter_prints(name: str) -> None:
    claim = {claim.id: claim for claim in read_claims(TEXTBOOK / "claims.csv")}[name]
    printed = PRINTED[name]
    assert claim.printed == printed
    decimals = len(printed.partition(".")[2])
    assert f"{follow(claim.study, claim.computed):.{decimals}f}" == printed


def test_the_conductivity_of_the_optimum_is_that_of_the_best_row() -> None:
    assert f"{numbers_of('solid_electrolytes')['optimum_conductivity_s_cm']:.2e}" == "1.58e-02"


def test_every_number_that_the_code_prints_is_reproduced() -> None:
    printed = {c.id for c in read_claims(TEXTBOOK / "claims.csv") if c.stated_in == "code output"}
    assert printed == {*PRINTED, "se_optimum_conductivity"}


@pytest.mark.parametrize("recipe", ["fast_charging", "sodium_ion"])
def test_a_stage_writes_the_numbers_of_a_recipe_with_a_table_or_without(recipe: str, tmp_path: Path) -> None:
    table = None
    if (TEXTBOOK / f"{recipe}.csv").is_file():
        table = tmp_path / "table.parquet"
        write_parquet(table, pd.read_csv(TEXTBOOK / f"{recipe}.csv"))
    texts = dict.fromkeys(
        ("case_study", "key_descriptors", "ml_method", "experiment_reduction", "industrial_impact"), ""
    )
    run_recipe(table, tmp_path / "recipe.json", RecipeSettings(claimed=Claimed(**texts, recipe=recipe)))
    assert json.loads((tmp_path / "recipe.json").read_text()) == json.loads(json.dumps(numbers_of(recipe)))


def test_what_follows_from_stated_numbers_is_arithmetic() -> None:
    expected = {
        ("solid_electrolytes", "error_percent"): 19.048,
        ("solid_electrolytes", "net_charge"): -1,
        ("lithium_sulfur", "capacity_mah_g"): 1671.7,
        ("lithium_sulfur", "times_lco"): 6.105,
        ("lithium_sulfur", "suppression_percent"): 92,
        ("lithium_sulfur", "efficiency_percent"): 98,
        ("lithium_sulfur", "oh_share_percent"): 18.11,
        ("lithium_sulfur", "optimum_sulfur_limit_wt"): 65.46,
        ("lithium_sulfur", "row_3_5_nm_retention_percent"): 85,
        ("lithium_sulfur", "row_68_wt_pore_nm"): 4,
        ("fast_charging", "improvement_percent"): 74,
        ("fast_charging", "loss_percent_per_1000"): 14.118,
        ("ncm_cathodes", "co_reduction_percent"): 60,
        ("sodium_ion", "most_nvp_mah_g"): 117.61,
        ("sodium_ion", "most_nvpf_mah_g"): 128.30,
    }
    for (recipe, name), value in expected.items():
        assert numbers_of(recipe)["arithmetic"][name]["value"] == pytest.approx(value, rel=3e-4), name


def test_every_pointer_into_a_recipe_leads_to_a_number() -> None:
    for claim in read_claims(TEXTBOOK / "claims.csv"):
        pointers = [claim.computed, *(pointer for group in claim.found for pointer in group)]
        for pointer in pointers:
            if pointer.startswith("recipe.json#"):
                assert isinstance(follow(claim.study, pointer.partition(" |")[0]), int | float), claim.id


def test_numbers_of_the_text_that_its_own_recipes_do_not_give_are_known() -> None:
    claims = [c for c in read_claims(TEXTBOOK / "claims.csv") if c.computed.startswith("recipe.json#")]
    verdicts = {claim.id: compare_with_printed(follow(claim.study, claim.computed), claim) for claim in claims}
    differing = {name for name, verdict in verdicts.items() if verdict != "reproduced"}
    assert differing == {
        "se_new_material_error",
        *(
            "ls_text_pore",
            "ls_text_oh",
            "ls_text_sulfur",
            "ls_material_experiment",
            "ls_material_retention",
            "ls_shuttle",
        ),
        *("fc_time", "fc_phases_time", "fc_temperature", "fc_degradation"),
        *("ncm_text_ni", "ncm_text_co", "ncm_text_mn"),
        *("ncm_material_capacity", "ncm_material_life", "ncm_material_thermal"),
        "na_target_rows",
    }


def test_the_four_phases_take_28_minutes_from_empty() -> None:
    assert numbers_of("fast_charging")["phases"]["minutes"] == pytest.approx(28.4)


def test_the_text_s_composition_is_not_what_its_formulas_give() -> None:
    text = numbers_of("ncm_cathodes")["text_composition"]
    found = [text[key] for key in ("capacity_mah_g", "cycle_life", "thermal_stability_c")]
    assert found == pytest.approx([213.95, 935, 203.625])
    assert numbers_of("ncm_cathodes")["highest_thermal_stability_c"] == pytest.approx(236.5)


@given(rates=st.lists(st.floats(0.5, 5.0), min_size=4, max_size=4))
def test_phases_take_the_charge_of_each_over_its_current(rates: list[float]) -> None:
    ends = (0.2, 0.5, 0.7, 0.8)
    minutes = sum_phases(list(zip(ends, rates, strict=True)))
    assert minutes == pytest.approx(12 / rates[0] + 18 / rates[1] + 12 / rates[2] + 6 / rates[3])


def test_a_profile_that_ends_too_early_leaves_the_charge_short() -> None:
    short = charge(((1.0, 10.0),))
    assert short["minutes"] == 10
    assert short["soc_end"] == pytest.approx(0.3)


def test_the_largest_prediction_of_trees_is_found_in_the_middle_of_their_cells() -> None:
    rng = np.random.default_rng(0)
    rows, bounds = rng.uniform(0, 1, (6, 2)), ((0.0, 1.0), (0.2, 0.9))
    model = RandomForestRegressor(20, random_state=0).fit(rows, rng.normal(size=6))
    fine = np.array(list(itertools.product(np.linspace(0, 1, 300), np.linspace(0.2, 0.9, 300))))
    assert find_largest_prediction(model, rows, bounds) == pytest.approx(model.predict(fine).max())


def test_a_search_ends_where_nothing_larger_is_possible_and_not_before() -> None:
    calls: list[float] = []

    def parabola(design: Any) -> float:
        calls.append(float(design[0]))
        return -((design[0] - 0.3) ** 2)

    ended = maximise_with_skopt(parabola, ((0.0, 1.0),), 12, most=-0.01)
    assert ended.calls_made == len(calls) < 12
    assert ended.value >= -0.01
    assert all(parabola([call]) < -0.01 for call in calls[: ended.calls_made - 1])
    full = maximise_with_skopt(parabola, ((0.0, 1.0),), 12, most=float("inf"))
    assert full.calls_made == 12
    assert full.value >= ended.value


@pytest.mark.nightly
@pytest.mark.parametrize("recipe", ["ncm_cathodes", "solid_electrolytes"])
def test_searches_that_end_early_return_what_the_whole_search_does(
    recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = numbers_of(recipe)
    assert early["calls_made"] < early["calls"]
    module = registry.find_module("recipe", recipe)
    monkeypatch.setattr(
        f"{module}.maximise_with_skopt",
        lambda function, bounds, calls, most: maximise_with_skopt(function, bounds, calls, float("inf")),
    )
    path = TEXTBOOK / f"{recipe}.csv"
    whole = registry.look_up("recipe", recipe)(pd.read_csv(path) if path.is_file() else None)
    assert whole["calls_made"] == early["calls"]
    assert whole["optimum"] == early["optimum"]


def test_the_score_is_worst_where_there_is_more_nickel_and_cobalt_than_room() -> None:
    score = ncm_cathodes.compute_score(np.array([0.95, 0.6]), np.array([0.3, 0.02]))
    assert score[0] == -1e6
    assert score[1] == pytest.approx(54.13)


# predicts -5 with a half width of 6 decades for each design
VAGUE = Predictor(lambda designs: (np.full(len(designs), -5.0), np.full(len(designs), 6.0)), NO_SKILL)


def test_conductivities_are_medians_with_their_range_and_a_prediction_with_its_interval() -> None:
    keys = [make_composition_key(formula) for formula in ("Li7P3S11", "Li14P6S22", "Li7La3Zr2O12", "LiCl")]
    table = pd.DataFrame({"composition_key": keys, "doi": list("aabc"), "log10_conductivity": [-2, -3, -4, -9.0]})
    facts = look_up_conductivities(table, VAGUE)
    first = facts["li7p3s11"]
    assert (first.value, first.lower, first.upper, first.n) == (-2.5, -3, -2, 2), "the same composition, written twice"
    assert facts["llzo"].n == 1
    assert (facts["new_material"].lower, facts["new_material"].upper) == (-11, 1)
    assert facts["new_material"].verdict == NO_SKILL
    assert look_up_conductivities(table.iloc[:2], VAGUE)["llzo"] is None, "a sample of the table may lack it"


def test_lives_become_losses_per_thousand_cycles_with_intervals_over_policies() -> None:
    policies = [policy for policy in "abcd" for _ in range(5)]
    lives = [life for life in (500.0, 800.0, 1000.0, 2000.0) for _ in range(5)]
    minutes = [10.0] * 15 + [13.0] * 5
    facts = look_up_lives(pd.DataFrame({"policy": policies, "cycle_life": lives, "minutes_to_80": minutes}), VAGUE)
    loss = facts["loss_percent_per_1000"]
    assert loss.value == pytest.approx((20 + 25) / 2)
    assert loss.lower is not None
    assert loss.upper is not None
    assert loss.lower <= 20
    assert loss.upper >= 25, "cells of one policy are repeats, so that four policies leave a wide interval"
    assert facts["best_loss_percent_per_1000"].value == pytest.approx(10)
    assert facts["cells_within_10_5_min"].value == 15
    retained = facts["retention_percent_at_850"]
    assert (retained.lower, retained.upper) == (pytest.approx(100 - 40 * 0.85), pytest.approx(100 - 10 * 0.85))
