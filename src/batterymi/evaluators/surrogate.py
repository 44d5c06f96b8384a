"""Designs evaluated by the study's own model."""

import numpy as np
import pandas as pd

from batterymi.config.campaign import SurrogateChoice
from batterymi.config.parts import Objective
from batterymi.errors import DamagedFileError
from batterymi.evaluators.base import EvaluatorFiles
from batterymi.surrogates.store import StoredModel, load_models


class SurrogateEvaluator:
    """Predictions of one variant's models."""

    is_cheap = True
    kind = "predicted"

    def __init__(
        self, choice: SurrogateChoice, objectives: tuple[Objective, ...], files: EvaluatorFiles, processes: int = 1
    ) -> None:
        """Load the models.

        Args:
            choice: settings.
            objectives: the study's objectives.
            files: with the models.
            processes: not used; predictions are quick.

        Raises:
            ValueError: if no model file is given.
            DamagedFileError: if the file has no model of an objective.
        """
        model = files.model
        if model is None:
            raise ValueError("the surrogate evaluator needs a model file")
        stored = load_models(model)
        self._models: dict[str, StoredModel] = {one.objective: one for one in stored if one.variant == choice.variant}
        if lacking := [objective.name for objective in objectives if objective.name not in self._models]:
            raise DamagedFileError(model, f"it has no model of {lacking[0]} for the variant {choice.variant}")
        self._objectives, self._path = objectives, model

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Predict designs; a prediction cannot fail.

        A prediction outside the possible range is cut to it: a retention of 139 % is an extrapolation, and must not
        attract the search.
        """
        frame = pd.DataFrame(index=designs.index)
        # a model file of other settings would otherwise fail deep inside the pipeline
        lacking = {name for target in self._objectives for name in self._models[target.name].features} - set(designs)
        if lacking:
            raise DamagedFileError(self._path, f"its models take '{min(lacking)}', which designs of this study lack")
        for objective in self._objectives:
            mean, _ = self._models[objective.name].predict(designs)
            frame[objective.name] = np.clip(mean, *(objective.valid or (-np.inf, np.inf)))
        return frame.assign(failure="")

    def get_model(self, objective: str) -> StoredModel:
        """Return the model of an objective."""
        return self._models[objective]

    def half_widths(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Return half widths of the predictions' 95 % intervals."""
        found = {o.name: self._models[o.name].predict(designs)[1] for o in self._objectives}
        return pd.DataFrame(found, index=designs.index)

    def references(self) -> None:
        """Return None: every row is a design."""
        return
