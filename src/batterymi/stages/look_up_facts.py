"""The stage `look_up_facts`: what a study's rows and model say of numbers that the chapter states."""

import logging
from pathlib import Path

import pandas as pd

from batterymi import registry
from batterymi.arrays import Array
from batterymi.chapter.facts import Predictor, as_plain_data
from batterymi.config.slices.chapter import LookupSettings
from batterymi.files import read_frame, write_json
from batterymi.surrogates.store import find_stored

logger = logging.getLogger(__name__)


def look_up_facts(table: Path, metrics: Path, model: Path, facts: Path, settings: LookupSettings) -> None:
    """Look up in a study's table what the chapter's numbers can be compared with.

    Args:
        table: the study's table.
        metrics: scores and verdicts of its models.
        model: these models; that of the screen predicts compositions that no row has.
        facts: JSON to write: each number with its range or interval, the number of rows, and how it was found.
        settings: what is looked up.
    """
    variant = settings.screen.variant if settings.screen else settings.primary_variant

    def predict(designs: pd.DataFrame) -> tuple[Array, Array]:
        return find_stored(model, variant, settings.target_name).predict(designs)

    scores = read_frame(metrics, ["selected"], {"variant": [variant], "objective": [settings.target_name]})
    of_target = (scores["variant"] == variant) & (scores["objective"] == settings.target_name)
    verdict = str(scores.loc[of_target & scores["selected"], "verdict"].iloc[0])
    look_up = registry.look_up("lookup", str(settings.claimed.lookups))
    found = look_up(read_frame(table), Predictor(predict, verdict))
    write_json(facts, as_plain_data(found))
    logger.info("%d facts", len(found))
