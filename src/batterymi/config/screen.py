"""The screen of a study: where candidate compositions come from, and the gates that they must pass."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from batterymi.config.expressions import parse_condition
from batterymi.config.names import UnitName
from batterymi.config.parts import Condition, InsidePath, Name, Strict
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.electrodes import ELECTRODE_COLUMNS, MONOVALENT, POLYANIONS
from batterymi.vocabulary.elements import SYMBOLS
from batterymi.vocabulary.stability import QUICK_COLUMNS, STABILITY_COLUMNS

# what a gate may hold against a candidate once it is predicted
CHANCE = "probability_beyond"  # of the objective's threshold
PREDICTED = ("predicted", "lower_95", "upper_95", CHANCE, "distance", "inside", "novel")

# columns that a screen adds to its candidates, beside predictions
OWN_COLUMNS = (
    *("formula", "position", "passed", "rank", "out_of_range"),
    *("nearest_known", "atoms_exchanged", "nearest_measured", "product", "product_lower_95", "product_upper_95"),
)

MOST_RATIOS = 2_000_000  # of one choice of elements; all of them are in memory


def check_element(value: str) -> str:
    """Refuse what is not an element's symbol."""
    if value not in SYMBOLS:
        raise ValueError(f"there is no element '{value}'; {did_you_mean(value, SYMBOLS)}")
    return value


def check_distinct(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what is listed twice."""
    if repeated := [name for name in value if value.count(name) > 1]:
        raise ValueError(f"'{repeated[0]}' is listed twice")
    return value


Element = Annotated[str, AfterValidator(check_element)]
Elements = Annotated[tuple[Element, ...], AfterValidator(check_distinct)]


class FileSource(Strict):
    """Candidates from a file of your own."""

    dataset: ClassVar[str | None] = None  # of the catalogue

    name: Literal["file"]
    file: InsidePath = Field(description="CSV or Parquet file, relative to the workflow's folder, read in pieces.")
    formula_column: Name | None = Field(
        None,
        description="Its column of formulas; not set: `formula`. A model that takes several columns of formulas finds "
        "each under its own name, and the screen lists this one, or the first.",
    )
    bad_rows: Literal["stop", "drop"] = Field("stop", description="`drop` leaves out and counts unreadable formulas.")

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
    element: Element = Field("Li", description="Element that every candidate contains.")


class EnumerationSource(Strict):
    """Every charge-neutral composition of some elements, by SMACT's oxidation states and electronegativities."""

    dataset: ClassVar[str | None] = None  # of the catalogue

    name: Literal["enumeration"]
    elements: Elements = Field(min_length=2, max_length=60, description="Elements to combine.")
    always: Elements = Field(("Li",), description="Elements that every candidate contains.")
    sizes: tuple[Annotated[int, Field(ge=2, le=5)], ...] = Field(
        (2, 3, 4), min_length=1, description="Numbers of elements of a candidate."
    )
    largest_amount: int = Field(8, ge=1, le=20, description="Largest number of one element's atoms in a formula.")
    oxidation_states: Literal["icsd24", "icsd16", "smact14", "pymatgen_sp"] = Field(
        "icsd24", description="SMACT's list of oxidation states."
    )

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


class ElectrodesSource(Strict):
    """Discharged electrodes with a working ion, and what is left when they are charged.

    All compositions of the Materials Project with the ion, with their distance from the hull, and every charge-neutral
    composition of chosen metals and anions that is not among them, whose distance nobody has computed. Ions leave as
    far as the oxidation states of the metals allow.
    """

    dataset: ClassVar[str | None] = "mp_compositions"
    formula_column: ClassVar[str] = "discharged"
    columns: ClassVar[tuple[str, ...]] = ("discharged", "charged", "ion")  # of text, that models may take

    name: Literal["electrodes"]
    ion: Literal[MONOVALENT] = Field("Na", description="Working ion.")  # type: ignore[valid-type]
    metals: Elements = Field((), max_length=20, description="Metals to combine; none: nothing is enumerated.")
    anions: tuple[str, ...] = Field(
        ("O",),
        min_length=1,
        max_length=12,
        description="Anions to combine: elements, or PO4, P2O7, SO4, SiO4, BO3, CO3.",
    )
    most_metals: int = Field(2, ge=1, le=3, description="Metals of an enumerated candidate.")
    most_anions: int = Field(2, ge=1, le=2, description="Kinds of anions of an enumerated candidate.")
    largest_amount: int = Field(4, ge=1, le=12, description="Largest amount of one metal, anion or ion in a formula.")
    electrons_per_metal: float = Field(1.0, gt=0, le=4, description="Most that one metal gives while it is charged.")

    @field_validator("anions")
    @classmethod
    def _check_anions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = (*POLYANIONS, *SYMBOLS)
        for anion in value:
            if anion not in known:
                raise ValueError(f"'{anion}' is neither an element nor a known polyanion; {did_you_mean(anion, known)}")
        return check_distinct(value)

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        ratios = self.largest_amount ** (1 + self.most_metals + self.most_anions)
        if ratios > MOST_RATIOS:
            raise ValueError(
                f"{self.largest_amount} of the ion, {self.most_metals} metals and {self.most_anions} anions make "
                f"{ratios:,} ratios; at most {MOST_RATIOS:,} are tried, so lower largest_amount, most_metals or "
                "most_anions"
            )
        if repeated := sorted({self.ion, *self.metals} & {*self.anions} | {self.ion} & {*self.metals}):
            raise ValueError(f"'{repeated[0]}' is listed twice, among ion, metals and anions")
        return self


Source = Annotated[
    FileSource | CompositionsSource | EnumerationSource | CandidatesSource | ElectrodesSource,
    Field(discriminator="name"),
]


class Gate(Strict):
    """A condition that candidates pass or fail; they fail where it cannot be evaluated."""

    label: str = Field(description="Label of the gate in the funnel.", min_length=1, max_length=60)
    expression: Condition | None = Field(
        None,
        description="A condition on numbers of the source, or on the prediction: predicted, lower_95, upper_95, "
        "probability_beyond (of the objective's threshold), distance, inside (1 inside the applicability domain), "
        "novel (1 unless a row of the table has the same composition).",
    )
    without: Elements | None = Field(None, min_length=1, description="Elements that a candidate must lack.")
    with_any: Elements | None = Field(None, min_length=1, description="Elements of which it must have one.")
    unknown: Literal["stop", "pass"] = Field(
        "stop",
        description="What becomes of candidates of which the condition is unknown: `pass` lets them through, and those "
        "that pass all gates are listed by themselves, in `unknown.csv`.",
    )

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
    measured_elsewhere: Literal["liion_database"] | None = Field(
        None,
        description="A data set of conductivities at many temperatures: listed candidates that it has are shown with "
        "their best value at room temperature, or hotter, and marked where that misses the objective's `threshold`.",
    )
    order_by: Literal["predicted", "probability_beyond"] = Field(
        "predicted",
        description="What the best are best in: the prediction, or the probability of a value beyond the objective's "
        "`threshold`, which an uncertain prediction has too.",
    )
    times: Name | None = Field(
        None,
        description="Number of candidates by which predictions are multiplied before they are compared; as the "
        "capacity for specific energy.",
    )
    label: str | None = Field(None, description="Label of that product in the figure.", max_length=60)
    unit: UnitName = Field("1", description="Unit of that product.")

    @property
    def needs_threshold(self) -> bool:
        """Whether the order or a gate needs the objective's threshold."""
        return self.order_by == CHANCE or any(CHANCE in gate.columns for gate in self.gates)

    @model_validator(mode="after")
    def _check_gates(self) -> Self:
        if len({gate.label for gate in self.gates}) < len(self.gates):
            raise ValueError("gates: two have the same label; give each its own")
        if (self.times is None) != (self.label is None):
            raise ValueError("times and label belong together")
        if self.times and self.order_by == CHANCE:
            raise ValueError(f"times: the order is by {CHANCE}, which is multiplied by nothing; leave one of them out")
        if isinstance(self.source, FileSource):
            # the screen writes these columns itself and would overwrite those of the file
            taken = (*OWN_COLUMNS, self.source.formula_column)
            for name in [name for gate in self.gates for name in gate.columns if name in taken]:
                raise ValueError(f"gates: '{name}' is a column of the screen itself; rename it in {self.source.file}")
        # None for a file, whose columns are only known once it is read
        listed = (*COMPOSITION_COLUMNS, *STABILITY_COLUMNS)
        known = {
            "mp_compositions": listed,
            "enumeration": (),
            "electrodes": (*COMPOSITION_COLUMNS, *ELECTRODE_COLUMNS),
        }.get(self.source.name)
        for gate in self.gates if known is not None else ():
            for name in gate.columns:
                columns = [*PREDICTED, *(known or ())]
                if name not in columns:
                    raise ValueError(f"gates: '{gate.label}': there is no '{name}'; {did_you_mean(name, columns)}")
        if self.times and known is not None and self.times not in known:
            raise ValueError(f"times: there is no '{self.times}'; {did_you_mean(self.times, known)}")
        return self

    @property
    def datasets(self) -> list[str]:
        """Return the names of the data sets that the screen reads."""
        return [name for name in (self.source.dataset, self.measured_elsewhere) if name]

    @property
    def slow_columns(self) -> tuple[str, ...]:
        """Return what gates use of stability that is computed for candidates past the gates before them alone."""
        if not self.needs_stability:
            return ()
        slow = set(STABILITY_COLUMNS) - set(QUICK_COLUMNS)
        return tuple(dict.fromkeys(name for gate in self.gates for name in gate.columns if name in slow))

    @property
    def lists_electrodes(self) -> bool:
        """Whether candidates are electrodes."""
        return isinstance(self.source, ElectrodesSource)

    @property
    def needs_phases(self) -> bool:
        """Whether listed candidates are looked up among competing phases."""
        return self.needs_stability or self.lists_electrodes

    @property
    def needs_stability(self) -> bool:
        """Whether a gate uses what `snakemake stability` computes of the Materials Project's compositions."""
        is_listed = isinstance(self.source, CompositionsSource)
        return is_listed and any(name in STABILITY_COLUMNS for gate in self.gates for name in gate.columns)


# numbers that the source mp_compositions has of each formula, with their units
COMPOSITION_COLUMNS = {
    **dict.fromkeys(("e_above_hull", "e_form"), "eV/atom"),
    **dict.fromkeys(("gap_min", "gap_median", "gap_max"), "eV"),
}
