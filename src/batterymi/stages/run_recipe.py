"""The stage `run_recipe`: the numbers that the chapter's own recipe for a study gives."""

import logging
from pathlib import Path

from batterymi import registry
from batterymi.config.slices.chapter import RecipeSettings
from batterymi.files import read_frame, write_json

logger = logging.getLogger(__name__)


def run_recipe(table: Path | None, numbers: Path, settings: RecipeSettings) -> None:
    """Run the chapter's recipe for a study, as its text describes it, and write every number that it gives.

    Args:
        table: the chapter's table; None where it has formulas or profiles instead.
        numbers: JSON to write: what the recipe prints, and what follows by arithmetic from stated numbers.
        settings: which recipe.
    """
    rows = None if table is None else read_frame(table)
    write_json(numbers, registry.look_up("recipe", str(settings.claimed.recipe))(rows))
    logger.info("the recipe %s was run", settings.claimed.recipe)
