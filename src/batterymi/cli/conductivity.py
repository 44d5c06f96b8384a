"""What a study's model says of the conductivity of formulas, for `batterymi assess`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from batterymi.config.run import Config
from batterymi.screening.best import find_nearest
from batterymi.vocabulary.arguments import FORMULAS
from batterymi.vocabulary.electrolyte import CHANCE, CONDUCTIVITY
from batterymi.workflow.project import folder_of
from batterymi.workflow.settings import find_study

if TYPE_CHECKING:
    from batterymi.screening.scorer import Scorer

LOWER, UPPER, INSIDE = "conductivity_lower_95", "conductivity_upper_95", "conductivity_inside"
NEAREST = ("nearest_known", "atoms_exchanged", "nearest_measured")
COLUMNS = (CONDUCTIVITY, LOWER, UPPER, CHANCE, INSIDE, *NEAREST)


@dataclass(frozen=True)
class ConductivityModel:
    """A model of conductivities that takes a formula alone.

    Attributes:
        scorer: the model.
        rows: what it learned from.
        column: the formulas among them.
        threshold: log10 of the conductivity in S/cm that counts as high; None if the study names none.
        name: of the study.
    """

    scorer: "Scorer"
    rows: pd.DataFrame
    column: str
    threshold: float | None
    name: str

    def predict(self, formulas: Sequence[str]) -> pd.DataFrame:
        """Return `COLUMNS` for each formula."""
        from batterymi.surrogates.exceedance import compute_exceedance

        frame = pd.DataFrame({self.column: list(formulas)})
        found = self.scorer.predict(frame)
        chance = np.full(len(frame), np.nan)
        if self.threshold is not None:
            # -1, since a larger conductivity is the better one
            chance = compute_exceedance(found.mean, found.spread, self.scorer.errors, self.threshold, -1)
        columns = {
            CONDUCTIVITY: found.mean,
            LOWER: found.mean - found.half_width,
            UPPER: found.mean + found.half_width,
            CHANCE: chance,
            INSIDE: found.inside,
        }
        nearest = find_nearest(frame[self.column], self.rows, self.column, CONDUCTIVITY)
        return pd.concat([pd.DataFrame(columns), nearest], axis=1)


def open_conductivity(config: Config) -> ConductivityModel | str:
    """Return the model that config/config.yaml names, or why there is none yet.

    Raises:
        BatteryMIError: if the study is wrong, or a file of its model is damaged.
    """
    settings = config.stability
    name = settings.conductivity_of
    folder = folder_of(config, "results") / name
    model, table = folder / "surrogate/model.skops", folder / "table.parquet"
    predictions = folder / "surrogate/predictions.parquet"
    if not all(path.is_file() for path in (model, table, predictions)):
        return f"unknown until there is a model, which `snakemake {name}` makes (it needs the data sets)"
    # scikit-learn takes longer to import than one formula to compute, and is needed for a model alone
    from batterymi.screening.load_scorer import load_scorer

    study = find_study(name, config)
    descriptors = study.list_descriptors(settings.conductivity_variant)
    columns = {column for one in descriptors for argument, column in one.columns.items() if argument in FORMULAS}
    if len(columns) != 1 or study.variants[settings.conductivity_variant]:
        return f"unknown: the variant '{settings.conductivity_variant}' of {name} takes more than one formula"
    scorer, rows = load_scorer(model, table, predictions, settings.conductivity_variant, CONDUCTIVITY)
    threshold = next((one.threshold for one in study.objectives if one.name == CONDUCTIVITY), None)
    return ConductivityModel(scorer, rows, columns.pop(), threshold, name)


def describe_conductivity(row: pd.Series, model: ConductivityModel) -> list[str]:
    """Return lines for a terminal about one formula."""
    beyond = "" if model.threshold is None else f"; P(above 1e{model.threshold:g} S/cm) {row[CHANCE]:.2f}"
    where = "inside" if row[INSIDE] else "outside, so the interval is a guess"
    known = f"{row['nearest_known']}, {row['atoms_exchanged']:.0%} of the atoms exchanged"
    return [
        f"  conductivity     10^{row[CONDUCTIVITY]:.1f} S/cm [10^{row[LOWER]:.1f}, 10^{row[UPPER]:.1f}]{beyond}",
        f"                   by {model.name}; applicability domain: {where}",
        f"  nearest measured {known}: 10^{row['nearest_measured']:.1f} S/cm",
    ]
