"""The test of a final model on rows of another data set."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from batterymi.config.slices.training import TrainingSettings
from batterymi.data.external import ExternalRows
from batterymi.surrogates.official import HeldOutRows, score_stored_model
from batterymi.surrogates.store import StoredModel


def list_external_columns(settings: TrainingSettings) -> list[str]:
    """Return the columns that rows of another data set need: inputs of the variant, and the first objective."""
    assert settings.external_test is not None
    variant = settings.external_test.variant
    dropped = {name for ablation in settings.ablations if ablation.name == variant for name in ablation.drop}
    inputs = [feature.name for feature in settings.features if feature.name not in dropped]
    described = [name for d in settings.descriptors if d.name not in dropped for name in d.columns.values()]
    return [*inputs, *described, settings.objectives[0].name]


def score_external_test(
    models: Sequence[StoredModel], external: ExternalRows, settings: TrainingSettings
) -> dict[str, Any]:
    """Score the final model of a variant on rows of another data set.

    Args:
        models: the final models.
        external: the rows.
        settings: of the test, and of the first objective, which is tested.

    Returns:
        What `score_stored_model` gives but predictions, and how many rows there were and were left out.
    """
    wanted, objective = settings.external_test, settings.objectives[0]
    assert wanted is not None
    stored = next(m for m in models if (m.variant, m.objective) == (wanted.variant, objective.name))
    rows = external.rows
    family = settings.table.family
    held_out = HeldOutRows(
        rows,
        rows,
        rows[objective.name].to_numpy(float),
        np.zeros(len(rows), dtype=np.int8),
        list(rows[wanted.group]) if wanted.group else list(range(len(rows))),
        list(rows[family]) if family in rows else None,
    )
    found = score_stored_model(stored, held_out, objective, settings.surrogate.bootstraps, settings.seed)
    del found["predictions"]
    return {
        "dataset": wanted.dataset.name,
        "variant": wanted.variant,
        "model": stored.fitted.name,
        "unlike": list(wanted.unlike),
        "records": external.n_in,
        "dropped": external.n_dropped,
        "alike": external.alike,
        **found,
    }
