"""Costs, theoretical energies and ranges of cars by hand, and tables of inputs with mistakes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.costing.bills import compare_bills, compute_bill, compute_solid_electrolyte_need
from batterymi.costing.cells import CHEMISTRIES, compute_cell
from batterymi.costing.driving import compute_charged_range, compute_pack
from batterymi.costing.energies import compute_reaction_energy
from batterymi.costing.facts import Facts, compute_facts
from batterymi.costing.inputs import Inputs, Quantity, load_inputs, load_prices, load_sources
from batterymi.costing.prices import (
    PER_KG,
    compare_costs,
    compute_cost_per_kwh,
    compute_mass_fractions,
    compute_material_cost,
    list_prices,
    price_component,
    price_element,
)
from batterymi.errors import DesignError, TableError
from batterymi.features.capacity import compute_theoretical_capacity

HEADER = "group,name,value,unit,low,high,source,checked\n"
PRICE_HEADER = "group,name,traded_as,value,unit,low,high,date,source,checked\n"
NCM622, NCM850807 = "LiNi0.6Co0.2Mn0.2O2", "LiNi0.85Co0.08Mn0.07O2"


@pytest.fixture(scope="module")
def facts() -> Facts:
    """Every fact, with few draws."""
    return compute_facts(load_inputs(), load_prices(), draws=500)


def price(key: str, value: float, unit: str = "USD/kg", traded_as: str = "") -> Quantity:
    group, _, name = key.partition(".")
    return Quantity(group, name, value, unit, value, value, "me", True, "2024", traded_as)


def test_lithium_costs_what_its_carbonate_does_over_its_share() -> None:
    # Li2CO3: 2 x 6.941 / (13.882 + 12.011 + 3 x 15.999) = 0.18788
    assert compute_mass_fractions("Li2CO3")["Li"] == pytest.approx(0.18788, abs=2e-5)
    prices = Inputs([price("element.Li", 14_000, "USD/t", "Li2CO3"), price("element.Co", 17, "USD/lb", "Co")])
    assert price_element(prices, "Li").value == pytest.approx(14 / 0.18788, rel=1e-4)
    # a pound is 0.45359237 kg
    assert price_element(prices, "Co").value == pytest.approx(37.4786, abs=1e-4)


def test_the_cost_of_a_composition_is_that_of_its_elements() -> None:
    # LiCoO2, 97.87 g/mol: 6.941 g Li at 70 and 58.933 g Co at 40 USD/kg, oxygen free:
    # (0.48587 + 2.35733) USD over 0.097873 kg = 29.05 USD/kg
    cost = compute_material_cost("LiCoO2", {"Li": 70.0, "Co": 40.0})
    assert cost == pytest.approx(29.05, abs=0.01)
    # 165 mAh/g x 3.7 V = 0.6105 kWh/kg
    assert compute_cost_per_kwh(cost, 165, 3.7) == pytest.approx(29.05 / 0.6105, abs=0.02)


@settings(max_examples=40)
@given(
    first=st.tuples(*[st.floats(0.1, 500)] * 4),
    second=st.tuples(*[st.floats(0.1, 500)] * 4),
    weight=st.floats(-1, 3),
)
def test_cost_is_linear_in_the_prices(first: tuple[float, ...], second: tuple[float, ...], weight: float) -> None:
    names = ("Li", "Ni", "Co", "Mn")
    a, b = (dict(zip(names, values, strict=True)) for values in (first, second))
    mixed = {name: a[name] + abs(weight) * b[name] for name in names}
    sum_of_costs = compute_material_cost(NCM622, a) + abs(weight) * compute_material_cost(NCM622, b)
    assert compute_material_cost(NCM622, mixed) == pytest.approx(sum_of_costs)


def test_less_cobalt_saves_little_per_mass_and_more_per_energy() -> None:
    prices = Inputs(
        [
            price("element.Li", 14, traded_as="Li2CO3"),
            price("element.Ni", 17),
            price("element.Co", 40),
            price("element.Mn", 2),
        ]
    )
    # NCM622, 96.93 g/mol: Li 0.517, Ni 35.22 x 17 = 0.599, Co 11.787 x 40 = 0.471, Mn 10.99 x 2 = 0.022: 1.609 -> 16.60
    # 85/8/7, 97.39 g/mol: Li 0.517, Ni 49.89 x 17 = 0.848, Co 4.715 x 40 = 0.189, Mn 3.846 x 2 = 0.008: 1.562 -> 16.04
    defaults = {symbol: quantity.value for symbol, quantity in list_prices(prices, NCM622).items()}
    assert compute_material_cost(NCM622, defaults) == pytest.approx(16.60, abs=0.01)
    assert compute_material_cost(NCM850807, defaults) == pytest.approx(16.04, abs=0.01)
    per_kg, swings = compare_costs(prices, NCM622, NCM850807, n=10)
    assert per_kg.value == pytest.approx(100 * (1 - 16.035 / 16.603), abs=0.05)  # 3.4 %
    assert swings == [], "prices without a range move nothing"
    per_kwh, _ = compare_costs(prices, NCM622, NCM850807, 205 / 174.3, n=10)
    assert per_kwh.value == pytest.approx(100 * (1 - 16.035 / 16.603 * 174.3 / 205), abs=0.05)  # 17.9 %


def test_a_tornado_moves_one_price_at_a_time() -> None:
    spread, swings = compare_costs(load_prices(), NCM622, NCM850807, n=200)
    assert [swing.key for swing in swings][:2] == ["element.Co", "element.Ni"]
    assert [swing.size for swing in swings] == sorted((swing.size for swing in swings), reverse=True)
    # the more cobalt costs, the more its replacement saves
    assert swings[0].at_low < spread.value < swings[0].at_high


def test_prices_of_a_date_are_the_last_up_to_then(tmp_path: Path) -> None:
    rows = (
        "element,Ni,Ni,14,USD/kg,,,2019,a,true\n"
        "element,Ni,Ni,26,USD/kg,,,2022-05,a,true\n"
        "element,Ni,Ni,17,USD/kg,,,2024,a,true\n"
        "element,Mn,Mn,2,USD/kg,,,2022,a,true\n"
    )
    path = tmp_path / "prices.csv"
    path.write_text(PRICE_HEADER + rows)
    dates = ("2018", "2020", "2022-05", "2023", "9999")
    found = {date: price_element(load_prices(path, date), "Ni").value for date in dates}
    assert found == {"2018": 14, "2020": 14, "2022-05": 26, "2023": 26, "9999": 17}
    assert price_element(load_prices(path, "2019"), "Mn").value == 2, "its first price, where it has no earlier one"


def test_a_bill_adds_up_and_ratios_are_paired() -> None:
    inputs, prices = load_inputs(), load_prices()
    bills = {cell: compute_bill(compute_cell(inputs, cell, 300), prices) for cell in CHEMISTRIES}
    for bill in bills.values():
        assert sum(bill.parts_usd_per_kwh.values()) == pytest.approx(bill.usd_per_kwh.value)
        assert list(bill.parts_usd_per_kwh.values()) == sorted(bill.parts_usd_per_kwh.values(), reverse=True)
    same = compare_bills(bills["nmc_graphite"], bills["nmc_graphite"])
    assert (same.value, same.low, same.high) == pytest.approx((100, 100, 100)), "the same draws on both sides"
    other = compute_bill(compute_cell(inputs, "lfp_graphite", 10), prices)
    with pytest.raises(DesignError, match="10 draws cannot be paired with 300"):
        compare_bills(other, bills["nmc_graphite"])


def test_solid_electrolyte_is_counted_in_layer_and_cathode() -> None:
    stack = compute_cell(load_inputs(), "nmc_lithium_solid", 10).stack
    # 5.02/195 = 25.74 mg active, 0.25 of it electrolyte: 6.44; layer 30 um x 0.95 x 1.8 = 5.13; 5.02 x 3.86 = 19.38 mWh
    assert compute_solid_electrolyte_need(stack) == pytest.approx((6.436 + 5.13) / 19.377, rel=1e-3)


def test_theoretical_capacities_and_energies() -> None:
    # 2 x 26801.5 / 32.06; 26801.5 / 97.87; 2 x 26801.5 / 417.8
    assert compute_theoretical_capacity("S", 2) == pytest.approx(1672, abs=1)
    assert compute_theoretical_capacity("LiCoO2", 1) == pytest.approx(273.8, abs=0.1)
    assert compute_theoretical_capacity("Na3V2(PO4)2F3", 2) == pytest.approx(128.3, abs=0.1)
    # 2 x 26801.5 mAh/mol x 2.2 V / (32.06 + 13.88) g/mol
    assert compute_reaction_energy({"S": 1, "Li": 2}, 2, 2.2) == pytest.approx(2567, abs=2)
    with pytest.raises(DesignError, match="voltage_v: 0 is not above 0"):
        compute_reaction_energy({"S": 1}, 2, 0.0)
    with pytest.raises(TableError, match="not a chemical formula"):
        compute_reaction_energy({"Xx": 1}, 2, 2.0)


def test_a_charger_and_a_range() -> None:
    # 400 kW x 1/6 h = 66.67 kWh; x 0.92 = 61.33 kWh; over 0.15 and 0.20 kWh/km 408.9 and 306.7 km
    consumption = np.array([0.15, 0.20])
    assert compute_charged_range(400, 10, 0.92, consumption) == pytest.approx([408.9, 306.7], abs=0.1)
    # 1200 km x 0.17 = 204 kWh; over 0.285 kWh/kg 715.8 kg of cells, over 0.65 a pack of 1101 kg
    pack = compute_pack(1200, 0.17, 285, 0.65)
    assert (pack.energy_kwh, pack.cells_kg, pack.pack_kg) == pytest.approx((204, 715.8, 1101.2), abs=0.1)
    with pytest.raises(DesignError, match=r"efficiency: 92 is more than 1; give a fraction, as 0\.92"):
        compute_charged_range(400, 10, 92, 0.17)
    with pytest.raises(DesignError, match="consumption_kwh_km: 0 is not above 0"):
        compute_charged_range(400, 10, 0.92, np.array([0.17, 0.0]))
    with pytest.raises(DesignError, match=r"mass_ratio: 1\.5 is more than 1"):
        compute_pack(1200, 0.17, 285, 1.5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,x,abc,1,,,me,true", "line 2: value: 'abc' is not a number"),
        ("a,x,nan,1,,,me,true", "line 2: value: 'nan' is not a finite number"),
        ("a,x,5,1,1,2,me,true", "line 2: value 5 lies outside low 1 to high 2"),
        ("a,x,5,1,,,me,yes", "line 2: checked: 'yes' is neither true nor false"),
        ("a,x,5,1,,,,true", "line 2: source: name the work or page"),
        (",x,5,1,,,me,true", "line 2: group: this cell is empty"),
        ("a,x,5,1,,,me,true\na,x,6,1,,,me,true", r"line 3: 'a\.x' is listed twice"),
        ("a,x,5", "line 2: checked: '' is neither true nor false"),
    ],
)
def test_a_mistake_in_a_table_of_inputs_is_named(row: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "inputs.csv"
    path.write_text(HEADER + row + "\n")
    with pytest.raises(TableError, match=rf"inputs\.csv: {message}"):
        load_inputs(path)


def test_other_mistakes_in_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="there is no such file"):
        load_inputs(tmp_path / "nothing.csv")
    path = tmp_path / "prices.csv"
    path.write_text("group,name,value\n")
    with pytest.raises(TableError, match=r"prices\.csv: the header lacks traded_as, date, unit, low"):
        load_prices(path)
    path.write_text(PRICE_HEADER + "element,Ni,Ni,14,USD/kg,,,in May,a,true\n")
    with pytest.raises(TableError, match="line 2: date: 'in May' is neither a year nor a month"):
        load_prices(path, "2024")
    for quantity, message in (
        (price("element.Ni", 14, "EUR/kg"), "'EUR/kg' is not one of USD/kg, USD/t, USD/lb; convert other currencies"),
        (price("element.Ni", -1), "a price of -1 is negative"),
        (price("element.Ni", 14, traded_as="CoO"), "traded_as: 'CoO' holds no Ni"),
    ):
        with pytest.raises(TableError, match=message):
            price_element(Inputs([quantity]), "Ni")
    with pytest.raises(TableError, match=r"there is no 'component\.graphit'; did you mean 'component\.graphite'"):
        price_component(load_prices(), "graphit")
    with pytest.raises(DesignError, match="there is no price of Co"):
        compute_material_cost("LiCoO2", {"Li": 70.0})


def test_every_shipped_input_has_a_source_and_read_ones_an_address() -> None:
    sources = load_sources()
    shipped = [*load_inputs().values(), *load_prices().values(), *load_prices(date="2019").values()]
    assert {quantity.source for quantity in shipped} <= set(sources)
    for quantity in shipped:
        source = sources[quantity.source]
        if quantity.checked and quantity.source != "definition":
            assert source["address"].startswith("https://"), quantity.key
            assert "not read" not in source["read"], quantity.key
        if quantity.source == "assumption":
            assert not quantity.checked, quantity.key
    assert {quantity.unit for quantity in load_prices().values()} <= set(PER_KG)


def test_facts_say_whether_their_inputs_were_read(facts: Facts) -> None:
    content, frame = facts.as_content(), facts.as_frame().set_index("key")
    sulfur = content["energies"]["sulfur_mah_g"]
    assert sulfur["value"] == pytest.approx(1672, abs=1)
    assert (sulfur["checked"], sulfur["inputs"]) == (True, [])
    solid = content["cells"]["nmc_lithium_solid"]["specific_energy"]
    assert not solid["checked"]
    assert "any.packaging_mass_fraction" in solid["unchecked"]
    assert set(solid["unchecked"]) <= set(solid["inputs"]) <= {entry["key"] for entry in content["inputs"]}
    assert frame.loc["costs.ncm622_to_850807.reduction_per_kg", "checked"]
    assert not frame.loc["costs.ncm622_to_850807.reduction_per_kwh", "checked"], "the chapter's 205 mAh/g"
    for entry in content["inputs"]:
        assert {"value", "low", "high", "unit", "source", "checked", "citation"} <= set(entry)
        # a reader's own number has its source in words instead of an id
        assert entry["citation"] or entry["source"] == "chapter", entry["key"]
    assert len(frame) == len(facts.facts) == frame.index.nunique()


def test_facts_are_the_numbers_that_the_calculators_give(facts: Facts) -> None:
    frame = facts.as_frame().set_index("key")
    assert frame.loc["driving.pack_energy", ["value", "low", "high"]].tolist() == pytest.approx([204, 180, 240])
    # 66.67 kWh x 0.884 / 0.2 and x 0.95 / 0.15
    ends = frame.loc["driving.charged_range", ["at_worst", "at_best"]].tolist()
    assert ends == pytest.approx([66.667 * 0.884 / 0.2, 66.667 * 0.95 / 0.15], rel=1e-3)
    assert frame.loc["costs.cobalt", "value"] == pytest.approx(37_479, abs=1)
    need = frame.loc["costs.solid_electrolyte.kg_per_kwh", "value"]
    assert frame.loc["costs.solid_electrolyte.usd_per_kg_for_50", "value"] == pytest.approx(50 / need)
    parts = facts.as_content()["costs"]["lithium_sulfur"]["usd_per_kwh"]["parts"]
    assert sum(parts.values()) == pytest.approx(frame.loc["costs.lithium_sulfur.usd_per_kwh", "value"])
