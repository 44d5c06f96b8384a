"""Designs that rows have within half a step are not suggested again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from batterymi.config.parts import Constraint, Feature, Objective
from batterymi.errors import DesignError
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.optimise.campaigns.made_designs import exclude_made_designs
from batterymi.optimise.campaigns.next_batch import describe_shortage, propose_batch
from batterymi.optimise.engines.base import list_taken
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space

OBJECTIVE = Objective(name="y", label="y", unit="1", goal="maximise")
SALT = Feature(name="salt", label="salt", unit="M", bounds=(0.8, 1.4), step=0.1)
BINDER = Feature(name="binder", label="binder", unit="1", choices=("PVDF", "CMC"))
STEPS = [round(0.8 + 0.1 * place, 1) for place in range(7)]
ALL = {(salt, binder) for salt in STEPS for binder in ("PVDF", "CMC")}


def make_table(rows: list[tuple[float, str, str]], names: list[str] | None = None) -> pd.DataFrame:
    """Rows of salt, binder and kind."""
    frame = pd.DataFrame(rows, columns=["salt", "binder", "split"])
    frame["y"] = np.where(frame["split"] == "train", 1.0 + frame["salt"] * 0.3 + 0.1 * (frame.index % 3), np.nan)
    frame["line"] = range(2, len(rows) + 2)
    frame["suggestion"] = names or [""] * len(rows)
    return frame


def list_proposed(engine: str, table: pd.DataFrame, ledger: Path, pool: pd.DataFrame | None = None) -> set:
    """Everything that an engine has left to propose."""
    search = Search(Space((SALT, BINDER), candidates=pool), (OBJECTIVE,), (), is_noisy=True)
    search = exclude_made_designs(search, table, Ledger(ledger).batches)
    proposed = propose_batch(search, table, engine, 20, 0)
    return {(round(salt, 6), binder) for salt, binder in proposed[["salt", "binder"]].to_numpy().tolist()}


@pytest.mark.parametrize("engine", ["gaussian_process", "random", "sobol"])
@pytest.mark.parametrize("pool", [False, True])
def test_designs_within_half_a_step_of_rows_are_never_proposed_again(engine: str, pool: bool, tmp_path: Path) -> None:
    rows = [
        *((0.8, "PVDF", "train"), (0.9, "PVDF", "train"), (1.4, "CMC", "train")),
        # a bit off 1.0, 1.1 and 1.2; withdrawn; and far below the bounds, which is no 0.8
        *((1.02, "CMC", "train"), (1.08, "PVDF", "pending"), (1.22 if pool else 1.24, "CMC", "failed")),
        *((1.3, "CMC", "withdrawn"), (0.5, "CMC", "train")),
    ]
    made = {*((0.8, "PVDF"), (0.9, "PVDF"), (1.4, "CMC")), *((1.0, "CMC"), (1.1, "PVDF"), (1.2, "CMC"))}
    listed = pd.DataFrame(sorted(ALL), columns=["salt", "binder"]) if pool else None
    assert list_proposed(engine, make_table(rows), tmp_path / "my.jsonl", listed) == ALL - made


def test_designs_of_suggestions_that_a_row_names_are_never_proposed_again(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    items = [{"design": {"salt": salt, "binder": "CMC"}, "predicted": {}} for salt in (1.0, 1.2, 1.3)]
    Ledger(path).add("k", 4, items, {"-"})
    rows = [(0.8, "PVDF", "train"), (0.9, "PVDF", "train"), (1.4, "CMC", "train"), (1.16, "PVDF", "pending")]
    table = make_table([*rows, (1.4, "PVDF", "withdrawn")], ["", "", "", "B1-1", "b1-03"])
    made = {(0.8, "PVDF"), (0.9, "PVDF"), (1.4, "CMC"), (1.2, "PVDF"), (1.0, "CMC")}
    assert list_proposed("gaussian_process", table, path) == ALL - made


def test_rows_on_the_steps_exclude_nothing_further(tmp_path: Path) -> None:
    table = make_table([(0.8, "PVDF", "train"), (1.1, "CMC", "train")])
    search = exclude_made_designs(Search(Space((SALT, BINDER)), (OBJECTIVE,), ()), table)
    assert len(list_taken(search, table, None)) == 2


def test_shared_values_leave_room_for_the_batch_where_any_does(tmp_path: Path) -> None:
    space = Space(
        (SALT, BINDER),
        candidates=pd.DataFrame(
            [(salt, "PVDF") for salt in STEPS] + [(salt, "CMC") for salt in (0.8, 0.9)], columns=["salt", "binder"]
        ),
        shared=("binder",),
    )
    # CMC is much better, but only one design of it is left
    table = make_table([(0.8, "CMC", "train"), (0.8, "PVDF", "train"), (0.9, "PVDF", "train"), (1.4, "PVDF", "train")])
    table["y"] = [9.0, 1.0, 1.1, 0.9]
    for engine in ("gaussian_process", "random", "sobol"):
        for seed in range(5):
            proposed = propose_batch(Search(space, (OBJECTIVE,), (), is_noisy=True), table, engine, 3, seed)
            assert list(proposed["binder"]) == ["PVDF"] * 3
            assert not describe_shortage(len(proposed), 3, space)
    proposed = propose_batch(Search(space, (OBJECTIVE,), (), is_noisy=True), table, "gaussian_process", 9, 0)
    assert describe_shortage(len(proposed), 9, space) == "4 of 9: no more designs that are new fit one binder"


def test_rules_that_exclude_everything_are_told_and_not_a_space_that_is_used_up() -> None:
    table = make_table([(0.8, "PVDF", "train"), (1.1, "CMC", "train"), (1.2, "CMC", "train")])
    never = Constraint(name="never", expression="salt >= 7")
    for engine in ("gaussian_process", "random", "sobol"):
        with pytest.raises(DesignError, match="never"):
            propose_batch(Search(Space((SALT, BINDER), None, (never,)), (OBJECTIVE,), ()), table, engine, 2, 0)


def test_fewer_designs_than_wanted_are_told_with_the_reason() -> None:
    listed = pd.DataFrame([(0.8, "PVDF"), (0.9, "PVDF"), (3.0, "CMC")], columns=["salt", "binder"])
    pool, grid = Space((SALT, BINDER), candidates=listed), Space((SALT, BINDER))
    assert describe_shortage(3, 3, grid) == ""
    assert describe_shortage(2, 3, grid).startswith("2 of 3: no more designs keep the rules")
    assert describe_shortage(1, 3, pool, "my.csv") == (
        "1 of 3: all others of the 3 of my.csv are measured, pending or failed, or break the rules (1); add to the list"
    )
    assert describe_shortage(0, 3, pool, "my.csv").startswith("No design is left: all 3 of my.csv are measured, ")
