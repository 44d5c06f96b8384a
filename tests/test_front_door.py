"""Real tables become the right study, or a clear question: nine files, small ones, and others of their kinds.

The files in tests/tables/ are made up, after faults that newcomers met.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tried_studies import TABLES, UNLIMITED, join_rows, new_study

from batterymi.authoring.role import FACTOR, FORMULA, GROUP, IGNORED, OBJECTIVE, VARIABLE
from batterymi.authoring.roles import Wishes
from batterymi.errors import TableError
from batterymi.vocabulary.measured import name_bound_column, name_compound_column, name_error_column

# an export of an instrument


def test_an_export_of_a_furnace_is_read_without_retyping() -> None:
    content = (TABLES / "furnace.csv").read_bytes()
    with new_study(content, changes=(("bounds: [700, 1120]", "bounds: [650, 900]"),)) as found:
        assert [(f.label, f.unit, f.bounds) for f in found.study.features] == [
            ("Temperatur", "°C", (650, 900)),
            ("Haltezeit", "h", (6, 24)),
            ("Li/TM", "1", (1.01, 1.12)),
        ]
        assert [(o.unit, o.goal) for o in found.study.objectives] == [("mAh/g", "maximise")]
        assert len(found.questions) == 1
        assert re.match(r"Temperatur.*line 13: 1120 lies far from all others, 700 to 850", found.questions[0])
        loaded = found.load_rows()
        assert loaded.rows["temperatur_c"].tolist()[:3] == [700, 725, 750]
        assert loaded.rows["li_tm"].tolist()[:3] == [1.02, 1.05, 1.03]
        assert len(loaded.rows) == 12
        assert [fault["line"] for fault in loaded.dropped] == [19, 20]
        said = [line for line in loaded.list_notes() if "1120" in line]
        assert len(said) == 1
        assert all(text in said[0] for text in ("temperatur_c", "line 13", "bounds"))
        designs = found.suggest(4)
        assert len(designs.drop_duplicates(["temperatur_c", "haltezeit_h", "li_tm"])) == 4
        assert designs["temperatur_c"].between(650, 900).all()


EXPORT = [(700, 6, 1.02, 188.3), (725, 10, 1.05, 195.2), (750, 12, 1.03, 198.2), (775, 8, 1.08, 197.4)]
EXPORT += [(800, 14, 1.06, 194.7), (825, 16, 1.04, 193.0), (850, 9, 1.10, 189.2), (760, 24, 1.07, 188.2)]
LANGUAGES = {
    "cp1252": (["Temperatur", "Haltezeit", "Li/TM", "Kapazität"], "Gerät: Ofen"),
    "utf-8": (["Température", "Durée", "Li/TM", "Capacité"], "appareil n° 2"),
    "utf-8-sig": (["Temperature", "Hold time", "Li/TM", "Capacity"], "Furnace 2"),
    "utf-16": (["Temperature", "Hold time", "Li/TM", "Capacity"], "Furnace µ"),
    "shift_jis": (["温度", "時間", "Li/TM", "容量"], "測定器 2"),
    "euc_jp": (["温度", "時間", "Li/TM", "容量"], "測定器 2"),
    "gb18030": (["温度", "时间", "Li/TM", "容量"], "炉 2"),
    "cp949": (["온도", "시간", "Li/TM", "용량"], "장비 2"),
}
FEET = ["Mean", "average", "Std. Dev.", "St.Dev.", "SD", "Median", "Mean ± SD", "MEAN (n=8)", "Max:", "std dev", "RSD"]


@UNLIMITED
@given(
    encoding=st.sampled_from(sorted(LANGUAGES)),
    delimiter=st.sampled_from([";", "\t", ",", "|"]),
    decimal=st.sampled_from([".", ","]),
    n_above=st.integers(0, 4),
    units=st.sampled_from(["row", "(row)", "[row]", "names"]),
    feet=st.lists(st.sampled_from(FEET), unique=True, max_size=3),
    has_margin=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_exports_are_read_alike_however_they_were_saved(
    encoding: str,
    delimiter: str,
    decimal: str,
    n_above: int,
    units: str,
    feet: list[str],
    has_margin: bool,
    newline: str,
) -> None:
    assume(delimiter != decimal)
    names, remark = LANGUAGES[encoding]
    texts = ["°C" if encoding in ("cp1252", "utf-8", "utf-8-sig", "utf-16") else "K", "h", "-", "mAh/g"]
    lines: list[list[str]] = [[f"{remark} {place}"] for place in range(n_above)]
    if units == "names":
        lines.append([f"{name} [{unit}]" if unit != "-" else name for name, unit in zip(names, texts, strict=True)])
    else:
        lines += [names, [units.replace("row", text) for text in texts]]
    lines += [[f"{value:.2f}".replace(".", decimal) for value in row] for row in EXPORT]
    lines += [[""]] if feet else []
    lines += [[foot, "", "", f"{191:.1f}".replace(".", decimal)] for foot in feet]
    margin = [""] if has_margin else []
    text = newline.join(delimiter.join([*margin, *line, *[""] * (4 - len(line))]) for line in lines) + newline
    with new_study(text.encode(encoding)) as found:
        assert list(found.roles.values()) == [FACTOR, FACTOR, FACTOR, OBJECTIVE], found.roles
        assert [f.unit for f in found.study.features] == [texts[0], "h", "1"]
        loaded = found.load_rows()
        columns = [column.name for column in (*found.study.features, *found.study.objectives)]
        np.testing.assert_allclose(loaded.rows[columns].to_numpy(float), np.array(EXPORT))
        assert len(loaded.dropped) == len(feet), "statistics are left out, each with a line"


def test_statistics_of_pandas_are_no_rows_and_levels_called_min_and_max_are() -> None:
    frame = pd.DataFrame({"T (°C)": range(700, 780, 10), "capacity": [1.5, 2, 3, 2.5, 4, 4.2, 3.9, 5]})
    with new_study(pd.concat([frame, frame.describe()]).to_csv()) as found:
        assert len(found.load_rows().rows) == 8
        assert found.study.features[0].bounds == (700, 770)
    rows = [f"{('min', 'max')[i % 2]},{700 + 5 * i},{1.5 + i / 7:.3f}" for i in range(8)]
    with new_study(join_rows("level,temp_c,capacity", rows)) as found:
        assert len(found.load_rows().rows) == 8
        assert found.study.features[0].choices == ("min", "max")


# a notebook


def test_each_cell_of_a_notebook_is_read_or_named_with_what_to_write() -> None:
    wishes = Wishes(objectives=(("Conductivity at 25 °C (S/cm)", ""), ("Density [% of theory]", "")))
    content = (TABLES / "notebook.csv").read_text(encoding="utf-8")
    with new_study(content, wishes=wishes, fill=("Composition",)) as found:
        assert found.roles["Conductivity at 60 °C (S/cm)"] == IGNORED
        faults = found.list_faults()
        assert sorted(faults) == [3, 8, 12]
        assert "found '3.2±0.1e-4'" in faults[3]
        assert "(3.2 ± 0.1)e-4" in faults[3]
        assert "found '0.95'" in faults[8]
        assert "write 95" in faults[8]
        assert "found '0'" in faults[12]
        assert "`<1e-9`" in faults[12]
        loaded = found.load_rows(bad_rows="drop")
        rows = loaded.rows.set_index("line")
        sigma = found.study.objectives[0].name
        assert rows.loc[5, sigma] == pytest.approx(np.log10(5.1e-4))
        assert rows.loc[6, sigma] == pytest.approx(np.log10(4.1e-4))
        assert rows.loc[11, name_bound_column(sigma)] == 1
        assert rows.loc[11, sigma] == pytest.approx(-8)
        assert rows.loc[7, name_error_column(sigma)] == pytest.approx(np.log10(8.3 / 7.9), rel=1e-6)
        assert rows.loc[13, "split"] == "failed"
        assert rows["sinter_t_c"].tolist()[:2] == [1150, 1200]
        assert rows.loc[9, "density_percent_of_theory"] == 96


def test_merged_cells_and_ambiguous_dates_are_questions() -> None:
    with new_study((TABLES / "notebook.csv").read_text(encoding="utf-8")) as found:
        assert found.roles["Date"] == "date"
        asked = [line for line in found.questions if "--fill-down" in line]
        assert [line.split(":")[0] for line in asked] == ["Sample", "Composition"]


# formulas


def test_formulas_in_every_notation_are_compounds() -> None:
    with new_study((TABLES / "electrolytes.csv").read_text(encoding="utf-8")) as found:
        assert found.roles == {"composition": FORMULA, "x": VARIABLE, "sigma_S_cm": OBJECTIVE}
        assert found.study.objectives[0].unit == "log10(S/cm)"
        faults = found.list_faults()
        assert list(faults) == [25]
        assert "Ta0.6O12" in faults[25]
        rows = found.load_rows(bad_rows="drop").rows.set_index("line")
        assert rows.loc[4, "composition"] == "Li6.6La3Zr1.6Ta0.4O12"
        compounds = rows[name_compound_column("composition")]
        for first, second in ((6, 7), (8, 9), (12, 13), (15, 16), (17, 18)):
            assert compounds[first] == compounds[second]
        assert compounds.nunique() == len(compounds) - 5
        assert len(rows) == 23


@pytest.mark.parametrize("column", ["x", "X value", "x (mol)"])
def test_one_formula_with_a_variable_is_a_series_of_compounds(column: str) -> None:
    rows = [f"Li7-xLa3Zr2-xTaxO12,{i / 10},{1e-4 * (i + 1):.2e}" for i in range(8)]
    with new_study(join_rows(f"formula,{column},sigma (S/cm)", rows)) as found:
        assert found.roles["formula"] == FORMULA
        if found.roles[column] == VARIABLE:
            assert found.load_rows().rows["formula"].nunique() == 8


def test_compounds_of_calcium_are_formulas_and_no_rough_numbers() -> None:
    formulas = ["Ca3N2", "Ca9Co(PO4)7", "Ca2Nb3O10", "Ca5P3O13H", "Ca3P2O8", "Ca2SiO4"]
    rows = [f"{formula},{1 + i * 0.37:.2f}" for i, formula in enumerate(formulas)]
    with new_study(join_rows("compound,sigma (S/cm)", rows)) as found:
        assert found.roles["compound"] == FORMULA
        assert found.load_rows().rows["compound"].nunique() == 6


# mixtures, batches, additives


def test_blends_keep_the_rules_that_rows_show() -> None:
    with new_study((TABLES / "electrolyte_blends.csv").read_text()) as found:
        simplex = found.study.simplex
        assert simplex is not None
        assert (len(simplex.features), simplex.total, simplex.step) == (12, 1, 0.01)
        assert (simplex.max_parts, simplex.min_when_used) == (4, 0.05)
        designs = found.suggest(5)[list(simplex.features)].to_numpy(float)
        np.testing.assert_allclose(designs.sum(axis=1), 1, atol=1e-9)
        assert ((designs > 0).sum(axis=1) <= 4).all()
        assert (designs[designs > 0] >= 0.05 - 1e-9).all()
        assert len({tuple(row > 0) for row in designs}) > 1


@UNLIMITED
@given(
    total=st.sampled_from([1, 100]),
    n_parts=st.integers(2, 8),
    header=st.sampled_from(["{}", "{} (%)", "{}_wt_pct", "x_{}"]),
    seed=st.integers(0, 99),
)
def test_columns_that_add_up_are_a_mixture(total: int, n_parts: int, header: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.multinomial(total * (100 if total == 1 else 1), np.full(n_parts, 1 / n_parts), size=9)
    assume((np.ptp(parts, axis=0) > 0).all())
    cells = [",".join(f"{part / (100 if total == 1 else 1):g}" for part in row) for row in parts]
    names = ["EC", "EA", "MA", "DMC", "lfp", "nmc", "SL", "carbon"][:n_parts]
    text = join_rows(
        ",".join(["sample", *map(header.format, names), "capacity_mah_g"]),
        [f"s{place},{row},{150 + place * 1.7:.1f}" for place, row in enumerate(cells)],
    )
    with new_study(text) as found:
        simplex = found.study.simplex
        assert simplex is not None
        assert len(simplex.features) == n_parts
        assert simplex.total == total
        assert len(found.load_rows().rows) == 9


def test_runs_of_a_furnace_are_groups_and_share_what_they_shared() -> None:
    shared = (("mode: experiment", "mode: experiment\n  shared_in_batch: [oven_c, hold_h]"),)
    with new_study((TABLES / "oven_runs.csv").read_text(), changes=shared) as found:
        assert found.roles["run"] == GROUP
        assert found.study.table.group == "run"
        assert any("shared_in_batch: [oven_c, hold_h]" in line for line in found.questions)
        designs = found.suggest(8)
        assert designs[["oven_c", "hold_h"]].drop_duplicates().shape[0] == 1
        names = [feature.name for feature in found.study.features]
        assert len(designs.drop_duplicates(names)) == 8


def test_an_amount_goes_with_its_additive_and_a_step_is_done_in_full() -> None:
    with new_study((TABLES / "additives.csv").read_text()) as found:
        features = {feature.name: feature for feature in found.study.features}
        assert features["additive_pct"].own_ranges == {"FEC": (2, 10), "VC": (1, 3), "LiDFOB": (0.5, 2)}
        assert features["drying_c"].optional_step == features["drying_h"].optional_step != None  # noqa: E711
        assert len(found.load_rows().rows) == 14
        designs = found.suggest(6)
        without = designs["additive"] == "none"
        assert designs.loc[without, "additive_pct"].isna().all()
        for name, (low, high) in features["additive_pct"].own_ranges.items():
            assert designs.loc[designs["additive"] == name, "additive_pct"].between(low, high).all()
        assert (designs["drying_c"].isna() == designs["drying_h"].isna()).all()


@UNLIMITED
@given(
    nothing=st.sampled_from(["none", "None", "without", "no", "pristine"]),
    empty=st.sampled_from(["", "0", "-", "n/a"]),
    skipped=st.sampled_from(["", "-", "n/a"]),
    n_without=st.integers(1, 6),
    n_skipped=st.integers(1, 4),
)
def test_amounts_and_steps_that_do_not_apply_are_no_gaps(
    nothing: str, empty: str, skipped: str, n_without: int, n_skipped: int
) -> None:
    dried = [f"{80 + 20 * (i % 3)},{6 + 6 * (i % 2)}" for i in range(12)]
    dried[-n_skipped:] = [f"{skipped},{skipped}"] * n_skipped
    kinds = [f"{nothing},{empty}"] * n_without + [f"FEC,{2 + i}" if i % 2 else f"VC,{1 + i / 4}" for i in range(12)]
    rows = [f"{kind},{step},{83 + i * 0.37:.2f}" for i, (kind, step) in enumerate(zip(kinds, dried, strict=False))]
    with new_study(join_rows("additive,additive_pct,anneal_T_C,anneal_time_h,ce_pct", rows)) as found:
        assert list(found.roles.values()) == [FACTOR, FACTOR, FACTOR, FACTOR, OBJECTIVE]
        assert len(found.load_rows().rows) == 12
        assert found.study.features[1].used_choices == ("VC", "FEC") or len(set(kinds[:12])) < 4


def test_papers_are_no_batches_and_gaps_of_one_row_no_steps() -> None:
    rows = [
        f"10.1/{i // 3},{700 + 10 * (i // 3)},{i % 4},{i % 2 if i else ''},{i % 5 if i else ''},{150 + i}"
        for i in range(9)
    ]
    with new_study(join_rows("doi,temp_c,time_h,ni,co,capacity_mah_g", rows)) as found:
        assert found.roles["doi"] == GROUP
        assert not found.questions
        assert not any(feature.is_conditional for feature in found.study.features)


@UNLIMITED
@given(numbers=st.lists(st.floats(1e-4, 1e6), min_size=6, max_size=12, unique=True))
def test_all_rows_lie_within_the_bounds_of_a_new_study(numbers: list[float]) -> None:
    rows = [f"{number!r},{150 + place * 1.5}" for place, number in enumerate(numbers)]
    with new_study(join_rows("temp_c,capacity_mah_g", rows)) as found:
        low, high = found.study.features[0].bounds or (np.nan, np.nan)
        assert low <= min(numbers)
        assert max(numbers) <= high
        assert not any("outside" in line for line in found.load_rows().list_notes())


# cyclers


@pytest.mark.parametrize("name", ["cell_a.csv", "cell_b.csv", "cell_c.mpt"])
def test_exports_of_cyclers_are_named_and_never_made_into_a_study(name: str) -> None:
    with (
        pytest.raises(TableError, match=r"looks like a cycler's export.*one row per cell"),
        new_study((TABLES / name).read_bytes(), suffix=Path(name).suffix),
    ):
        pass


def test_impossible_results_are_refused_by_line() -> None:
    rows = ["700,150,99", "750,176000,99.1", "800,155,115", "850,151,98.9", "860,152,98"]
    with new_study(join_rows("temp_c,capacity_mah_g,ce_pct", rows)) as found:
        faults = found.list_faults()
        assert sorted(faults) == [3, 4]
        assert "outside the possible range" in faults[3]
