"""Validated models of a study, as Python sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.campaign import SurrogateChoice
from batterymi.config.slices.reporting import ReportedStudy
from batterymi.config.study import Study
from batterymi.data.formula_columns import list_formula_columns, read_formula_columns
from batterymi.data.headers import strip_units
from batterymi.data.schema import list_faults
from batterymi.errors import DesignError
from batterymi.evaluators.base import EvaluatorFiles
from batterymi.evaluators.surrogate import SurrogateEvaluator
from batterymi.files import read_frame
from batterymi.notebook.arguments import read_rows, show_value
from batterymi.notebook.compute import Work
from batterymi.notebook.show import show_block, show_frame, show_list, show_text
from batterymi.notebook.workplace import work_in
from batterymi.reporting.study_results import StudyResults
from batterymi.reporting.summary import join_verdicts
from batterymi.reporting.trust import summarise_trust
from batterymi.spelling import did_you_mean
from batterymi.text_safety import show_in_line

Designs = pd.DataFrame | pd.Series | Mapping[str, Any] | Sequence[Mapping[str, Any]]
SHOWN = ["objective", "model", "unit", "mae", "mae_lower", "mae_upper", "q2", "q2_lower", "q2_upper", "verdict"]


@dataclass(frozen=True)
class Fit:
    """Models of a study, validated on held-out rows.

    Attributes:
        name: of the study.
        metrics: a row for each variant, objective and model: held-out errors (in `unit`), Q², each with 95 % bounds,
            coverage of intervals, p-value, whether it was `selected`, and the verdict.
        verdict: whether the selected models have skill, in words.
        trust: sentences on how far they can be trusted: partitions, calibration, ranks, noise and others, by subject.
        calibration: for each objective and level, the share of held-out outcomes within their interval, with 95 %
            bounds, and the median half width.
        importances: out-of-fold permutation importances of the selected models.
        notes: what the stages warned of; nothing where models were reused.
        log: what they wrote.
    """

    name: str
    metrics: pd.DataFrame
    verdict: str
    trust: dict[str, str]
    calibration: pd.DataFrame
    importances: pd.DataFrame
    notes: list[str]
    log: Path
    _study: Study = field(repr=False)
    _model: Path = field(repr=False)
    _project: Path = field(repr=False)

    @property
    def scores(self) -> pd.DataFrame:
        """Return the metrics of the selected models, those that predict designs, a row for each objective."""
        chosen = self.metrics[self.metrics["selected"] & (self.metrics["variant"] == self._study.primary_variant)]
        return chosen.set_index("objective", drop=False)

    def predict(self, designs: Designs) -> pd.DataFrame:
        """Predict outcomes of designs.

        Args:
            designs: one row per design, or a mapping, with a value for each feature, in the units of the study;
                formulas as in the table; NaN or None for a feature that does not apply.

        Returns:
            For each objective, in its unit, `NAME`, `NAME_lower_95` and `NAME_upper_95`; shape (n_designs, 3
            n_objectives), indexed as the designs are. Predictions and bounds are cut to the possible range (`valid`).

        Raises:
            DesignError: if a feature is missing, no number, or no choice of the study, or a column is unknown.
            ConfigError: if the designs are no rows.
        """
        frame = _read_designs(designs)
        study = self._study
        with work_in(self._project):
            choice = SurrogateChoice(name="surrogate", variant=study.primary_variant)
            evaluator = SurrogateEvaluator(choice, study.objectives, EvaluatorFiles(self._model))
            needed = {name for o in study.objectives for name in evaluator.get_model(o.name).features}
            prepared = _prepare_designs(frame.reset_index(drop=True), study, needed, _list_known(study, self._model))
            means, widths = evaluator.evaluate(prepared), evaluator.half_widths(prepared)
        columns = {}
        for objective in study.objectives:
            low, high = objective.valid or (-np.inf, np.inf)
            mean, half = means[objective.name], widths[objective.name]
            columns[objective.name] = mean
            columns[f"{objective.name}_lower_95"] = (mean - half).clip(low, high)
            columns[f"{objective.name}_upper_95"] = (mean + half).clip(low, high)
        return pd.DataFrame(columns).set_axis(frame.index)

    def _repr_html_(self) -> str:
        """Return the verdict and the scores of the selected models, for notebooks."""
        scores = self.scores.reset_index(drop=True)
        trust = [f"{subject.replace('_', ' ')}: {text}" for subject, text in self.trust.items()]
        parts = [f"<p>{show_text(self.verdict)}</p>", show_frame(scores[[c for c in SHOWN if c in scores]])]
        return show_block(self._study.title, *parts, show_list(trust), show_list(self.notes))


def read_fit(work: Work, notes: list[str], project: Path) -> Fit:
    """Read what the stages wrote of a study's models.

    Args:
        work: the study.
        notes: what the stages warned of.
        project: its folder.

    Raises:
        DamagedFileError: if a file is not what a stage wrote there.
    """
    results = StudyResults.of_folder(work.place.folder, work.study)
    plain = StudyResults(
        {name: results.files[name] for name in ("metrics", "validation", "importances", "table_report")},
        ReportedStudy.take_from(work.study),
    )
    # transfer and screens are stages of the workflow alone
    vars(plain).update(transfer=None, screen_report=None)
    cells = summarise_trust(plain)
    entries = [
        {"objective": name, **entry}
        for name, found in plain.validation["objectives"].items()
        for entry in found["calibration"]
    ]
    return Fit(
        work.place.study,
        plain.metrics,
        join_verdicts(plain.selected),
        {key: str(value) for key, (value, _) in cells.items() if value},
        pd.DataFrame(entries),
        plain.importances,
        notes,
        project / work.place.log,
        work.study,
        work.surrogate.model,
        project,
    )


def _read_designs(designs: Designs) -> pd.DataFrame:
    """Return designs as a frame.

    Raises:
        DesignError: if there is none, or one is no mapping.
        ConfigError: if they are something else.
    """
    wanted = "a frame with a row for each design, or a mapping of features to values, or a list of these"
    given = read_rows("designs", designs, wanted)
    if isinstance(given, pd.DataFrame):
        return given
    rows = [given] if isinstance(given, Mapping) else list(given)
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DesignError(f"designs: row {place}: found {show_value(row)}; give {wanted}")
        for name, value in row.items():
            if isinstance(value, Mapping | Sequence | np.ndarray | pd.Series) and not isinstance(value, str):
                raise DesignError(f"designs: {name}: found {show_value(value)}; give one value, or {wanted}")
    if not rows:
        raise DesignError(f"designs: none was given; give {wanted}")
    return pd.DataFrame(rows)


def _list_known(study: Study, model: Path) -> set[str]:
    """Return the columns that designs may have: those of the study's table, and those of its last batch."""
    folder = model.parent.parent
    named = {column.name for column in (*study.features, *study.objectives)} | {q.name for q in study.derived}
    files = StudyResults.of_folder(folder, study).files
    # rows and batches may be predicted as they are
    frames = [read_frame(files["table"])]
    frames += [strip_units(read_frame(files["suggestions"]))] if files["suggestions"].is_file() else []
    return named | {str(column) for frame in frames for column in frame.columns}


def _prepare_designs(frame: pd.DataFrame, study: Study, needed: set[str], known: set[str]) -> pd.DataFrame:
    """Return designs as models take them.

    Args:
        frame: the designs.
        study: its settings.
        needed: features of the models.
        known: other columns that may be there.

    Raises:
        DesignError: if a column is missing, or holds what the study does not know.
    """
    columns = list_formula_columns(study.descriptors, study.table.formula_column)
    inputs = {column for descriptor in study.primary_descriptors for column in descriptor.columns.values()}
    for name in frame.columns:
        if name not in known:
            raise DesignError(
                f"designs: '{show_in_line(str(name))}' is no feature of the study, nor a column of its table; "
                f"{did_you_mean(str(name), needed | inputs)}"
            )
    for name in sorted((needed | inputs) - set(frame)):
        raise DesignError(f"designs: '{name}' is missing; {did_you_mean(name, map(str, frame.columns))}")
    formulas = read_formula_columns(frame, [name for name in columns if name in frame])
    if formulas.faults:
        raise DesignError("\n".join(list_faults("designs", formulas.faults)))
    found = formulas.frame.copy()
    for feature in (feature for feature in study.features if feature.name in needed):
        name, cells = feature.name, found[feature.name]
        if feature.is_category:
            unknown = [cell for cell in cells.dropna() if str(cell) not in (feature.choices or ())]
            if unknown:
                hint = did_you_mean(str(unknown[0]), feature.choices or ())
                raise DesignError(f"designs: {name}: '{unknown[0]}' is no choice of the study; {hint}")
            continue
        numbers = pd.to_numeric(cells, errors="coerce")
        lacking = ~np.isfinite(numbers) & ~(cells.isna() & feature.is_conditional)
        if lacking.any():
            place = int(np.flatnonzero(lacking)[0])
            raise DesignError(
                f"designs: {name}: row {place}: found '{cells.iloc[place]}'; give a number in {feature.unit}"
            )
        found[name] = numbers
    return found
