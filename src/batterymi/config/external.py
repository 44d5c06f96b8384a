"""Rows that models are tested on after everything was chosen: an official test split, and another data set."""

from collections.abc import Collection, Iterator

from pydantic import Field

from batterymi.config.parts import Name, Strict
from batterymi.config.sources import DatasetRows
from batterymi.spelling import did_you_mean


class OfficialSplit(Strict):
    """What is known of the official test split of a data set beside its rows."""

    looks: int = Field(
        1, ge=1, description="How often its scores were seen while the study was built, this time included."
    )
    note: str = Field(
        "", description="What was changed between the looks, and for which reason; it stands wherever the scores do."
    )


class ExternalTest(Strict):
    """Rows of another data set, which the final model is tested on."""

    dataset: DatasetRows = Field(description="A data set of config/datasets.yaml.")
    variant: Name = Field("all_features", description="Variant whose model is tested; the rows need its columns.")
    unlike: tuple[Name, ...] = Field(
        (),
        description="Columns of both tables; a row that agrees with one of the study's in any of them is left out.",
    )
    group: Name | None = Field(None, description="Column of its groups, which are resampled for the intervals.")


def find_external_problems(test: ExternalTest | None, variants: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with an external test: a variant that the study does not have."""
    if test is not None and test.variant not in variants:
        yield f"external_test.variant: '{test.variant}' is not a variant; {did_you_mean(test.variant, variants)}"
