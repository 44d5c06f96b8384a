"""Numbers in documents are those that the code computes, to the digits that they are given in."""

import re
from pathlib import Path

import pandas as pd
import pytest
from conftest import MIRROR
from doc_tables import first_number, format_like, read_table

from batterymi import registry
from batterymi.charging.cells import find_cell
from batterymi.charging.controllers import CHAPTER_PHASES
from batterymi.charging.electrodes import Electrodes
from batterymi.charging.simulator import ChargingSimulator
from batterymi.charging.state import Reading, Start
from batterymi.config.campaign import ChargingChoice
from batterymi.config.load import load_study
from batterymi.features.capacity import compute_theoretical_capacity
from batterymi.features.pores import compute_pore_volume, compute_sulfur_limit

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ROOT / "config/studies"
SIMULATOR = "docs/results/2026-11-24-charging-simulator.md"
TEXTBOOK = "data/textbook/README.md"


def check(row: dict[str, str], values: dict[str, float]) -> None:
    """Compare cells of a row with what is computed."""
    for column, value in values.items():
        assert first_number(row[column]) == format_like(row[column], value), (row, column, value)


def test_numbers_are_compared_to_the_digits_that_a_document_gives() -> None:
    assert format_like("**−1.7** mV", -1.69) == "-1.7" == first_number("**−1.7** mV")
    assert format_like("59", 64.25) == "64"
    assert format_like("0.0", -0.01) == "0.0"
    with pytest.raises(ValueError, match="has no number"):
        format_like("–", 1.0)
    with pytest.raises(ValueError, match="0 tables begin with"):
        read_table(SIMULATOR, "No such column")


@pytest.fixture(scope="module")
def marquis() -> dict[str, ChargingSimulator]:
    """Both models of the thin cell."""
    return {model: ChargingSimulator("Marquis2019", model) for model in ("SPMe", "DFN")}


@pytest.mark.parametrize(
    ("begins", "soc", "of_all"),
    [
        ("10 → 80 %, counted by", (0.1, 0.8), False),
        ("0 → 80 %, counted so", (0.0, 0.8), False),
        ("10 → 80 % of what", (0.1, 0.8), True),
        ("0 → 80 % of that", (0.0, 0.8), True),
    ],
)
def test_charges_of_the_thin_cell_are_as_documented(
    begins: str, soc: tuple[float, float], of_all: bool, marquis: dict[str, ChargingSimulator]
) -> None:
    def charge(model: str) -> Reading:
        simulator = marquis[model]
        held = Electrodes(simulator.cell.make_parameters()).fresh.capacity_ah / simulator.capacity_ah
        first, last = (part * (held if of_all else 1.0) for part in soc)
        session = simulator.begin(Start(soc=first, ambient_c=25.0))
        return session.step(5.0, session.seconds_to(last, 5.0))

    row = next(row for row in read_table(SIMULATOR, "Charge") if row["Charge"].startswith(begins))
    coarse, fine = charge("SPMe"), charge("DFN")
    check(
        row,
        {
            "minutes": fine.seconds / 60,
            "peak (°C)": fine.temperature_max_c,
            "margin SPMe (mV)": coarse.plating_margin_mv,
            "margin DFN (mV)": fine.plating_margin_mv,
            "highest voltage DFN (limit 4.1 V)": fine.voltage_max_v,
        },
    )


def test_capacities_of_the_cells_are_as_documented() -> None:
    rows = {row["Cell"]: row for row in read_table("docs/reference/charging-simulator.md", "Cell")}
    assert set(rows) == set(registry.list_names("cell"))
    for name, row in rows.items():
        cell = find_cell(name)
        parameters = cell.make_parameters()
        check(
            row,
            {
                "Nominal (Ah)": float(parameters["Nominal cell capacity [A.h]"]),
                "Held between the limits (Ah)": Electrodes(parameters).fresh.capacity_ah,
            },
        )


def test_what_pores_of_the_chapter_s_hosts_hold_is_as_documented() -> None:
    hosts = pd.read_csv(ROOT / "data/textbook/lithium_sulfur.csv").set_index("host")
    rows = read_table(TEXTBOOK, "host | V (cm3/g)")
    assert len(rows) == len(hosts) == 8
    for row in rows:
        host = hosts.loc[f"host {row['host']}"]
        pore, area = host["pore_size_nm"], host["surface_area_m2_g"]
        held, swollen = (float(compute_sulfur_limit(pore, area, swelling)) for swelling in (0.0, 0.8))
        check(
            row,
            {
                "V (cm3/g)": float(compute_pore_volume(pore, area)),
                "loading (wt%)": host["sulfur_loading_wt"],
                "pores hold (wt%)": held,
                "with swelling (wt%)": swollen,
            },
        )
        loading = host["sulfur_loading_wt"]
        fits = "yes" if loading <= swollen else "only without swelling" if loading <= held else "not even without"
        assert row["fits"].startswith(fits)


def test_theoretical_capacities_of_the_chapter_s_cathodes_are_as_documented() -> None:
    cathodes = pd.read_csv(ROOT / "data/textbook/sodium_ion.csv").set_index("material")
    rows = read_table(TEXTBOOK, "material | working Na")
    assert len(rows) == len(cathodes) == 5
    for row in rows:
        cathode = cathodes.loc[row["material"]]
        most = compute_theoretical_capacity(cathode["formula"], cathode["working_ions"])
        check(row, {"theoretical (mAh/g)": most, "table (mAh/g)": cathode["capacity_mah_g"]})
        assert row["over"] == ("yes" if cathode["capacity_mah_g"] > most else "")


ORIGINALS = MIRROR / "severson_cycling_curves/originals.csv"


@pytest.mark.skipif(not ORIGINALS.is_file(), reason="no mirror beside the repository")
def test_the_curves_that_are_not_read_are_as_many_and_as_large_as_the_remark_says() -> None:
    study = load_study(STUDIES / "fast_charging_measured.yaml")
    match = re.search(r"(\d+) files of (\d+) MB together", " ".join(study.remarks))
    assert match is not None
    files = pd.read_csv(ORIGINALS)
    assert (int(match[1]), int(match[2])) == (len(files), int(files["bytes"].sum() / 1e6))


def test_the_study_charges_by_the_phases_of_the_text() -> None:
    choice = load_study(STUDIES / "fast_charging.yaml").evaluator
    assert isinstance(choice, ChargingChoice)
    phases = {run.label: run.phases for run in choice.references}
    assert phases["chapter four phases"] == CHAPTER_PHASES


def test_the_loss_of_the_charge_alone_is_called_that_wherever_it_stands() -> None:
    study = load_study(STUDIES / "fast_charging.yaml")
    labels = {objective.name: objective.label for objective in study.objectives}
    assert "charge alone" in labels["capacity_lost_mah"]
    assert "capacity_lost_mah counts what one charge" in " ".join(study.remarks)
    # the first number that such a column has is on the next line
    arena = (ROOT / "src/batterymi/reporting/templates/arena.html.j2").read_text(encoding="utf-8")
    assert "Lost in the charge alone (mAh)" in arena
    assert all("alone" in objective for objective in labels.values() if "lost" in objective.lower())
