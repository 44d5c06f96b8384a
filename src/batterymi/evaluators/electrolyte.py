"""Compositions of electrolytes: conductivity by a model of measured ones, stability by formation energies."""

import numpy as np
import pandas as pd

from batterymi.config.campaign import ElectrolyteChoice
from batterymi.config.parts import Objective
from batterymi.errors import DamagedFileError
from batterymi.evaluators.base import NO_FILES, EvaluatorFiles
from batterymi.files import read_frame
from batterymi.stability.assess import Assessor, Depth
from batterymi.stability.phases import PHASE_COLUMNS, PhaseTable, StabilityError
from batterymi.surrogates.exceedance import compute_exceedance
from batterymi.surrogates.store import find_stored
from batterymi.vocabulary.arguments import FORMULAS
from batterymi.vocabulary.electrolyte import CHANCE, CONDUCTIVITY
from batterymi.vocabulary.stability import PARTNERS

LEAST = 1e-9  # a smaller share of the atoms is none
DIGITS = 6  # of amounts in a formula


class ElectrolyteEvaluator:
    """Conductivity, window and reactions of compositions.

    The conductivity is the prediction of another study's model, which takes the formula alone. Window and reactions are
    those of the equilibrium at the composition, so it needs no entry in the table of phases, and nothing is said of how
    far it lies above the hull.
    """

    is_cheap = False
    kind = "predicted, and computed from formation energies"

    def __init__(
        self,
        choice: ElectrolyteChoice,
        objectives: tuple[Objective, ...],
        files: EvaluatorFiles = NO_FILES,
        processes: int = 1,
    ) -> None:
        """Load the model and the phases.

        Args:
            choice: settings.
            objectives: the study's objectives, named after outcomes.
            files: the model and the phases.
            processes: not used.

        Raises:
            ValueError: if a file is not given.
            DamagedFileError: if the model is not the one that is wanted, or takes more than formulas.
        """
        if files.model is None or files.phases is None:
            raise ValueError("the electrolyte evaluator needs a model and a table of phases")
        self._stored = find_stored(files.model, choice.variant, CONDUCTIVITY)
        if self._stored.features:
            raise DamagedFileError(
                files.model,
                f"its variant '{choice.variant}' takes '{self._stored.features[0]}', which a composition alone does "
                "not tell; name a variant that takes formulas only",
            )
        # every formula that the model takes is the composition's
        self._columns = {
            column
            for descriptor in self._stored.descriptors
            for argument, column in descriptor["columns"].items()
            if argument in FORMULAS
        }
        if choice.threshold is not None and not len(self._stored.errors):
            raise DamagedFileError(files.model, "its model has no held-out errors, from which probabilities are taken")
        self._elements, self._threshold = choice.elements, choice.threshold
        self._names = [objective.name for objective in objectives]
        partners = tuple(partner for partner in PARTNERS if f"e_{partner}" in self._names)
        self._depth = Depth(partners, edges=False)
        self._assessor = Assessor(PhaseTable(read_frame(files.phases, PHASE_COLUMNS)))

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Predict and compute compositions.

        Args:
            designs: a column for each of the elements: its share of the atoms.

        Returns:
            A column for each objective, and `failure`: what the stability could not be computed for.
        """
        amounts = self.list_amounts(designs)
        rows = [self._compute_stability(each) for each in amounts]
        frame = pd.DataFrame(rows, index=designs.index)
        mean, spread = self._stored.predict_spread(self._write_formulas(amounts, designs.index))
        frame[CONDUCTIVITY] = mean
        if self._threshold is not None:
            # -1, since a larger conductivity is the better one
            frame[CHANCE] = compute_exceedance(mean, spread, self._stored.errors, self._threshold, -1)
        is_lacking = frame[self._names].isna().any(axis=1) & (frame["failure"] == "")
        frame.loc[is_lacking, "failure"] = "no window"
        frame.loc[frame["failure"] != "", self._names] = np.nan
        return frame[[*self._names, "failure"]]

    def list_amounts(self, designs: pd.DataFrame) -> list[dict[str, float]]:
        """Return the amounts of the elements that each design holds."""
        symbols = list(self._elements.values())
        shares = designs[list(self._elements)].to_numpy(float)
        return [
            {symbol: float(share) for symbol, share in zip(symbols, row, strict=True) if share > LEAST}
            for row in shares
        ]

    def half_widths(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Return half widths of the conductivity's 95 % intervals; the other outcomes have none."""
        amounts = self.list_amounts(designs)
        frame = pd.DataFrame(np.nan, index=designs.index, columns=self._names)
        if CONDUCTIVITY in self._names:
            frame[CONDUCTIVITY] = self._stored.predict(self._write_formulas(amounts, designs.index))[1]
        return frame

    def references(self) -> None:
        """Return None: every row is a design."""
        return

    def _compute_stability(self, amounts: dict[str, float]) -> dict[str, float | str]:
        """Return the window and the reactions of one composition, or why there are none."""
        try:
            found = self._assessor.assess(amounts, self._depth).as_row()
        except StabilityError as error:
            return {"failure": str(error)}
        return {**found, "failure": ""}

    def _write_formulas(self, amounts: list[dict[str, float]], index: pd.Index) -> pd.DataFrame:
        """Return the columns of formulas that the model takes."""
        texts = ["".join(f"{symbol}{share:.{DIGITS}f}" for symbol, share in each.items()) for each in amounts]
        return pd.DataFrame(dict.fromkeys(sorted(self._columns), texts), index=index)
