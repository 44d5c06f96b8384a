"""Compositions of electrolytes as designs: what the evaluator says of them, and campaigns that keep them neutral."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, SHIPPED
from hypothesis import given, settings
from hypothesis import strategies as st
from phase_sample import make_assessor, read_phases

from batterymi.config.load import load_studies
from batterymi.config.run import Config
from batterymi.config.slices.campaign import CampaignSettings
from batterymi.config.slices.sampling import SamplingSettings
from batterymi.config.slices.training import TrainingSettings
from batterymi.config.study import Study
from batterymi.errors import DamagedFileError
from batterymi.evaluators.base import EvaluatorFiles
from batterymi.evaluators.electrolyte import ElectrolyteEvaluator
from batterymi.features.formulas import parse_formula
from batterymi.files import write_json, write_parquet
from batterymi.stability.assess import Depth
from batterymi.stages.run_campaign import CampaignFiles, run_campaign
from batterymi.stages.sample_table import sample_table
from batterymi.stages.train_surrogate import SurrogateFiles, train_surrogate
from batterymi.surrogates.store import find_stored

NAME = "electrolyte_li_p_s_cl"
RAW = yaml.safe_load((ROOT / f"config/studies/{NAME}.yaml").read_text(encoding="utf-8"))
ELEMENTS = "campaign__evaluator__elements"
SYSTEM = ("Li", "P", "S", "Cl")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> EvaluatorFiles:
    """A small model of conductivities that takes formulas alone, and phases."""
    folder = tmp_path_factory.mktemp("model")
    rng = np.random.default_rng(0)
    formulas = [f"Li{a}P{b}S{c}Cl{d}" for a, b, c, d in rng.integers(1, 9, size=(40, 4))]
    rows = pd.DataFrame({"composition": formulas, "line": range(40), "split": "train"})
    rows["log10_conductivity"] = [-8 + 0.6 * parse_formula(text)["Cl"] + rng.normal(0, 0.3) for text in formulas]
    write_parquet(folder / "table.parquet", rows)
    write_json(folder / "table.json", {"source": "x", "sha256": "0", "rows_in": 40, "rows_out": 40, "dropped": []})
    fractions = {"name": "f", "function": "element_fractions", "label": "f", "columns": {"formula": "composition"}}
    objective = {"name": "log10_conductivity", "label": "σ", "unit": "log10(S/cm)", "goal": "maximise", "threshold": -5}
    study = {
        **{"title": "t", "seed": 0, "primary_variant": "all_features", "ablations": [], "remarks": [], "features": []},
        "table": {"file": "x.csv"},
        "descriptors": [fractions],
        "objectives": [objective],
        "surrogate": {"models": ["dummy", "ridge"], "folds": 4, "bootstraps": 100, "permutations": 19},
    }
    endings = {"metrics": "csv", "predictions": "parquet", "importances": "csv", "validation": "json", "card": "md"}
    made = {key: folder / f"{key}.{ending}" for key, ending in endings.items()}
    whole = SurrogateFiles(**made, model=folder / "model.skops")
    train_surrogate(folder / "table.parquet", folder / "table.json", whole, TrainingSettings.model_validate(study))
    write_parquet(folder / "phases.parquet", read_phases())
    return EvaluatorFiles(whole.model, folder / "phases.parquet")


def as_study(**changes: Any) -> Study:
    """The study that comes with the project, small, on the model of the tests."""
    raw = yaml.safe_load(yaml.safe_dump(RAW))
    raw["campaign"]["evaluator"] |= {"variant": "all_features", "threshold": -5}
    raw["campaign"] |= {"initial": 4, "budget": 7, "seeds": 2}
    raw["table"] = {"sample": {"designs": 60}}
    for place, value in changes.items():
        *path, last = place.split("__")
        target = raw
        for key in path:
            target = target[int(key) if isinstance(target, list) else key]
        target[last] = value
    return Study.model_validate(raw)


def make_evaluator(files: EvaluatorFiles, **changes: Any) -> ElectrolyteEvaluator:
    """The study's evaluator."""
    study = as_study(**changes)
    assert study.evaluator is not None
    return ElectrolyteEvaluator(study.evaluator, study.objectives, files)  # type: ignore[arg-type]


def as_shares(formula: str) -> dict[str, float]:
    """The design that is a formula's composition."""
    amounts = parse_formula(formula)
    return {symbol.lower(): amounts.get(symbol, 0.0) / sum(amounts.values()) for symbol in SYSTEM}


@settings(max_examples=15)
@given(st.lists(st.integers(1, 9), min_size=4, max_size=4))
def test_a_design_is_what_its_formula_is(files: EvaluatorFiles, amounts: list[int]) -> None:
    formula = "".join(f"{symbol}{n}" for symbol, n in zip(SYSTEM, amounts, strict=True))
    found = make_evaluator(files).evaluate(pd.DataFrame([as_shares(formula)])).iloc[0]
    direct = make_assessor().assess(parse_formula(formula), Depth(("licoo2",), edges=False)).as_row()
    assert found["failure"] == ""
    for name in ("v_reduction", "v_oxidation", "e_lithium", "e_licoo2"):
        assert found[name] == pytest.approx(direct[name], abs=1e-6), name
    assert files.model is not None
    stored = find_stored(files.model, "all_features", "log10_conductivity")
    mean, half = (float(part[0]) for part in stored.predict(pd.DataFrame({"composition": [formula]})))
    assert found["log10_conductivity"] == pytest.approx(mean, abs=1e-3)
    # beyond the interval the probability of the other side is small
    if mean - half > -5:
        assert found["probability_beyond"] > 0.9
    if mean + half < -5:
        assert found["probability_beyond"] < 0.1


def test_a_study_of_compositions_cites_the_energies_that_it_rests_on() -> None:
    assert as_study().datasets == ("mp_compositions",)


def test_an_element_that_is_not_there_is_left_out_and_what_cannot_be_computed_is_told(files: EvaluatorFiles) -> None:
    evaluator = make_evaluator(files)
    designs = pd.DataFrame([as_shares("Li3PS4"), {"li": 1.0, "p": 0, "s": 0, "cl": 0}])
    found = evaluator.evaluate(designs)
    assert found["failure"].tolist()[0] == ""
    assert "Li is an element" in found["failure"].tolist()[1]
    assert found.drop(columns="failure").iloc[1].isna().all()
    widths = evaluator.half_widths(designs)
    assert widths["log10_conductivity"].gt(0).all()
    assert widths.drop(columns="log10_conductivity").isna().all(axis=None)


def test_a_campaign_suggests_neutral_compositions_that_can_be_weighed(files: EvaluatorFiles, tmp_path: Path) -> None:
    study = as_study()
    sample_table(tmp_path / "sampled.parquet", tmp_path / "failures.json", SamplingSettings.take_from(study), 1, files)
    rows = pd.read_parquet(tmp_path / "sampled.parquet").assign(split="train")
    assert not rows[["li", "p", "s", "cl"]].round(9).duplicated().any()
    write_parquet(tmp_path / "table.parquet", rows)
    names = {"history": "history.parquet", "suggestions": "s.csv", "benchmark": "b.json", "reference_designs": "r.csv"}
    made = CampaignFiles(**{key: tmp_path / name for key, name in names.items()})
    run_campaign(tmp_path / "table.parquet", files, None, [], made, CampaignSettings.take_from(study), 1)
    history = pd.read_parquet(made.history)
    assert len(history) == 2 * 2 * 7  # two starts, with the engine and at random
    for frame in (rows, history):
        shares = frame[["li", "p", "s", "cl"]]
        charge = shares["li"] + 5 * shares["p"] - 2 * shares["s"] - shares["cl"]
        assert np.abs(charge).max() < 1e-6
        assert np.abs(shares.sum(axis=1) - 1).max() < 1e-6
    steps = history[["li", "p", "s", "cl"]] / 0.005
    assert np.abs(steps - steps.round()).max(axis=None) < 1e-6
    known = pd.read_csv(made.reference_designs).set_index("name")
    status = known["status"]
    assert status["chapter's Li6.75P2.75S10.5Cl0.5"] == "rejected: violates charge_neutral by 0.0488"
    assert not status.drop("chapter's Li6.75P2.75S10.5Cl0.5").str.contains("charge_neutral").any()
    assert status["Li6PS5Cl"].startswith("rejected: li is 0.461538, p is 0.0769231, ")
    assert status["Li6PS5Cl"].endswith("off the step of 0.005")
    assert known.loc["Li6PS5Cl", "e_lithium"] == pytest.approx(-0.96, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objectives__1__name": "v_oxydation"}, "'v_oxydation' is not an outcome of the evaluator 'electrolyte'"),
        ({"objectives__1__unit": "mV"}, "'v_oxidation' is computed in V, not in mV; write unit: V"),
        ({"campaign__evaluator__threshold": None}, "'probability_beyond' needs the value beyond which it counts"),
        ({ELEMENTS: {"li": "Li", "p": "P", "s": "S"}}, "elements: 'cl' has no element"),
        ({ELEMENTS: {"li": "Li", "p": "P", "s": "S", "cl": "Cl", "br": "Br"}}, "'br' is not a feature"),
        ({ELEMENTS: {"li": "Li", "p": "P", "s": "S", "cl": "S"}}, "'S' is there twice"),
        ({ELEMENTS: {"li": "Li", "p": "P", "s": "S", "cl": "Ci"}}, "there is no element 'Ci'"),
        ({"simplex__total": 100.0}, "shares of the atoms add up to 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_study_of_compositions_is_told(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        as_study(**changes)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model_of": "sodium_iron"}, "there is no study 'sodium_iron'; did you mean 'sodium_ion'?"),
        ({"variant": "composition"}, "'composition' is not a variant of solid_electrolytes_measured"),
    ],
)  # fmt: skip
def test_a_study_whose_model_is_of_no_study_is_refused_and_the_others_are_not(
    given: dict[str, str], words: str, tmp_path: Path
) -> None:
    for name in SHIPPED:
        (tmp_path / f"{name}.yaml").write_bytes((ROOT / f"config/studies/{name}.yaml").read_bytes())
    raw = yaml.safe_load(yaml.safe_dump(RAW))
    raw["campaign"]["evaluator"] |= given
    (tmp_path / f"{NAME}.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    studies, rejected = load_studies(Config(studies_folder=str(tmp_path)))
    assert list(rejected) == [NAME]
    assert words in str(rejected[NAME])
    assert "solid_electrolytes_measured" in studies


def test_a_model_that_takes_more_than_formulas_is_refused(files: EvaluatorFiles, tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="no model of log10_conductivity for the variant other"):
        make_evaluator(files, campaign__evaluator__variant="other")
    with pytest.raises(ValueError, match="needs a model and a table of phases"):
        make_evaluator(EvaluatorFiles(files.model))
