"""Names that settings take from a registry: checked when settings are read, and listed in the schema for editors."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from batterymi import registry
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.unit_table import UNITS, UnitError, find_own_unit

# which studies a plain run takes together; those on request only run where they are named
Edition = Literal["textbook", "measured", "own", "on_request"]


@dataclass(frozen=True)
class Registered:
    """Marks a text as the name of something registered.

    Attributes:
        kind: kind of the registry.
        thing: what messages call it, with its article.
        excluded: names that are not allowed here.
    """

    kind: str
    thing: str
    excluded: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Return the names that are allowed here."""
        return [name for name in registry.list_names(self.kind) if name not in self.excluded]

    def check(self, value: str) -> str:
        """Refuse a name that the registry does not have."""
        if value not in self.names:
            raise ValueError(f"'{value}' is not {self.thing}; {did_you_mean(value, self.names)}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the name after its type."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """List the names."""
        return handler(schema) | {"enum": self.names, "x-list": self.kind}


def check_unit(value: str) -> str:
    """Refuse a slip in a unit; a unit becomes the spelling of the table, other text stays as it is."""
    try:
        return find_own_unit(value)
    except UnitError as error:
        raise ValueError(str(error)) from None


# editors complete the units of the field, and take others
_UNIT_SCHEMA = {"anyOf": [{"enum": list(UNITS)}, {"type": "string"}]}
UnitName = Annotated[str, AfterValidator(check_unit), WithJsonSchema(_UNIT_SCHEMA)]
CellName = Annotated[str, Registered("cell", "a declared cell")]
ConstraintName = Annotated[str, Registered("constraint", "a known constraint")]
DerivationName = Annotated[str, Registered("derivation", "a known derivation")]
DescriptorName = Annotated[str, Registered("descriptor", "a known descriptor")]
EngineName = Annotated[str, Registered("engine", "a known engine")]
ModelName = Annotated[str, Registered("model", "a model")]
MemberName = Annotated[str, Registered("model", "a model that can be a member", excluded=("blend",))]
RecipeName = Annotated[str, Registered("recipe", "a recipe of the chapter")]
LookupName = Annotated[str, Registered("lookup", "a known look-up")]
FigureName = Annotated[str, Registered("figure", "a known figure")]
