"""Values that a table can hardly hold are noted by a check, others are not."""

import pandas as pd
import pytest

from batterymi.config.parts import Objective
from batterymi.data.plausible import list_implausible


def note_values(name: str, unit: str, values: list[float], **settings: object) -> list[str]:
    """Return the notes on one column."""
    column = Objective.model_validate({"name": name, "label": name, "unit": unit, "goal": "maximise", **settings})
    rows = pd.DataFrame({"line": range(2, 2 + len(values)), name: values})
    return list_implausible(rows, [column])


@pytest.mark.parametrize(
    ("name", "unit", "value"),
    [
        ("capacity", "mAh/g", 176_000),
        ("capacity", "Ah/g", 176),
        ("capacity", "mAh/g", -3),
        ("coulombic_efficiency", "percent", 111),
        ("cycle_time", "h", 83 * 24),
        ("cycle_time", "d", 83),
        ("discharge_duration", "s", 83 * 86400),
        ("temp", "°C", -300),
        ("ph", "1", 70),
    ],
)
def test_impossible_values_are_noted_with_their_line(name: str, unit: str, value: float) -> None:
    [note] = note_values(name, unit, [1, value, 2, value, value, value])
    assert note.startswith(f"{name}: line 3: {value:g} {unit}".removesuffix(" 1"))
    assert "and 1 more" in note
    assert not note_values(name, unit, [1, value], valid=[-1000, 1e9])


@pytest.mark.parametrize(
    ("name", "unit", "values"),
    [
        ("capacity", "mAh/g", [0, 150, 3862]),
        ("coulombic_efficiency", "percent", [0, 88, 101]),
        ("anneal_time", "h", [1, 2000]),
        ("cycle_time", "h", [0.1, 200]),
        ("sigma", "log10(S/cm)", [-9, -3]),
        ("temp", "°C", [-40, 1200]),
        ("swelling", "percent", [120, 400]),
        ("hull_distance", "meV/atom", [-10, 900]),
        ("onset", "V", [-1, 5.2]),
    ],
)
def test_usual_values_are_not_noted(name: str, unit: str, values: list[float]) -> None:
    assert note_values(name, unit, values) == []
