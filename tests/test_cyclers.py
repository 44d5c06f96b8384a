"""Exports of instruments are named as what they are; tables of samples are never taken for one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.authoring.new_study import guess_study
from batterymi.authoring.roles import Wishes
from batterymi.config.sources import Reading
from batterymi.data.cycler import describe_export
from batterymi.data.export_words import find_kind
from batterymi.errors import TableError

MACCOR = "Rec#,Cyc#,Step,TestTime,StepTime,Amp-hr,Watt-hr,Amps,Volts,State,ES,DPt Time"
ARBIN = (
    "Data_Point,Test_Time(s),Date_Time,Step_Time(s),Step_Index,Cycle_Index,Current(A),Voltage(V),Charge_Capacity(Ah),"
    "Discharge_Capacity(Ah),Charge_Energy(Wh),Discharge_Energy(Wh),dV/dt(V/s),Internal_Resistance(Ohm),Is_FC_Data"
)
NEWARE = "循环序号,工步序号,工步类型,时间,电压(V),电流(mA),容量(mAh)"
LANDT = "Record,TestTime/Sec.,StepTime/Sec.,Voltage/V,Current/mA,Capacity/mAh,SpeCap/mAh/g"
BIOLOGIC = "mode,ox/red,error,Ns changes,time/s,control/V/mA,Ewe/V,<I>/mA,(Q-Qo)/mA.h,half cycle"
GERMAN = "Schritt;Zyklus;Zeit [s];Spannung [V];Strom [A];Kapazität [Ah]".replace(";", ",")
PLAIN = "Time (h),Voltage (V),Current (mA),Capacity (mAh)"
JAPANESE = "サイクル番号,経過時間(s),電圧(V),電流(mA),容量(mAh)"
FRENCH = "Cycle,Temps (s),Tension (V),Courant (A),Capacité (Ah)"
SHORT = "t/s,U/V,I/mA"
WORDS = {"State": ["C", "D"], "工步类型": ["恒流充电", "恒流放电"], "ES": ["133", "1"]}


def make_course(header: str, n: int, n_cycles: int = 2) -> pd.DataFrame:
    """Return what a cycler writes under its names, in the order of time."""
    names, columns = header.split(","), {}
    cycle, within = (np.arange(n) * n_cycles // n) + 1, (np.arange(n) * n_cycles % n) / n
    for name in names:
        kind, low = find_kind(name), name.lower()
        if name in WORDS:
            columns[name] = [WORDS[name][int(part > 0.5)] for part in within]
        elif kind == "voltage":
            columns[name] = [f"{3 + part:.4f}" for part in within]
        elif kind == "current":
            columns[name] = ["0.1500"] * n
        elif "cyc" in low or "zyk" in low or "循环" in low or "サイクル" in low:
            columns[name] = [str(number) for number in cycle]
        elif low.startswith(("step", "schritt")) and kind == "time":
            columns[name] = [f"{3600 * part:.1f}" for part in within]
        elif kind == "time" and "date" in low:
            columns[name] = [f"2026-03-02 08:{place // 60:02d}:{place % 60:02d}" for place in range(n)]
        elif kind == "time" and ("dpt" in low or name == "时间"):
            columns[name] = [f"{place // 60:02d}:{place % 60:02d}:00" for place in range(n)]
        elif kind == "time" or "record" in low or "rec" in low or "point" in low:
            columns[name] = [str(60 * place + 1) for place in range(n)]
        else:
            columns[name] = [f"{part:.5f}" for part in within]
    return pd.DataFrame(columns, dtype=str)


@settings(max_examples=60)
@given(
    header=st.sampled_from([MACCOR, ARBIN, NEWARE, LANDT, BIOLOGIC, GERMAN, PLAIN, JAPANESE, FRENCH, SHORT]),
    n=st.integers(6, 80),
)
def test_exports_of_all_makers_are_known_by_their_columns(header: str, n: int) -> None:
    said = describe_export("x.csv", make_course(header, n, 1 if header in (PLAIN, SHORT) else 2))
    assert "looks like a cycler's export" in said
    assert "one row per cell" in said


HEAD = "Today's Date{0}03/05/2026\nFilename:{0}form.001\nProcedure:{0}form.000{0}Comment/Barcode:{0}cell 17\n"


@pytest.mark.parametrize("separator", ["\t", " "])
@pytest.mark.parametrize("header", [MACCOR, ARBIN, LANDT])
def test_lines_of_metadata_above_an_export_do_not_hide_it(header: str, separator: str, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    rows = make_course(header, 12).to_csv(sep="\t", index=False, lineterminator="\n")
    path.write_text(HEAD.format(separator) + rows, encoding="utf-8")
    with pytest.raises(TableError, match="looks like a cycler's export"):
        guess_study(path, "x.txt", "X", Reading(), Wishes(), ())


@pytest.mark.parametrize(
    "header",
    [
        "freq/Hz,Re(Z)/Ohm,-Im(Z)/Ohm",
        "Frequency (Hz),Z' (Ohm),-Z'' (Ohm)",
        "freq_Hz,Z_re_ohm,Z_im_ohm",
        "Frequenz [Hz],|Z| [Ohm],Phase [deg]",
        "频率(Hz),Z'(Ω),Z''(Ω)",
    ],
)
def test_impedance_spectra_are_known(header: str) -> None:
    names = header.split(",")
    rows = [[f"{10 ** (5 - place / 2):.6g}", f"{10 + place}", f"{place * 0.5}"] for place in range(8)]
    assert "looks like an impedance spectrum" in describe_export("x.csv", pd.DataFrame(rows, columns=names))


@pytest.mark.parametrize(
    "header",
    [
        "Cycle,Charge capacity (mAh/g),Discharge capacity (mAh/g),CE (%)",
        "Cycle number,Discharge capacity/mAh g-1,Coulombic efficiency/%",
        "Zyklus,Ladekapazität (mAh),Entladekapazität (mAh),Effizienz",
        "循环序号,充电容量(mAh),放电容量(mAh),效率(%)",
        "cell,cycle,charge_mAh_g,discharge_mAh_g,coulombic_efficiency_pct",
    ],
)
def test_results_by_cycle_are_known(header: str) -> None:
    names = header.split(",")
    first = ["A"] if names[0] == "cell" else []
    rows = [
        [*first, str(n), *(f"{150 - n * 0.7 - k}" for k in range(len(names) - 1 - len(first)))] for n in range(1, 9)
    ]
    assert "looks like a table of cycles" in describe_export("x.csv", pd.DataFrame(rows, columns=names))


@st.composite
def make_samples(draw: st.DrawFn) -> pd.DataFrame:
    """Return a table of samples whose factors are a voltage, a current and a time, among others."""
    n, is_sorted = draw(st.integers(5, 24)), draw(st.booleans())
    identity = draw(st.sampled_from(["sample", "cell", "no", "id", "Probe", "", "run"]))
    factors = draw(
        st.sampled_from(
            [
                ["voltage_V", "current_mA", "time_h"],
                ["Voltage (V)", "Current (mA)", "Time (min)"],
                ["cutoff_voltage_V", "current_mA", "formation_time_h", "step"],
                ["Spannung [V]", "Strom [mA]", "Zeit [h]", "binder_pct"],
                ["upper_voltage_V", "charge_current_mA", "rest_time_h"],
                ["电压(V)", "电流(mA)", "烧结时间(h)"],
                ["cycle_life", "voltage_V", "current_A", "time_s"],
            ]
        )
    )
    outcomes = draw(
        st.sampled_from(
            [
                ["capacity_mAh_g"],
                ["capacity_mAh_g", "retention_pct"],
                ["thickness_um"],
                ["first_capacity_mAh_g", "ce_pct"],
            ]
        )
    )
    columns: dict[str, list[str]] = {}
    if identity:
        columns[identity] = [str(k + 1) if identity in ("no", "run", "id") else f"S{k + 1}" for k in range(n)]
    for name in factors:
        # three levels each, in the order of a design of experiments
        columns[name] = [str(draw(st.sampled_from([1, 2, 4]))) for _ in range(n)]
    for name in outcomes:
        columns[name] = [f"{draw(st.floats(50, 200)):.2f}" for _ in range(n)]
    frame = pd.DataFrame(columns, dtype=str)
    return frame.sort_values(factors[0], ignore_index=True) if is_sorted else frame


@settings(max_examples=300)
@given(frame=make_samples())
def test_tables_of_samples_are_taken_for_no_export(frame: pd.DataFrame) -> None:
    assert describe_export("x.csv", frame) == ""
