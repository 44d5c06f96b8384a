"""Numbers of stability that take long, for the candidates that pass the gates before the first that uses them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.config.slices.stability import AssessmentSettings
from batterymi.stability.assess import Assessor, Depth
from batterymi.stability.phases import PhaseTable
from batterymi.stability.screen import assess_formulas
from batterymi.stability.shards import name_systems
from batterymi.vocabulary.stability import PARTNERS


@dataclass(frozen=True)
class Refinement:
    """Computes slow columns of stability.

    Attributes:
        assessor: the phases, with their draws if a column needs them.
        columns: what is computed.
    """

    assessor: Assessor
    columns: tuple[str, ...]

    @classmethod
    def open(cls, phases: pd.DataFrame, columns: tuple[str, ...], settings: AssessmentSettings) -> "Refinement":
        """Take the phases.

        Args:
            phases: as `load_formation_energies` returns.
            columns: which gates use, of those that not every formula has.
            settings: of the draws.
        """
        draws = settings.draws if any(name.startswith("sd_") for name in columns) else 0
        return cls(Assessor(PhaseTable(phases), draws, settings.noise_ev_atom, settings.seed), columns)

    @property
    def depth(self) -> Depth:
        """Return how much is computed: no more than the columns need."""
        partners = tuple(name for name in PARTNERS if f"e_{name}" in self.columns)
        draws = any(name.startswith("sd_") for name in self.columns)
        return Depth(partners, edges=draws or any(name.endswith("_without") for name in self.columns), draws=draws)

    def compute(self, formulas: pd.Series, chosen: Mask) -> dict[str, Array]:
        """Compute the columns of chosen candidates.

        Args:
            formulas: of n candidates.
            chosen: for which they are computed, shape (n,).

        Returns:
            Each column, shape (n,); NaN of the others, and where an element has no energy.
        """
        found = {name: np.full(len(formulas), np.nan) for name in self.columns}
        if not chosen.any():
            return found
        texts = formulas[chosen].tolist()
        frame = pd.DataFrame({"formula": texts, "system": name_systems(texts), "place": np.flatnonzero(chosen)})
        # system by system, so that the phases of each are put together once
        ordered = frame.sort_values(["system", "place"], ignore_index=True)
        computed = assess_formulas(ordered, self.assessor, self.depth, lambda done, total: None)
        for name, values in found.items():
            values[ordered["place"].to_numpy()] = computed[name].to_numpy(float)
        return found
