"""What outlives a kill, and campaigns that pay for every answer."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from batterymi.config.campaign import Fidelities
from batterymi.config.parts import Feature, Objective
from batterymi.errors import OutputError, TableError
from batterymi.optimise.campaigns.campaign import draw_start_designs, run_engine
from batterymi.optimise.campaigns.fidelity import Level, run_levels
from batterymi.optimise.campaigns.journal import Journal
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.optimise.engines.gaussian import fit_process
from batterymi.optimise.space.problem import Problem, Search
from batterymi.optimise.space.space import Space

SPACE = Space(tuple(Feature(name=name, label=name, unit="1", bounds=(0, 1)) for name in ("a", "b")))
TARGET = Objective(name="y", label="y", unit="1", goal="minimise")


class Bowl:
    """A bowl, tilted by an error, that counts what it was n_evaluated and dies when told to."""

    is_cheap = False
    kind = "computed"

    def __init__(self, tilt: float = 0.0, lives: int = 10**9) -> None:
        """Set how many answers it gives."""
        self.tilt, self.lives, self.n_evaluated = tilt, lives, 0

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        self.n_evaluated += len(designs)
        if self.n_evaluated > self.lives:
            raise KeyboardInterrupt
        a, b = designs["a"].to_numpy(float), designs["b"].to_numpy(float)
        return pd.DataFrame({"y": (a - 0.3) ** 2 + (b - 0.7) ** 2 + self.tilt * a, "failure": ""}, index=designs.index)

    def half_widths(self, designs: pd.DataFrame) -> None:
        return None

    def references(self) -> None:
        return None


def campaign(evaluator: object) -> pd.DataFrame:
    problem = Problem(SPACE, (TARGET,), (), evaluator)  # type: ignore[arg-type]
    start = problem.evaluate(draw_start_designs(SPACE, 4, 0))
    return run_engine(problem, "gaussian_process", start, 12, 0)


@pytest.mark.parametrize("lives", [0, 2, 4, 7, 11])
@pytest.mark.parametrize("torn", [False, True])
def test_a_killed_campaign_resumes_to_the_same_designs_and_evaluates_none_twice(
    tmp_path: Path, lives: int, torn: bool
) -> None:
    path = tmp_path / "journal.jsonl"
    whole = campaign(Bowl())
    with pytest.raises(KeyboardInterrupt):
        campaign(Journal(Bowl(lives=lives), path, SPACE.names, ["y"]))
    kept = path.read_text().count("[[") if lives >= 4 else 0
    if torn and kept:
        text = path.read_text()
        path.write_text(text[:-9])
        kept -= 1
    again = Bowl()
    resumed = campaign(Journal(again, path, SPACE.names, ["y"]))
    pd.testing.assert_frame_equal(resumed, whole)
    assert again.n_evaluated == len(whole) - kept


def test_a_torn_line_does_not_swallow_the_answer_after_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text("[[0.1, 0.2], [0.")
    Journal(Bowl(), path, SPACE.names, ["y"]).evaluate(pd.DataFrame({"a": [0.5], "b": [0.5]}))
    later = Bowl()
    Journal(later, path, SPACE.names, ["y"]).evaluate(pd.DataFrame({"a": [0.5], "b": [0.5]}))
    assert later.n_evaluated == 0


DESIGNS = pd.DataFrame({"a": [0.25, 0.5, 0.75], "b": [0.5, 0.5, 0.125]})


def ask(path: Path) -> tuple[int, pd.DataFrame]:
    """How many of three designs a bowl behind a journal was n_evaluated for, and the answers."""
    bowl = Bowl()
    answers = Journal(bowl, path, SPACE.names, ["y"]).evaluate(DESIGNS)
    return bowl.n_evaluated, answers


@pytest.mark.parametrize("line", [b"\xff\xfe\xfa", b"5", b"null", b'"text"', b"[[1], 2]", b"[1, [2, 3]]", b"[" * 9000])
def test_a_line_of_a_journal_that_is_no_answer_is_reported_and_costs_nothing_else(
    line: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal.jsonl"
    _, wanted = ask(path)
    data = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*data[:2], line, *data[2:]]))
    n_evaluated, answers = ask(path)
    assert n_evaluated == 0
    pd.testing.assert_frame_equal(answers, wanted)
    assert caplog.messages == [f"{path}: line 3 is cut off or damaged; its design is evaluated again"]


def test_no_flipped_bit_of_a_journal_is_taken_for_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    _, wanted = ask(path)
    data = path.read_bytes()
    for place in range(1, len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        n_evaluated, answers = ask(path)
        pd.testing.assert_frame_equal(answers, wanted)
        assert 1 <= n_evaluated <= 2, place  # two where the break between two lines is gone


def test_answers_of_a_journal_without_digests_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text("\n".join(f'\n[[{a}, {b}], [{a}, ""]]' for a, b in DESIGNS.itertuples(index=False)))
    n_evaluated, answers = ask(path)
    assert n_evaluated == 0
    assert answers["y"].tolist() == DESIGNS["a"].tolist()


def test_a_disk_that_is_full_under_a_journal_is_reported() -> None:
    with pytest.raises(OutputError, match="/dev/full: cannot be written: No space left on device"):
        ask(Path("/dev/full"))


@pytest.mark.parametrize("line", [b'{"batch": 1', b'"text"', b'{"batch": 1, "key": "k"}', b"[1, 2]", b"\xff"])
def test_a_ledger_that_is_no_ledger_is_named_and_left_alone(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "mine.jsonl"
    good = Ledger(path)
    good.add("k", 3, [{"design": {"a": 1}, "predicted": {}}])
    broken = path.read_bytes() + line + b"\n"
    path.write_bytes(broken)
    with pytest.raises(TableError, match=r"mine\.jsonl: line 2 is not a batch"):
        Ledger(path)
    assert path.read_bytes() == broken


def test_a_campaign_over_levels_keeps_its_budget_and_counts_only_the_last_level() -> None:
    levels = [Level("rough", 1, Bowl(tilt=0.05)), Level("fine", 4, Bowl())]
    search = Search(SPACE, (TARGET,), ())
    ledger = run_levels(search, levels, draw_start_designs(SPACE, 5, 0), budget=40, seed=0)
    assert ledger["cost"].sum() <= 40
    assert 40 - ledger["spent"].iloc[-1] < 4
    np.testing.assert_allclose(ledger["cost"].cumsum(), ledger["spent"])
    fine = ledger[ledger["label"] == "fine"]
    assert ledger["best_so_far"].iloc[-1] == fine["y"].min()
    assert len(ledger) > len(fine)
    assert fine["y"].min() < 1e-3  # 10 evaluations of the last level alone would be all that it could pay
    codes = fine[["a", "b"]].round(9)
    assert not codes.duplicated().any()


def test_levels_that_agree_are_found_to_be_correlated() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.random((20, 2))
    both = np.vstack([np.column_stack([inputs, np.full(20, 0.0)]), np.column_stack([inputs[:10], np.full(10, 0.2)])])
    alike = np.sin(5 * both[:, 0])
    unlike = np.where(both[:, 2] > 0, rng.normal(size=30), alike)
    correlations = []
    for values in (alike, unlike):
        process = fit_process(both, (values - values.mean()) / values.std(), np.full(30, 1e-6), rng)
        new = rng.random((50, 2))
        here, there = np.column_stack([new, np.zeros(50)]), np.column_stack([new, np.full(50, 0.2)])
        correlations.append(process.correlation(here, there).mean())
        np.testing.assert_allclose(process.correlation(here, here), 1, atol=1e-6)
    assert correlations[0] > correlations[1] + 0.1


@pytest.mark.parametrize(
    ("costs", "budget", "message"),
    [
        ((3, 1), 90, "in order of increasing cost"),
        ((1, 1), 90, "in order of increasing cost"),
        ((1, 3), 20, "use at least 27"),
    ],
)
def test_levels_that_make_no_sense_are_named(costs: tuple[float, float], budget: float, message: str) -> None:
    levels = [{"label": f"l{i}", "cost": cost, "evaluator": {"name": "ncm_formulas"}} for i, cost in enumerate(costs)]
    with pytest.raises(ValidationError, match=message):
        Fidelities(levels=levels, budget=budget, initial=8)
