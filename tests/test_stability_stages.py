"""The stages of stability: phases, shards, the comparison with published windows, and the command `assess`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import MIRROR, ROOT, SAMPLES
from phase_sample import read_phases

from batterymi.cli.main import main
from batterymi.config.load import load_datasets
from batterymi.config.screen import Screen
from batterymi.config.slices.data import CitationSettings
from batterymi.config.slices.screening import ListingSettings
from batterymi.config.slices.stability import AssessmentSettings, ComparisonSettings
from batterymi.data.fetch import fetch_files
from batterymi.data.loaders.mp_compositions import FORMATION, load_formation_energies
from batterymi.errors import TableError
from batterymi.features.formulas import parse_formula
from batterymi.files import write_json, write_parquet
from batterymi.stability.assess import Assessor, Depth
from batterymi.stability.phases import BOTH, CRITEXAM, MATBENCH, PhaseTable
from batterymi.stability.published import compare_windows, load_windows, load_works, summarise_errors
from batterymi.stability.shards import deal_systems, name_systems
from batterymi.stages.assess_stability import assess_stability
from batterymi.stages.gather_stability import gather_stability
from batterymi.stages.list_candidates import list_candidates
from batterymi.stages.list_phases import list_phases
from batterymi.stages.plot_stability import plot_stability
from batterymi.stages.refine_stability import refine_stability
from batterymi.vocabulary.stability import STABILITY_COLUMNS

SETTINGS = {"first_gates": ["e_decomposition < 0.05"], "draws": 3, "noise_ev_atom": 0.01, "seed": 0}
ASSESSMENT, COMPARISON = AssessmentSettings.model_validate(SETTINGS), ComparisonSettings.model_validate(SETTINGS)
CATALOGUE = load_datasets(ROOT / "config" / "datasets.yaml")
mirrored = pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets beside the project")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of formation energies of the mirror, and an empty receipt."""
    folder = tmp_path_factory.mktemp("raw")
    files = CATALOGUE["mp_compositions"].files
    fetch_files(folder, "mp_compositions", {name: files[name] for name in FORMATION}, str(MIRROR))
    return folder


@pytest.fixture(scope="module")
def mirror_phases(raw: Path) -> pd.DataFrame:
    """All phases of the elements of electrolytes with a published window."""
    elements = {symbol for formula in load_windows()["formula"] for symbol in parse_formula(formula)}
    return load_formation_energies(raw, frozenset(elements))


def run_shards(folder: Path, formulas: pd.DataFrame, n_shards: int) -> tuple[list[Path], Path, Path]:
    """Assess formulas of the sample in shards."""
    phases, listing = folder / "phases.parquet", folder / "listing.json"
    write_parquet(phases, read_phases())
    write_json(listing, {"formulas": len(formulas), "phases": len(read_phases())})
    shard_of, done = deal_systems(formulas["system"], n_shards), []
    for number in range(n_shards):
        shard, assessed = folder / f"{number}.parquet", folder / f"assessed-{number}.parquet"
        write_parquet(shard, formulas[shard_of == number].sort_values(["system", "formula"]))
        refined = folder / f"refined-{number}.parquet"
        assess_stability(phases, shard, assessed)
        refine_stability(phases, assessed, refined, ASSESSMENT)
        done.append(refined)
    return done, phases, listing


@pytest.fixture
def formulas() -> pd.DataFrame:
    """Some formulas of the sample, one that the sample does not know, and one with an unknown element."""
    listed = ["Li6PS5Cl", "Li3PS4", "Li2S", "LiCl", "Li3PO4", "Li7P3S11", "Li7La3Zr2O12", "Li5P2S7Cl", "LiXe", "Li3P"]
    return pd.DataFrame({"formula": listed, "system": name_systems(listed)})


def test_the_number_of_shards_changes_no_byte(
    formulas: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batterymi.stages.gather_stability.compare_windows", compare_those_of_the_sample)
    results = []
    for n_shards in (1, 3):
        folder = tmp_path / str(n_shards)
        shards, phases, listing = run_shards(folder, formulas, n_shards)
        outputs = [folder / name for name in ("all.parquet", "known.csv", "report.json")]
        gather_stability(shards, phases, listing, *outputs, COMPARISON)
        results.append([path.read_bytes() for path in outputs])
    assert results[0] == results[1]
    rows = pd.read_parquet(tmp_path / "3" / "all.parquet").set_index("formula")
    assert list(rows.index) == sorted(formulas["formula"])
    assert "no phase with Xe" in rows.loc["LiXe", "problem"]
    # Li6PS5Cl lies 83 meV/atom above the hull, so that it does not pass the gate
    assert not rows.loc["Li6PS5Cl", "in_full"]
    assert np.isnan(rows.loc["Li6PS5Cl", "sd_reduction"])
    assert np.isfinite(rows.loc["Li6PS5Cl", "e_water"])  # every formula has this one
    assert np.isnan(rows.loc["Li6PS5Cl", "e_linio2"])
    assert rows.loc["Li3PS4", "in_full"]
    assert rows.loc["Li3PS4", "sd_reduction"] > 0
    assert not rows.loc["Li5P2S7Cl", "in_full"]  # whose distance from the hull is unknown
    report = json.loads((tmp_path / "1" / "report.json").read_text())
    assert report["assessed"]["formulas"] == len(formulas)
    assert report["assessed"]["not_computed"] == 1
    assert report["assessed"]["stable_against_lithium"] == 3  # Li2S, LiCl, Li3P
    assert set(report["errors_against_published"]) == {MATBENCH, CRITEXAM, BOTH}
    svg, png = tmp_path / "windows.svg", tmp_path / "windows.png"
    plot_stability(tmp_path / "1" / "known.csv", svg, png)
    assert "Li₃PS₄" in svg.read_text(encoding="utf-8")
    assert png.stat().st_size > 10_000


def compare_those_of_the_sample(assessor: Assessor, *depth: Depth) -> pd.DataFrame:
    """The comparison, of some electrolytes whose elements the sample knows."""
    known = load_windows()
    held = known["formula"].isin(["Li3PS4", "Li6PS5Cl", "LiCl", "Li7La3Zr2O12", "Li3YCl6"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batterymi.stability.published.load_windows", lambda: known[held].reset_index(drop=True))
        return compare_windows(assessor, *depth)


def test_shards_of_an_earlier_list_are_refused(formulas: pd.DataFrame, tmp_path: Path) -> None:
    shards, phases, listing = run_shards(tmp_path, formulas, 2)
    with pytest.raises(TableError, match=r"the shards hold \d formulas, 10 were listed; run them again"):
        gather_stability(shards[:1], phases, listing, tmp_path / "a", tmp_path / "b", tmp_path / "c", COMPARISON)


def test_a_system_lies_in_one_shard_and_shards_are_alike(formulas: pd.DataFrame) -> None:
    systems = pd.Series([f"system {number % 7}" for number in range(70)])
    shard_of = deal_systems(systems, 3)
    assert pd.DataFrame({"system": systems, "shard": shard_of}).groupby("system")["shard"].nunique().max() == 1
    assert np.bincount(shard_of).tolist() == [30, 20, 20]


def test_phases_and_formulas_are_listed_from_the_data_set(tmp_path: Path) -> None:
    receipt = SAMPLES / "mp_compositions" / "receipt.json"
    shards = [tmp_path / f"{number}.parquet" for number in range(2)]
    cited = CitationSettings(datasets={"mp_compositions": CATALOGUE["mp_compositions"]})
    outputs = (tmp_path / "phases.parquet", shards, tmp_path / "listing.json", tmp_path / "CITATIONS.md")
    list_phases(receipt, *outputs, cited)
    assert "Dunn, Wang, Ganose, Dopp, Jain" in outputs[-1].read_text()
    assert outputs[-1].read_text().count("Licence:") == 1
    phases = pd.read_parquet(tmp_path / "phases.parquet")
    # six formulas of the sample are in Matbench's table, and all in CritExam's
    assert phases["e_form"].notna().sum() == 6
    assert phases["e_form_critexam"].notna().all()
    assert phases.loc[phases["formula"] == "LiPO2", "system"].item() == "Li-O-P"
    listed = pd.concat([pd.read_parquet(path) for path in shards])
    assert json.loads((tmp_path / "listing.json").read_text())["formulas"] == len(listed)
    assert not listed["formula"].str.contains("BeO").any()


def test_every_published_window_names_a_work_and_whether_it_was_read_there() -> None:
    windows, works = load_windows(), load_works().set_index("id")
    assert len(windows) == 28
    assert set(windows["source"]) <= set(works.index)
    assert windows["checked"].dtype == bool
    assert not windows["checked"].any()  # set it for a row once its value was read in the article
    assert windows["formula"].is_unique


@mirrored
def test_windows_are_within_the_goals_of_published_ones_with_the_default_table_alone(
    mirror_phases: pd.DataFrame,
) -> None:
    errors = {
        source: summarise_errors(compare_windows(Assessor(PhaseTable(mirror_phases, source))))
        for source in (MATBENCH, BOTH)
    }
    default, both = errors[MATBENCH], errors[BOTH]
    assert [default[name]["n"] for name in ("v_reduction", "v_oxidation", "e_lithium")] == [21, 28, 20]
    assert default["v_reduction"]["mae"] <= 0.02
    assert default["v_oxidation"]["mae"] <= 0.05
    assert default["e_lithium"]["mae"] <= 0.010
    # with hypothetical phases, oxidation edges go wrong
    assert both["v_oxidation"]["mae"] > 2 * default["v_oxidation"]["mae"]


@mirrored
def test_windows_on_critexam_are_those_that_pymatgen_found_there_and_the_default_table_gives_others(
    mirror_phases: pd.DataFrame,
) -> None:
    reference = pd.read_csv(MIRROR / "mp_esw_from_hull" / "esw_525.csv")
    names = reference["composition"].str.removeprefix("ref:")
    known = {"Li", *mirror_phases["system"].str.split("-").explode()}
    kept = [set(parse_formula(name)) <= known for name in names]
    reference, names = reference[kept].iloc[::4], names[kept].iloc[::4]
    assert len(reference) > 60
    far = {}
    for source in (CRITEXAM, MATBENCH):
        assessor = Assessor(PhaseTable(mirror_phases, source))
        found = [assessor.assess(parse_formula(name), Depth((), edges=False)) for name in names]
        edges = np.array([[one.reduction.volts, one.oxidation.volts] for one in found])
        far[source] = np.abs(edges - reference[["v_red", "v_ox"]].to_numpy(float))
        if source == CRITEXAM:
            # there, the reaction is that of the equilibrium, without what a metastable compound gives off by itself
            metal = [
                one.lithium.energy + max(one.e_decomposition, 0.0) if one.e_form < 0 else one.lithium.energy
                for one in found
            ]
            assert np.abs(np.array(metal) - reference["li_reaction_ev_per_atom"]).max() < 1e-3
    assert far[CRITEXAM].max() < 1e-3
    assert far[MATBENCH].max() > 0.1


def test_gates_of_a_screen_use_stability_and_what_was_not_computed_is_unknown(tmp_path: Path) -> None:
    gates = [{"label": "not reduced", "expression": "v_reduction < 0.5"}]
    content = {"source": {"name": "mp_compositions"}, "variant": "composition_only", "gates": gates}
    screen = Screen.model_validate(content)
    assert screen.needs_stability
    assert not screen.slow_columns
    slow = Screen.model_validate(content | {"gates": [gates[0] | {"expression": "sd_reduction < 0.1"}]})
    assert slow.slow_columns == ("sd_reduction",)
    assert not Screen.model_validate(content | {"gates": []}).needs_stability
    file = {"name": "file", "file": "a.csv"}
    assert not Screen.model_validate(content | {"source": file}).needs_stability  # a column of the user's own
    with pytest.raises(ValueError, match="there is no 'v_reductoin'; did you mean"):
        Screen.model_validate(content | {"gates": [gates[0] | {"expression": "v_reductoin < 1"}]})
    known = pd.DataFrame({"formula": ["LiPO2"], **{name: [0.25] for name in STABILITY_COLUMNS}})
    write_parquet(tmp_path / "assessed.parquet", known)
    shard, receipt = tmp_path / "shard.parquet", SAMPLES / "mp_compositions" / "receipt.json"
    settings = ListingSettings(screen=screen, screened_features=())
    list_candidates(receipt, [shard], tmp_path / "listing.json", settings, stability=[tmp_path / "assessed.parquet"])
    listed = pd.read_parquet(shard).set_index("formula")["v_reduction"]
    assert listed["LiPO2"] == 0.25
    assert listed.drop("LiPO2").isna().all()
    assert len(listed) == 20


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration and the phases of the sample."""
    (tmp_path / "config/studies").mkdir(parents=True)
    (tmp_path / "config/config.yaml").write_text("studies: all\n")
    write_parquet(tmp_path / "results/stability/phases.parquet", read_phases())
    monkeypatch.chdir(tmp_path)
    return tmp_path


Capture = pytest.CaptureFixture[str]


def test_assess_shows_every_number_of_a_formula_with_what_it_rests_on(project: Path, capsys: Capture) -> None:
    assert main(["assess", "Li6PS5Cl", "--draws"]) == 0
    shown = capsys.readouterr().out
    for part in (
        "0.083 eV/atom above Li3PS4 + Li2S + LiCl",
        "reduction edge   1.72 ± 0.",
        "V without it; beyond it Li3PS4 + Li2S + LiCl + P",
        "with Li metal    -0.960 eV/atom to Li2S + Li3P + LiCl",
        "with LiCoO2      -0.364 eV/atom to Li3PO4",
        "with LiNiO2      unknown: the table has no energies of its elements",
        "0 K",
    ):
        assert part in shown


def test_assess_takes_a_file_and_says_what_is_wrong_with_which_row(project: Path, capsys: Capture) -> None:
    rows = ["name,formula", "a,Li6PS5Cl", "b,Li6.75P2.75S10.5Cl0.5", "c,Li0.33La0.56TiO3", "d,LLZO", "e,LiXe", "f,LiY"]
    (project / "mine.csv").write_text("\n".join(rows) + "\n")
    assert main(["assess", "mine.csv", "--csv", "out.csv"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("2 of 6 rows computed; wrote out.csv")
    told, *problems = captured.err.splitlines()
    assert told.startswith(
        "conductivity: unknown until there is a model, which `snakemake solid_electrolytes_measured` makes"
    )
    assert [line.split(":")[:2] for line in problems] == [["mine.csv", f" row {row}"] for row in (3, 5, 6, 7)]
    for line, part in zip(
        problems, ["-1 is left over", "write a formula", "no phase with Xe", "no competing phase"], strict=True
    ):
        assert part in line
    written = pd.read_csv(project / "out.csv")
    assert written["formula"].tolist() == [row.split(",")[1] for row in rows[1:]]
    assert written["problem"].notna().tolist() == [False, True, False, True, True, True]
    assert "0.33 -> 0.3275" in written["note"][2]
    assert main(["assess", "mine.csv"]) == 1
    assert "Li6PS5Cl" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("prepare", "arguments", "message"),
    [
        (lambda folder: None, ["Li9Al4"], "'Li9Al4': no phase with Al has an energy"),
        (lambda folder: None, ["Li6PS5Cl2"], "its charges do not balance: -1 is left over"),
        (lambda folder: None, ["none.csv"], "none.csv"),
        (lambda folder: (folder / "a.csv").write_text("x,y\n1,2\n"), ["a.csv"], "which column holds the formulas"),
        (
            lambda folder: (folder / "a.csv").write_text("x,y\n1,2\n"),
            ["a.csv", "--column", "z"],
            "there is no column 'z'; found: x, y",
        ),
        (lambda folder: (folder / "a.csv").touch(), ["LiCl", "--csv", "a.csv"], "exists already"),
        (
            lambda folder: (folder / "results/stability/phases.parquet").unlink(),
            ["LiCl"],
            "make it, in less than a minute: snakemake --cores 1",
        ),
    ],
)
def test_mistakes_of_assess_get_one_clear_line(
    prepare: Callable[[Path], object], arguments: list[str], message: str, project: Path, capsys: Capture
) -> None:
    prepare(project)
    assert main(["assess", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
