"""What is said of designs that a campaign could not choose: each true reason, and none that is false."""

from pathlib import Path

import pandas as pd
import pytest
from own_study import STUDY, TABLE

from batterymi.cli.main import main
from batterymi.config.designs import ReferenceDesign
from batterymi.config.parts import Constraint, Feature, Simplex
from batterymi.optimise.campaigns.reference_designs import note_reference_designs
from batterymi.optimise.space.broken_rules import list_broken_rules
from batterymi.optimise.space.space import Space


def make_features() -> tuple[Feature, ...]:
    """Three parts, a temperature, a decade of pressures, and levels."""
    parts = tuple(Feature(name=name, label=name, unit="%", bounds=(0, 80)) for name in ("ec", "emc", "dmc"))
    return (
        *parts,
        Feature(name="t", label="T", unit="K", bounds=(300, 400), step=20),
        Feature(name="p", label="p", unit="1", bounds=(1, 100), scale="log", step=0.5),
        Feature(name="rate", label="r", unit="1", levels=(1, 2, 5)),
    )


SPACE = Space(
    make_features(),
    Simplex(features=("ec", "emc", "dmc"), total=100, step=5, max_parts=2),
    (Constraint(name="little_ec", expression="ec <= 60"),),
)
GOOD = {"ec": 30, "emc": 70, "dmc": 0, "t": 340, "p": 10**0.5, "rate": 2}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"ec": 32, "emc": 68}, ["ec is 32, emc is 68, off the step of 5"]),
        ({"ec": 35}, ["ec + emc + dmc is 105, not 100"]),
        ({"ec": 10, "emc": 90}, ["emc is 90, outside 0 to 80"]),
        ({"emc": 60, "dmc": 10}, ["3 parts are used, at most 2 may be"]),
        ({"ec": 70, "emc": 30}, ["it breaks 'little_ec' by 10"]),
        ({"t": 350}, ["t is 350, off the step of 20 from 300"]),
        ({"t": 420}, ["t is 420, outside 300 to 400"]),
        ({"p": 2.0}, ["p is 2, off the step of 0.5 decades from 1"]),
        ({"p": 200.0}, ["p is 200, outside 1 to 100"]),
        ({"rate": 3}, ["rate is 3, none of the levels 1, 2, 5"]),
    ],
)
def test_the_true_reason_is_given_and_no_other(changes: dict[str, float], said: list[str]) -> None:
    values = GOOD | changes
    assert list_broken_rules(SPACE, pd.DataFrame([values])) == [said]
    design = ReferenceDesign(name="known", values=values)
    notes = note_reference_designs([design], SPACE)
    assert [note.split("; it is evaluated")[0] for note in notes] == [
        f"reference_designs: 'known': {reason}" for reason in said
    ]


def test_rows_of_a_list_that_are_no_candidates_are_named_with_reasons(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(made)
    Path("data/own.csv").write_text(TABLE, encoding="utf-8")
    Path("data/cands.csv").write_text(
        "temperature_c,gas\n700,air\n950,air\n700,air\n700,O2\n840,O2\n", encoding="utf-8"
    )
    rule = "constraints: [{name: cool, expression: temperature_c <= 830}]\n"
    text = STUDY.replace("data/not_there.csv", "data/cands.csv").replace("data/my.csv", "data/own.csv")
    Path("config/studies/pooled.yaml").write_text(text + rule, encoding="utf-8")
    assert main(["check", "pooled"]) == 0
    said = capsys.readouterr().out
    assert "2 candidates in data/cands.csv; 5 rows, 1 twice, 2 outside the rules" in said
    assert "listed twice, the second time in line 4" in said
    assert "line 3: temperature_c is 950, outside 650 to 900; it breaks 'cool' by 120\n" in said
    assert "line 6: it breaks 'cool' by 10\n" in said
    Path("config/studies/pooled.yaml").unlink()
