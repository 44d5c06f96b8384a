"""The space that a study's settings describe."""

from dataclasses import replace

import pandas as pd

from batterymi.config.slices.campaign import DesignSettings
from batterymi.optimise.space.described import make_described_space
from batterymi.optimise.space.space import Space, make_space
from batterymi.vocabulary.splits import SPLIT, TRAIN


def make_study_space(settings: DesignSettings, table: pd.DataFrame, candidates: pd.DataFrame | None = None) -> Space:
    """Build the space of a study's campaign.

    Args:
        settings: features to choose, constraints, and how far designs may be from known rows.
        table: the study's table; distances are measured to its measured rows.
        candidates: a list of designs to choose from.

    Returns:
        The space.

    Raises:
        DesignError: if no design meets the constraints.
    """
    if settings.primary_descriptors and candidates is not None:
        return make_described_space(settings, table, candidates)
    space = make_space(
        settings.designable,
        settings.simplex,
        settings.constraints,
        # failed and pending rows have no outcomes to learn from, so they do not extend the space
        table[table[SPLIT] == TRAIN],
        settings.campaign.max_distance,
        settings.derived,
        candidates,
    )
    return replace(space, shared=settings.campaign.shared_in_batch)
