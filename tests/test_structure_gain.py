"""What models gain by structures: found for rows, compared by the same folds, and judged by the interval."""

import json
import zipfile
from pathlib import Path

import assumes_torch  # noqa: F401 - skips the file without PyTorch
import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLES
from test_site_graphs import ROCK_SALT, sum_up
from test_structures import LITHIUM, OXYGEN, write_cif

from batterymi.config.models import Surrogate
from batterymi.config.parts import Feature, Objective
from batterymi.config.slices.structures import GainSettings, ReadingSettings, StructureSettings
from batterymi.config.sources import Table
from batterymi.config.structures import Structures
from batterymi.data.structure_archive import find_structures, read_archive
from batterymi.errors import DamagedFileError, TableError
from batterymi.features.graph_files import read_graphs, write_graphs
from batterymi.features.site_graphs import make_site_graph
from batterymi.files import read_frame, read_json, write_csv, write_parquet
from batterymi.stages.compare_structures import compare_structures
from batterymi.stages.gather_structures import gather_structures
from batterymi.stages.read_structures import read_structures
from batterymi.surrogates.feature_gain import decide_gain, score_candidates
from batterymi.surrogates.problem import Inputs, make_problem
from batterymi.surrogates.structure_gain import (
    AVERAGE,
    CANDIDATES,
    FLAGS,
    NECKS,
    NETWORK,
    OCCUPANCY,
    SHUFFLED,
    KnownStructures,
    extend_problem,
)

WANTED = Structures.model_validate({"archive": "all.zip", "columns": {"cell_content": "content"}})
TARGET = Objective(name="y", label="y", unit="1", goal="maximise")
FEATURE = Feature(name="a", label="a", unit="Å")
SETTINGS = {
    "table": Table.model_validate({"dataset": {"name": "obelix"}, "group": "paper"}),
    "features": (FEATURE,),
    "descriptors": (),
    "objectives": (TARGET,),
    "surrogate": Surrogate(models=("dummy", "ridge", "blend"), folds=3, blend=("ridge", "extra_trees"), trees=10),
    "seed": 1,
}


def make_table(n: int = 12) -> pd.DataFrame:
    """Rows of the hexagonal cell of `write_cif`: the first eight have files, two are like them, others are not."""
    rows = pd.DataFrame({"line": range(1, n + 1), "id": [f"r{number}" for number in range(n)], "split": "train"})
    rows = rows.assign(content="Li0.5O1", space_group=143, a=4.0, b=4.0, c=10.0, alpha=90.0, beta=90.0, gamma=120.0)
    rows.loc[8:, "content"] = "Li0.4S1"
    rows.loc[10:, "c"] = 12.0
    return rows.assign(y=np.arange(n) / 3, paper=[f"p{number // 2}" for number in range(n)])


def make_archive(folder: Path, *, bad: bool = False) -> Path:
    """Write CIF files of eight rows, and of one that no table has; one may be bad."""
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for number in range(8):
            lithium = ("Li1", "Li", "0", "0", "0", f"{0.3 + number / 20:.2f}")
            wrong = bad and number == 2
            sites = (("Xx1", "Xx", *"0001"), OXYGEN) if wrong else (lithium, OXYGEN)
            archive.write(write_cif(folder / "one.cif", *sites), f"deep/r{number}.cif")
        archive.write(write_cif(folder / "one.cif", LITHIUM, OXYGEN), "r77.cif")
    return folder / "all.zip"


def test_rows_have_their_file_or_an_analogue_and_bad_files_are_named(tmp_path: Path) -> None:
    found = find_structures(make_table(), make_archive(tmp_path, bad=True), WANTED)
    sources = found.rows.set_index("line")["source"].to_dict()
    # the row of the bad file looks like the others, and so has an analogue
    expected = ["file"] * 8 + ["analogue"] * 2 + ["none"] * 2
    expected[2] = "analogue"
    assert sources == dict(zip(range(1, 13), expected, strict=True))
    assert found.faults == [
        "all.zip: deep/r2.cif: the label 'Xx1' is no element; write its symbol, or leave the site out"
    ]
    analogues = found.rows[found.rows["source"] == "analogue"].set_index("line")
    assert analogues["template"].isin(range(1, 9)).all()
    assert analogues.loc[9, "deviation"] < 0.01
    assert set(found.records) == {*range(1, 11)}


def test_an_archive_that_is_none_and_a_missing_column_are_named(tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_text("hello")
    with pytest.raises(TableError, match=r"all\.zip: cannot be read as a zip file"):
        list(read_archive(tmp_path / "all.zip", {"r1"}))
    with pytest.raises(TableError, match=r"none\.zip: there is no such file"):
        list(read_archive(tmp_path / "none.zip", {"r1"}))
    with pytest.raises(TableError, match="the table has no column 'content'"):
        find_structures(make_table().drop(columns="content"), tmp_path / "all.zip", WANTED)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batterymi.data.structure_archive.LARGEST", 100)
    read = dict(read_archive(make_archive(tmp_path), {"r1"}))
    assert str(read["r1"]).startswith("all.zip: deep/r1.cif: ")
    assert str(read["r1"]).endswith("bytes; a CIF file of a crystal has at most 100")


def test_the_sample_holds_five_structures_and_one_bad_file() -> None:
    read = dict(read_archive(SAMPLES / "obelix" / "all_cifs.zip", {f"made-up-{number}" for number in range(9)}))
    assert sorted(name for name, record in read.items() if isinstance(record, str)) == ["made-up-4"]
    assert len(read) == 6


def test_graphs_come_back_and_other_files_are_refused(tmp_path: Path) -> None:
    graphs = {7: make_site_graph(ROCK_SALT), 3: make_site_graph(ROCK_SALT, merges=False)}
    write_graphs(tmp_path / "g.npz", graphs)
    back = read_graphs(tmp_path / "g.npz")
    assert sorted(back) == [3, 7]
    for line, graph in graphs.items():
        np.testing.assert_array_equal(sum_up(back[line]), sum_up(graph))
        np.testing.assert_array_equal(back[line].neighbour, graph.neighbour)
    (tmp_path / "bad.npz").write_bytes(b"PK no")
    with pytest.raises(DamagedFileError, match=r"bad\.npz: no graphs of sites"):
        read_graphs(tmp_path / "bad.npz")


def test_each_candidate_has_its_own_columns_and_the_shuffled_ones_are_of_other_rows(tmp_path: Path) -> None:
    rows = make_table()
    found = find_structures(rows, make_archive(tmp_path), WANTED)
    from batterymi.features.bottlenecks import DESCRIPTIONS as NARROW
    from batterymi.features.bottlenecks import describe_bottlenecks
    from batterymi.features.occupancy import DESCRIPTIONS, describe_occupancy

    described = pd.DataFrame(
        {line: describe_occupancy(one) | describe_bottlenecks(one) for line, one in found.records.items()}
    ).T
    known = KnownStructures(
        found.rows.set_index("line").join(described), {n: make_site_graph(r) for n, r in found.records.items()}
    )
    problem = make_problem(rows, {}, "all", Inputs((FEATURE,)), TARGET, SETTINGS["table"])  # type: ignore[arg-type]
    frames = {name: extend_problem(problem, known, name, 0).frame for name in CANDIDATES if name != AVERAGE}
    occupancy, shuffled = (
        frames[name][[f"occupancy: {one}" for one in DESCRIPTIONS]].to_numpy() for name in (OCCUPANCY, SHUFFLED)
    )
    assert np.isfinite(occupancy).all()
    np.testing.assert_allclose(occupancy[10:], np.tile(occupancy[:10].mean(axis=0), (2, 1)))
    assert not np.array_equal(occupancy[:10], shuffled[:10])
    np.testing.assert_allclose(np.sort(occupancy[:10], axis=0), np.sort(shuffled[:10], axis=0))
    assert frames[FLAGS].iloc[:, 1:].sum().tolist() == [8, 2]
    assert [name for name in frames[NECKS] if name != "a"] == [f"bottleneck: {one}" for one in NARROW]
    assert frames[NECKS].notna().all(axis=None)
    assert frames[NETWORK].iloc[:, 1].notna().sum() == 10
    assert frames["blend"].columns.tolist() == ["a"]


def predictions_of(errors: dict[str, float], n: int = 40) -> list[pd.DataFrame]:
    """Return two partitions in which candidates err by so much."""
    chance = np.random.default_rng(0)
    observed = chance.normal(size=n)
    frame = pd.DataFrame({"line": range(n), "group": [str(row // 2) for row in range(n)], "observed": observed})
    signs = np.where(np.arange(n) % 3, 1, -1)
    return [
        frame.assign(**{name: observed + signs * (errors.get(name, 1.0) + 0.01 * part) for name in CANDIDATES})
        for part in range(2)
    ]


def test_gains_are_those_that_were_put_in_and_the_verdict_follows_the_interval() -> None:
    scores = score_candidates(predictions_of({AVERAGE: 0.7, SHUFFLED: 1.2}), CANDIDATES, 3, 200, 0).set_index(
        "candidate"
    )
    assert scores.loc["blend", "mae"] == pytest.approx(1.005)
    assert scores.loc[AVERAGE, "gain"] == pytest.approx(0.3)
    assert scores["verdict"].to_dict() == {
        "blend": "",
        OCCUPANCY: "no gain shown",
        FLAGS: "no gain shown",
        SHUFFLED: "loss shown",
        NECKS: "no gain shown",
        NETWORK: "no gain shown",
        AVERAGE: "gain shown",
    }
    assert decide_gain(-0.01, 0.2) == "no gain shown"


def test_the_stages_read_compare_and_gather(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batterymi.surrogates.families.graph_net.LEAST_STEPS", 1)
    monkeypatch.setattr("batterymi.surrogates.families.graph_net.EPOCHS", 2)
    hidden = make_table(14).iloc[12:].assign(split="test", content="not a formula")
    write_parquet(tmp_path / "table.parquet", pd.concat([make_table(), hidden], ignore_index=True))
    make_archive(tmp_path)
    files = {name: tmp_path / name for name in ("graphs.npz", "rows.csv", "found.json")}
    settings = ReadingSettings(structures=WANTED)
    read_structures(tmp_path / "table.parquet", tmp_path / "receipt.json", *files.values(), settings)
    report = read_json(files["found.json"])
    assert report["rows"] == 12  # the official test stays closed
    assert report["sources"] == {"file": 8, "analogue": 2, "none": 2}
    chosen = StructureSettings.model_validate(SETTINGS)
    parts, times = [], []
    for partition in ("1", "2", "1"):
        target = tmp_path / f"{len(parts)}.parquet", tmp_path / f"{len(parts)}.json"
        compare_structures(
            tmp_path / "table.parquet", files["graphs.npz"], files["rows.csv"], *target, partition, chosen
        )
        parts.append(target[0])
        times.append(target[1])
    first, second, again = (read_frame(path) for path in parts)
    pd.testing.assert_frame_equal(first, again)
    assert not np.allclose(first[NETWORK], second[NETWORK])
    np.testing.assert_allclose(first[AVERAGE], first[["blend", OCCUPANCY, NETWORK]].mean(axis=1))
    judged = GainSettings.model_validate({name: SETTINGS[name] for name in GainSettings.model_fields})
    out = tmp_path / "gains.csv", tmp_path / "report.json"
    gather_structures(parts[:2], times[:2], files["found.json"], *out, judged)
    assert pd.read_csv(out[0])["candidate"].tolist() == list(CANDIDATES)
    assert set(json.loads(out[1].read_text())["cpu_seconds"]) == set(CANDIDATES) - {AVERAGE}
    write_parquet(parts[1], second.iloc[::-1])
    with pytest.raises(DamagedFileError, match=r"1\.parquet: its rows are not those of 0\.parquet"):
        gather_structures(parts[:2], times[:2], files["found.json"], *out, judged)
    write_csv(files["rows.csv"], pd.DataFrame({"line": [1]}))
    with pytest.raises(DamagedFileError, match="lacks"):
        compare_structures(tmp_path / "table.parquet", files["graphs.npz"], files["rows.csv"], *target, "1", chosen)
