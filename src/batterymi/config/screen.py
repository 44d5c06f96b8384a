"""The screen of a study: where candidate compositions come from, and the gates that they must pass."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from batterymi.config.expressions import parse_condition
from batterymi.config.parts import Name, Strict, check_condition, check_inside_folder
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.elements import SYMBOLS

# what a gate may hold against a candidate once it is predicted
PREDICTED = ("predicted", "lower_95", "upper_95", "distance", "inside", "novel")

# columns that a screen adds to its candidates, beside predictions
OWN_COLUMNS = (
    *("formula", "position", "passed", "rank", "out_of_range"),
    *("nearest_known", "atoms_exchanged", "nearest_measured"),
)

MOST_RATIOS = 2_000_000  # of one choice of elements; all of them are in memory


def check_elements(value: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Refuse what is not an element's symbol, or is listed twice."""
    for symbol in value or ():
        if symbol not in SYMBOLS:
            raise ValueError(f"there is no element '{symbol}'; {did_you_mean(symbol, SYMBOLS)}")
    if value is not None and len(set(value)) != len(value):
        raise ValueError(f"'{next(symbol for symbol in value if value.count(symbol) > 1)}' is listed twice")
    return value


class FileSource(Strict):
    """Candidates from a file of your own."""

    dataset: ClassVar[str | None] = None  # of the catalogue

    name: Literal["file"]
    file: str = Field(description="CSV or Parquet file, relative to the workflow's folder, read in pieces.")
    formula_column: Name = Field("formula", description="Its column of formulas.")
    bad_rows: Literal["stop", "drop"] = Field(
        "stop", description="`drop` leaves rows out whose formula cannot be read, and counts them."
    )

    _inside = field_validator("file")(check_inside_folder)

    @field_validator("file")
    @classmethod
    def _check_suffix(cls, value: str) -> str:
        if not value.endswith((".csv", ".parquet")):
            raise ValueError(f"'{value}' ends neither in .csv nor in .parquet")
        return value


class CompositionsSource(Strict):
    """Compositions of the Materials Project, with their distance from the convex hull and their band gaps."""

    dataset: ClassVar[str | None] = "mp_compositions"

    name: Literal["mp_compositions"]
    element: str = Field("Li", description="Element that every candidate contains.")

    @field_validator("element")
    @classmethod
    def _check_element(cls, value: str) -> str:
        check_elements((value,))
        return value


class EnumerationSource(Strict):
    """Every charge-neutral composition of some elements, by SMACT's oxidation states and electronegativities."""

    dataset: ClassVar[str | None] = None  # of the catalogue

    name: Literal["enumeration"]
    elements: tuple[str, ...] = Field(min_length=2, max_length=60, description="Elements to combine.")
    always: tuple[str, ...] = Field(("Li",), description="Elements that every candidate contains.")
    sizes: tuple[Annotated[int, Field(ge=2, le=5)], ...] = Field(
        (2, 3, 4), min_length=1, description="Numbers of elements of a candidate."
    )
    largest_amount: int = Field(8, ge=1, le=20, description="Largest number of one element's atoms in a formula.")
    oxidation_states: Literal["icsd24", "icsd16", "smact14", "pymatgen_sp"] = Field(
        "icsd24", description="SMACT's list of oxidation states."
    )

    _known = field_validator("elements", "always")(check_elements)

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        for symbol in self.always:
            if symbol not in self.elements:
                raise ValueError(f"always: '{symbol}' is not among elements")
        if self.largest_amount ** max(self.sizes) > MOST_RATIOS:
            raise ValueError(
                f"{self.largest_amount} atoms of each of {max(self.sizes)} elements make "
                f"{self.largest_amount ** max(self.sizes):,} ratios; at most {MOST_RATIOS:,} are tried, so lower "
                "largest_amount or sizes"
            )
        if len(self.always) > max(self.sizes):
            raise ValueError(f"always: {len(self.always)} elements do not fit in candidates of {max(self.sizes)}")
        return self


class CandidatesSource(Strict):
    """Candidates that a data set comes with, each with an id and the numbers that models of that data set take."""

    dataset: ClassVar[str | None] = "lis_adsorption"

    name: Literal["lis_adsorption"]


Source = Annotated[FileSource | CompositionsSource | EnumerationSource | CandidatesSource, Field(discriminator="name")]


class Gate(Strict):
    """A condition that candidates pass or fail; they fail where it cannot be evaluated."""

    label: str = Field(description="Label of the gate in the funnel.", min_length=1, max_length=60)
    expression: str | None = Field(
        None,
        description="A condition on numbers of the source, or on the prediction: predicted, lower_95, upper_95, "
        "distance, inside (1 inside the applicability domain), novel (1 unless a row of the table has the same "
        "composition).",
    )
    without: tuple[str, ...] | None = Field(None, min_length=1, description="Elements that a candidate must lack.")
    with_any: tuple[str, ...] | None = Field(None, min_length=1, description="Elements of which it must have one.")

    _known = field_validator("without", "with_any")(check_elements)

    _readable = field_validator("expression")(check_condition)

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if sum(way is not None for way in (self.expression, self.without, self.with_any)) != 1:
            raise ValueError("give exactly one of expression, without and with_any")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that the gate uses."""
        # conditions on elements need the formula alone, which every candidate has
        return parse_condition(self.expression).columns if self.expression else ()

    @property
    def needs_prediction(self) -> bool:
        """Whether it needs a prediction."""
        return any(name in PREDICTED for name in self.columns)


class Screen(Strict):
    """Candidate compositions, scored by a surrogate in shards and passed through gates."""

    source: Source = Field(description="Where they come from.")
    variant: Name = Field("all_features", description="Variant whose model predicts; it may need formulas only.")
    gates: tuple[Gate, ...] = Field((), description="Conditions, in order.")
    best: int = Field(50, ge=1, le=10_000, description="Candidates that are listed.")

    @model_validator(mode="after")
    def _check_gates(self) -> Self:
        if len({gate.label for gate in self.gates}) < len(self.gates):
            raise ValueError("gates: two have the same label; give each its own")
        if isinstance(self.source, FileSource):
            # the screen writes these columns itself and would overwrite those of the file
            taken = (*OWN_COLUMNS, self.source.formula_column)
            for name in [name for gate in self.gates for name in gate.columns if name in taken]:
                raise ValueError(f"gates: '{name}' is a column of the screen itself; rename it in {self.source.file}")
        # None for a file, whose columns are only known once it is read
        known = {"mp_compositions": COMPOSITION_COLUMNS, "enumeration": ()}.get(self.source.name)
        for gate in self.gates if known is not None else ():
            for name in gate.columns:
                columns = [*PREDICTED, *(known or ())]
                if name not in columns:
                    raise ValueError(f"gates: '{gate.label}': there is no '{name}'; {did_you_mean(name, columns)}")
        return self


# numbers that the source mp_compositions has of each formula, with their units
COMPOSITION_COLUMNS = {
    "e_above_hull": "eV/atom",
    "e_form": "eV/atom",
    "gap_min": "eV",
    "gap_median": "eV",
    "gap_max": "eV",
}
