"""The stage `answer_exercises`: the chapter's five exercises, answered with the studies' own numbers."""

from pathlib import Path

import pandas as pd

from batterymi.config.campaign import NcmFormulasChoice
from batterymi.config.slices.exercises import ConductorSettings, ExerciseSettings
from batterymi.data.headers import strip_units
from batterymi.evaluators.ncm_formulas import NcmFormulas
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import read_frame, read_json, write_json, write_text
from batterymi.reporting.exercises import (
    Answer,
    answer_conductors,
    answer_hosts,
    answer_missing,
    answer_nickel,
    answer_rewards,
    answer_transfer,
    lay_out,
    list_answers,
)
from batterymi.reporting.pages import render_markdown, render_tables
from batterymi.surrogates.conditions import validate_bounds
from batterymi.vocabulary.splits import SPLIT, TRAIN

GOOD = -3.0  # log10(S/cm): the exercise asks for more than 10⁻³ S/cm
N_CONDITIONS = 3  # that the exercise asks for
MEASURED = "`--configfile config/measured.yaml`"


def answer_exercises(
    inputs: dict[str, Path], answers: Path, markdown: Path, page: Path, settings: ExerciseSettings
) -> None:
    """Answer the exercises.

    Args:
        inputs: files of studies by the names `conductors`, `hosts`, `host_importances`, `host_metrics`, `charges`,
            `transfer`; those of studies that are not in the run are missing.
        answers: JSON to write: question, answer, table, sources and limits of each.
        markdown: the same to read.
        page: the same as HTML.
        settings: of the studies.
    """
    found = [
        _answer_conductors(inputs, settings.conductors),
        _answer_hosts(inputs, settings),
        _answer_rewards(inputs, settings),
        _answer_nickel(),
        _answer_transfer(inputs),
    ]
    write_json(answers, {"exercises": list_answers(found)})
    write_text(markdown, "# Exercises\n\n" + render_markdown(lay_out(found)))
    write_text(page, render_tables("Exercises", lay_out(found)))


def _answer_conductors(inputs: dict[str, Path], settings: ConductorSettings | None) -> Answer:
    """Find and validate conditions on descriptors of the electrolytes."""
    if settings is None:
        return answer_missing(1, f"the study solid_electrolytes_measured, as with {MEASURED}")
    target = settings.objectives[0].name
    rows = read_frame(inputs["conductors"], needs=[target, SPLIT])
    rows = rows[(rows[SPLIT] == TRAIN) & rows[target].notna()].reset_index(drop=True)
    # those that a chemist can read: of the cell and of what it holds
    kept = [
        descriptor for descriptor in settings.descriptors if descriptor.function in ("lattice", "element_fractions")
    ]
    frame = pd.concat(compute_descriptors(rows, kept).values(), axis=1)
    frame = frame.loc[:, frame.nunique() > 1].rename(columns=lambda name: str(name).partition(": ")[2])
    is_good = (rows[target] > GOOD).to_numpy()
    groups = list(rows[settings.table.group_columns[0]])
    found = validate_bounds(frame, is_good, groups, N_CONDITIONS, settings.seed)
    return answer_conductors(found, inputs["conductors"].as_posix())


def _answer_hosts(inputs: dict[str, Path], settings: ExerciseSettings) -> Answer:
    """Read the hosts, and what the model leans on."""
    if settings.hosts is None:
        return answer_missing(2, "the study lithium_sulfur")
    metrics = read_frame(inputs["host_metrics"], needs=["selected", "variant", "q2"])
    best = metrics[metrics["selected"] & (metrics["variant"] == "all_features")].iloc[0].to_dict()
    swelling = next(
        (limit.values["swelling"] for limit in settings.hosts if limit.function == "sulfur_fits_pores"), 0.0
    )
    names = ("hosts", "host_importances", "host_metrics")
    return answer_hosts(
        read_frame(inputs["hosts"], needs=["host", "pore_size_nm", SPLIT]),
        read_frame(inputs["host_importances"], needs=["feature", "rmse_increase"]),
        {str(key): value for key, value in best.items()},
        swelling,
        [inputs[name].as_posix() for name in names],
    )


def _answer_rewards(inputs: dict[str, Path], settings: ExerciseSettings) -> Answer:
    """Weigh minutes against limits, on the simulated protocols."""
    if settings.charges is None:
        return answer_missing(3, "the study fast_charging")
    limits = {limit.objective: limit.value for objective in settings.charges for limit in objective.limits}
    charges = strip_units(read_frame(inputs["charges"], needs=[SPLIT, *limits]))
    return answer_rewards(charges[charges[SPLIT] == TRAIN], limits, [inputs["charges"].as_posix()])


def _answer_nickel() -> Answer:
    """Apply the chapter's formulas to both compositions."""
    both = pd.DataFrame({"ni": [0.8, 0.9], "co": [0.1, 0.05], "mn": [0.1, 0.05]})
    outcomes = NcmFormulas(NcmFormulasChoice(name="ncm_formulas"), ()).evaluate(both).drop(columns="failure")
    before, after = ({str(key): float(value) for key, value in row.items()} for _, row in outcomes.iterrows())
    return answer_nickel(before, after, ["the chapter's formulas, evaluator ncm_formulas"])


def _answer_transfer(inputs: dict[str, Path]) -> Answer:
    """Read the learning curves of transfer."""
    if "transfer" not in inputs:
        return answer_missing(5, f"the study sodium_ion_measured, as with {MEASURED}")
    path = inputs["transfer"]
    return answer_transfer(read_json(path, needs=["curves", "strategies", "source"]), [path.as_posix()])
