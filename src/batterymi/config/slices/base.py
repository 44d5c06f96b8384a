"""Slices: exactly the settings that one stage depends on, as one model for each stage.

A rule hands a slice over as plain data, so that Snakemake reruns the stage when one of these settings changes and only
then; the stage reads it back, once, with the types that all code below uses.
"""

from typing import Any, Self

from batterymi.config.parts import Strict


class Slice(Strict):
    """The settings of one stage; each field has the name of an attribute of what it is taken from."""

    @classmethod
    def take_from(cls, source: Any, **extra: Any) -> Self:
        """Return the slice of a study, or of other settings.

        Args:
            source: what has an attribute for each field, as a `Study`.
            extra: fields that the source lacks.
        """
        return cls(**{name: getattr(source, name) for name in cls.model_fields if name not in extra}, **extra)

    @classmethod
    def dump_from(cls, source: Any, **extra: Any) -> dict[str, Any]:
        """Return the same as plain data for a rule's `params`, which `model_validate` reads back."""
        return cls.take_from(source, **extra).model_dump(mode="json")
