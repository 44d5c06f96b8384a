"""Hull distances by a potential: references, error, gates that are refused, and a run without the potential."""

import importlib.util
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from phase_sample import make_assessor, read_phases
from test_site_graphs import ROCK_SALT, make_sites
from test_stability_stages import project  # noqa: F401 - a fixture

from batterymi.cli.main import main
from batterymi.config.load import load_datasets
from batterymi.config.run import HullEstimates
from batterymi.config.slices.stability import CalibrationSettings, EstimateSettings
from batterymi.config.structures import Structures
from batterymi.data.loaders.mp_structures import DATED, SMALL, UNDATED, load_structures
from batterymi.errors import TableError
from batterymi.features.formulas import parse_formula
from batterymi.features.structures import StructureError
from batterymi.files import read_json, write_json, write_parquet
from batterymi.stability.element_references import References, fit_references
from batterymi.stability.hull_error import REFUSED, answer_gates, describe_gates, measure_error
from batterymi.stability.hull_estimate import Estimator, build_structure, estimate_records, summarise_estimates
from batterymi.stability.phases import StabilityError
from batterymi.stability.potential import INSTALL, Relaxed, open_potential
from batterymi.stages.estimate_hull_distances import estimate_hull_distances
from batterymi.stages.fit_element_references import CalibrationFiles, fit_element_references
from batterymi.stages.gather_hull_distances import gather_hull_distances

ATOMS = {"Li": -1.9, "O": -4.5, "P": -5.4, "S": -4.1, "Cl": -1.8, "F": -1.6, "La": -4.9, "Zr": -8.5, "Co": -7.1}
WELL_KNOWN = set(ATOMS) - {"F", "La"}  # of which the sample has many compounds
TRUE = References(ATOMS, dict.fromkeys(ATOMS, 9))
LITHIUM_CHLORIDE = make_sites(4.1 * np.eye(3), ((0, 0, 0), {"Li": 1}), ((0.5, 0.5, 0.5), {"Cl": 1}))


def energy_of(formula: str, formation: float) -> float:
    """Return the energy that a potential without error gives, in eV/atom."""
    amounts = parse_formula(formula)
    return formation + sum(amount * ATOMS[symbol] for symbol, amount in amounts.items()) / sum(amounts.values())


class Fake:
    """A potential that knows the table, but for an error that it makes of every structure."""

    name, trained_until = "fake", 2022

    def __init__(self, error: float = 0.0, strain: float = 0.0, *, converges: bool = True) -> None:
        """Choose what it does wrong."""
        self.error, self.strain, self.converges = error, strain, converges

    def compute_energies(self, structures: Sequence[Any]) -> np.ndarray:
        """Return the energy of each, in eV/atom."""
        table = read_phases().set_index("formula")["e_form"]
        names = [structure.composition.reduced_formula for structure in structures]
        return np.array([energy_of(name, table[name]) + self.error for name in names])

    def relax(self, structure: Any, steps: int) -> Relaxed:
        """Return the same energy, and the change of volume that was chosen."""
        return Relaxed(float(self.compute_energies([structure])[0]), self.strain, self.converges)


def calibration(error: float, year: float = np.nan, seed: int = 0) -> pd.DataFrame:
    """Phases of the sample with energies of a potential that errs by so much, sd in eV/atom."""
    phases = read_phases()
    phases = phases[
        phases["e_form"].notna() & phases["formula"].map(lambda text: set(parse_formula(text)) <= WELL_KNOWN)
    ]
    noise = np.random.default_rng(seed).normal(0, error, len(phases)) if error else np.zeros(len(phases))
    rng = np.random.default_rng(seed + 1)
    energies = [energy_of(text, value) for text, value in zip(phases["formula"], phases["e_form"], strict=True)]
    return phases[["formula", "system", "e_form"]].assign(
        year=year, energy=np.array(energies) + noise, e_decomposition=rng.uniform(-0.1, 0.1, len(phases))
    )


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from(sorted(WELL_KNOWN)), st.floats(-9, -1), min_size=len(WELL_KNOWN)))
def test_references_are_the_energies_that_the_elements_were_given(atoms: dict[str, float]) -> None:
    known = calibration(0.0)
    compositions = [parse_formula(text) for text in known["formula"]]
    shift = [sum(n * atoms[s] for s, n in one.items()) / sum(one.values()) for one in compositions]
    found = fit_references(compositions, known["e_form"].to_numpy() + np.array(shift), known["e_form"].to_numpy())
    for formula in ("Li3PS4", "LiCl", "Li2ZrO3"):
        amounts = parse_formula(formula)
        energy = -0.7 + sum(n * atoms[s] for s, n in amounts.items()) / sum(amounts.values())
        assert found.find_formation_energy(amounts, energy) == pytest.approx(-0.7, abs=0.01)


def test_an_element_of_few_structures_is_refused_by_name() -> None:
    rare = References({"Li": -1.9, "Xe": 0.0}, {"Li": 40, "Xe": 4})
    with pytest.raises(StabilityError, match="reference of an element: 4 with Xe; 5 are needed"):
        rare.find_formation_energy({"Li": 1, "Xe": 1}, -1.0)
    with pytest.raises(StabilityError, match="0 with Ti"):
        rare.find_formation_energy({"Li": 1, "Ti": 1}, -1.0)


def test_a_gate_is_refused_unless_it_tells_more_than_the_commoner_answer() -> None:
    good = measure_error(calibration(0.005), [0.0, 0.2], 2022, 3, 0)
    assert good["in_sample"]
    # 0.004 is the mean absolute value of a normal distribution with sd 0.005
    assert good["mae"] == pytest.approx(0.004, abs=0.002)
    low, high = good["mae_95"]
    assert low < good["mae"] < high
    middle, far = good["gates"]
    assert middle["beats_base_rate"]
    assert middle["right"] > 0.9
    # all lie below it, so that the commoner answer is always right
    assert (far["base_rate"], far["beats_base_rate"]) == (1.0, False)
    assert len(describe_gates(good)) == 1
    assert "0.2 eV/atom: right for 100%" in describe_gates(good)[0]
    useless = measure_error(calibration(5.0), [0.0], 2022, 3, 0)["gates"][0]
    assert not useless["beats_base_rate"]


def test_structures_newer_than_the_potential_count_alone_where_there_are_enough() -> None:
    mixed = calibration(0.2).assign(year=2010.0)
    newer = calibration(0.001).assign(year=2024.0)
    found = measure_error(pd.concat([mixed.iloc[:60], newer.iloc[60:]], ignore_index=True), [0.0], 2022, 3, 0)
    # but for those with an element that a fold without their system hardly has
    assert not found["in_sample"]
    assert 30 <= found["n"] == found["n_newer"] <= len(newer) - 60
    few = pd.concat([newer.iloc[:20], mixed.iloc[20:]], ignore_index=True)
    assert measure_error(few, [0.0], 2022, 3, 0)["in_sample"]
    # the year in which training ended is no newer one
    assert measure_error(newer.assign(year=2022.0), [0.0], 2022, 3, 0)["in_sample"]


def test_errors_are_those_of_references_fitted_without_the_chemical_system() -> None:
    known = calibration(0.0)
    odd = known["system"] == "Cl-Li"
    assert odd.any()
    known.loc[odd, "energy"] += 3.0
    found = measure_error(known, [0.0], 2022, 2, 0)
    assert found["mae"] > 2.0 * odd.mean()


def test_a_structure_is_estimated_above_the_other_phases_of_its_composition() -> None:
    estimator = Estimator(Fake(0.03), TRUE, make_assessor(), HullEstimates())
    found = estimator.estimate(LITHIUM_CHLORIDE)
    assert found.formula == "LiCl"
    assert found.e_form == pytest.approx(make_assessor().assess({"Li": 1, "Cl": 1}).e_form + 0.03)
    assert found.e_above_hull == pytest.approx(found.e_decomposition + 0.03)
    still = Estimator(Fake(0.03), TRUE, make_assessor(), HullEstimates(relaxation_steps=0))
    assert still.estimate(LITHIUM_CHLORIDE).e_above_hull == pytest.approx(found.e_above_hull)


@pytest.mark.parametrize(
    ("potential", "record", "message"),
    [
        (Fake(converges=False), LITHIUM_CHLORIDE, "not relaxed after 200 steps"),
        (Fake(strain=-0.3), LITHIUM_CHLORIDE, "its volume changes by -30%"),
        (Fake(), ROCK_SALT, "4 of 8 sites are partly occupied"),
        (Fake(), make_sites(4 * np.eye(3), ((0, 0, 0), {"Li": 1}), ((0.5, 0.5, 0.5), {"Xe": 1})), "no phase with Xe"),
        (Fake(), "all.zip: a.cif: the file is empty", "the file is empty"),
    ],
)
def test_what_cannot_be_estimated_is_unknown_with_a_reason(potential: Fake, record: Any, message: str) -> None:
    estimator = Estimator(potential, TRUE, make_assessor(), HullEstimates())
    rows = estimate_records(
        [("a", "written", record), ("b", "LiCl", LITHIUM_CHLORIDE)], Estimator(**vars(estimator)), lambda done, n: None
    )
    assert message in rows["problem"][0]
    assert np.isnan(rows["e_above_hull_chgnet"][0])


def test_a_cell_that_is_too_large_is_refused_by_its_primitive_cell() -> None:
    larger = make_sites(
        np.diag([4.1, 4.1, 8.2]),
        *(((0, 0, z / 2), {"Li": 1}) for z in range(2)),
        *(((0.5, 0.5, 0.25 + z / 2), {"F": 1}) for z in range(2)),
    )
    assert len(build_structure(larger, 2)) == 2
    with pytest.raises(StructureError, match="2 sites in the primitive cell; at most 1 are computed"):
        build_structure(larger, 1)


def test_answers_are_given_at_gates_that_are_not_refused() -> None:
    error = {
        "mae": 0.02,
        "gates": [{"gate": 0.0, "beats_base_rate": True}, {"gate": 0.05, "beats_base_rate": False}],
    }
    rows = answer_gates(pd.DataFrame({"e_above_hull_chgnet": [-0.01, 0.03, np.nan]}), error)
    assert rows["below_0"].tolist() == ["yes", "no", "unknown"]
    assert rows["below_0.05"].tolist() == [REFUSED, REFUSED, "unknown"]
    assert rows["error_ev_atom"].tolist()[:2] == [0.02, 0.02]


CIF = """data_LiCl
_cell_length_a 4.1
_cell_length_b 4.1
_cell_length_c 4.1
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
_chemical_formula_sum 'Li1 Cl1'
loop_
_symmetry_equiv_pos_as_xyz
'x, y, z'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0 0 0 1
Cl1 Cl 0.5 0.5 0.5 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of few structures, phases, and a study's table and archive."""
    compounds = {"mp-1": "Li1 Cl1", "mp-2": "Li1 F1", "mp-3": "Na1 Cl1", "mp-4": "Li50 Cl50", "mp-5": "Li1 Cl1"}
    rows = [
        {"material_id": name, "formation_energy_per_atom": -3.0 - (name == "mp-5"), "year": 2010}
        | {"cif": CIF.replace("Li1 Cl1", content)}
        for name, content in compounds.items()
    ]
    for name in (*DATED, *UNDATED, SMALL):
        part = pd.DataFrame(rows if name == DATED[0] else rows[:1])
        (part if name in DATED else part.drop(columns="year")).to_csv(tmp_path / name, index=False)
    write_parquet(tmp_path / "phases.parquet", read_phases())
    write_parquet(tmp_path / "table.parquet", pd.DataFrame({"id": ["a", "b", "c"], "content": ["LiCl", "LiCl", "LiF"]}))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("cifs/a.cif", CIF)
        archive.writestr("cifs/b.cif", CIF.replace("0 0 0 1", "0 0 0 0.5"))
    return tmp_path


def run_stages(folder: Path) -> tuple[Any, pd.DataFrame, Any]:
    """Run the three stages; return references, estimates and the report."""
    datasets = load_datasets(ROOT / "config/datasets.yaml")
    cited = {name: datasets[name] for name in ("mp_structures", "mp20_mini")}
    chosen = CalibrationSettings(hull_estimates=HullEstimates(partitions=2), seed=0, datasets=cited)
    made = CalibrationFiles(folder / "references.json", folder / "calibration.csv", folder / "CITATIONS.md")
    receipt = folder / "receipt.json"
    fit_element_references(receipt, receipt, folder / "phases.parquet", made, chosen)
    archive = Structures.model_validate({"archive": "all.zip", "columns": {"cell_content": "content"}})
    settings = EstimateSettings(hull_estimates=HullEstimates(), structures=archive, formula_column="content")
    shards = [folder / f"{place}.csv" for place in (1, 2)]
    for place, path in enumerate(shards, start=1):
        inputs = (folder / "table.parquet", receipt, folder / "phases.parquet", made.references)
        estimate_hull_distances(*inputs, path, settings, f"{place}-of-2")
    gather_hull_distances(shards, made.references, folder / "estimates.csv", folder / "report.json")
    assert "Materials Project" in made.citations.read_text()
    return read_json(made.references), pd.read_csv(folder / "estimates.csv"), read_json(folder / "report.json")


def test_without_the_potential_all_stages_succeed_and_say_why_there_is_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batterymi.stability.potential.find_version", str)
    references, estimates, report = run_stages(folder)
    assert references == {"skipped": INSTALL}
    assert report == {"skipped": INSTALL}
    assert not len(estimates)
    assert "e_above_hull_chgnet" in estimates


def test_with_a_potential_structures_of_all_shards_are_estimated_or_have_a_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stage in ("fit_element_references", "estimate_hull_distances"):
        monkeypatch.setattr(f"batterymi.stages.{stage}.open_potential", Fake)
    known = calibration(0.0).assign(material_id="mp-0")
    monkeypatch.setattr("batterymi.stages.fit_element_references.calibrate", lambda *arguments: known)
    references, estimates, report = run_stages(folder)
    assert references["potential"] == "fake"
    assert estimates["name"].tolist() == ["a", "b"]  # c has no file
    assert estimates["e_above_hull_chgnet"][0] == pytest.approx(estimates["e_decomposition"][0], abs=0.01)
    assert "1 of 2 sites are partly occupied" in estimates["problem"][1]
    assert report["structures"] == 2
    assert report["estimated"] == report["with_entry"]["n"] == 1
    assert json.dumps(report["error"]["gates"])


def test_assess_estimates_a_structure_with_its_error_and_refused_gates(
    project: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (project / "mine.cif").write_text(CIF)
    (project / "partly.cif").write_text(CIF.replace("0 0 0 1", "0 0 0 0.5").replace("0.5 0.5 0.5 1", "0.5 0.5 0.5 0.5"))
    monkeypatch.setattr("batterymi.cli.structure.open_potential", lambda: INSTALL)
    assert main(["assess", "--structure", "mine.cif"]) == 0
    assert f"unknown: {INSTALL}" in capsys.readouterr().out
    monkeypatch.setattr("batterymi.cli.structure.open_potential", Fake)
    # an article's block without atoms comes first, as journals write it
    (project / "mine.cif").write_text(f"data_global\n_journal_year 2020\n{CIF}")
    assert main(["assess", "--structure", "mine.cif"]) == 0
    assert "unknown until there are references of the elements: snakemake --cores 1" in capsys.readouterr().out
    made = project / "results/stability/chgnet/references.json"
    write_json(made, {"skipped": INSTALL})
    assert main(["assess", "--structure", "mine.cif"]) == 0
    assert f"unknown: {INSTALL}; run snakemake hull_distances again" in capsys.readouterr().out
    gates = [
        {"gate": 0.0, "right": 0.8, "base_rate": 0.5, "gain_95": [0.2, 0.4], "beats_base_rate": True},
        {"gate": 0.05, "right": 0.9, "base_rate": 0.88, "gain_95": [-0.01, 0.05], "beats_base_rate": False},
    ]
    error = {"mae": 0.024, "n": 99, "in_sample": True, "gates": gates}
    write_json(made, {"skipped": "", "energies": ATOMS, "counts": TRUE.counts, "error": error, "trained_until": 2022})
    assert main(["assess", "--structure", "mine.cif"]) == 0
    shown = capsys.readouterr().out
    for part in (
        "Li1Cl1",
        "± 0.024 eV/atom (in-sample, mean absolute error of 99)",
        "below 0 eV/atom: yes",
        "not answered, no better than the base rate: below 0.05 eV/atom: right for 90% of 99 known structures",
        "reduction edge   0.00 V",
    ):
        assert part in shown
    assert main(["assess", "--structure", "partly.cif"]) == 0
    assert "unknown: 2 of 2 sites are partly occupied" in capsys.readouterr().out
    for arguments in (["LiCl", "--structure", "mine.cif"], []):
        assert main(["assess", *arguments]) == 1
        assert "give either a formula" in capsys.readouterr().err
    (project / "mine.cif").write_text("nothing")
    assert main(["assess", "--structure", "mine.cif"]) == 1
    assert capsys.readouterr().err.startswith("mine.cif: ")


def test_structures_are_read_once_each_with_the_element_and_no_larger_than_wanted(folder: Path) -> None:
    found = load_structures(folder, folder, "Li", 40)
    assert found["material_id"].tolist() == ["mp-1", "mp-2", "mp-5"]
    assert found["formula"].tolist() == ["Li1Cl1", "Li1F1", "Li1Cl1"]
    assert found["year"].tolist() == [2010] * 3
    (folder / SMALL).unlink()
    with pytest.raises(TableError, match="there is no such file"):
        load_structures(folder, folder, "Li", 40)


def test_differences_from_the_table_are_summed_up() -> None:
    rows = pd.DataFrame(
        {"problem": ["", "", "x"], "e_above_hull_chgnet": [0.1, 0.2, np.nan], "e_decomposition": [0.05, np.nan, np.nan]}
    )
    found = summarise_estimates(rows)
    assert (found["structures"], found["estimated"], found["without_entry"]) == (3, 2, 1)
    assert found["with_entry"]["mae"] == pytest.approx(0.05)


@pytest.mark.skipif(importlib.util.find_spec("chgnet") is None, reason="chgnet is not installed, an extra")
def test_chgnet_gives_rock_salt_its_volume_and_repeats_itself() -> None:
    potential = open_potential()
    assert not isinstance(potential, str)
    structure = build_structure(LITHIUM_CHLORIDE, 10)
    assert potential.compute_energies([structure]).tolist() == potential.compute_energies([structure]).tolist()
    relaxed = potential.relax(structure, 100)
    assert relaxed.converged
    assert relaxed.energy <= potential.compute_energies([structure])[0]
