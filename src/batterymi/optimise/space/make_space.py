"""The space that a study's settings describe."""

from typing import Any

import pandas as pd

from batterymi.config.campaign import Campaign
from batterymi.config.designs import Derived
from batterymi.config.parts import Constraint, Feature, Simplex
from batterymi.data.designs import read_designs
from batterymi.optimise.space.space import Space, make_space
from batterymi.vocabulary.splits import SPLIT, TRAIN


def study_space(
    table: pd.DataFrame,
    campaign: dict[str, Any],
    features: list[dict[str, Any]],
    simplex: dict[str, Any] | None,
    constraints: list[dict[str, Any]],
    derived: list[dict[str, Any]],
) -> Space:
    """Build the space of a study's campaign.

    Args:
        table: the study's table; its measured rows bound how far designs may reach, if the campaign says so.
        campaign: settings of the campaign.
        features: settings of the features that it chooses.
        simplex: settings of the composition, or None.
        constraints: settings of the constraints.
        derived: settings of quantities that constraints may name.

    Returns:
        The space.

    Raises:
        DesignError: if no design meets the constraints.
        TableError: if the list of candidates cannot be read.
    """
    settings = Campaign(**campaign)
    chosen = [Feature(**feature) for feature in features]
    return make_space(
        chosen,
        Simplex(**simplex) if simplex else None,
        [Constraint(**constraint) for constraint in constraints],
        table[table[SPLIT] == TRAIN],
        settings.reach,
        [Derived(**one) for one in derived],
        read_designs(settings.pool, chosen) if settings.pool else None,
    )
