"""The model that all settings derive from."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails


class Strict(BaseModel):
    """A model that refuses unknown keys, numbers that are not finite, and true or false where numbers belong."""

    # an unknown key is most likely a typo
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_booleans(cls, value: object) -> object:
        # Python takes them as 1 and 0
        if isinstance(value, Mapping):
            wrong: list[InitErrorDetails] = [
                {"type": error, "loc": (name,), "input": value[name]}
                for name, field in cls.model_fields.items()
                if name in value and (error := _find_boolean(value[name], field.annotation))
            ]
            if wrong:
                raise ValidationError.from_exception_data(cls.__name__, wrong)
        return value


def _find_boolean(value: object, annotation: Any) -> str:
    """Return pydantic's name of the error if a value is or holds a boolean where its type takes numbers alone."""
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else (value,)
    if not any(isinstance(part, bool) for part in parts):
        return ""
    kinds = _list_kinds(annotation)
    return "" if bool in kinds or not kinds & {int, float} else "float_type" if float in kinds else "int_type"


@cache
def _list_kinds(annotation: Any) -> frozenset[type]:
    """Return the plain types within an annotation; of literals those of their values."""
    parts = get_args(annotation)
    if get_origin(annotation) is Literal:
        return frozenset(map(type, parts))
    own = {annotation} if isinstance(annotation, type) else {bool} if annotation is Any else set()
    return frozenset(own).union(*(_list_kinds(part) for part in parts))
