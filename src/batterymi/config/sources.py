"""Where a study's rows come from: a file, a data set, or the evaluator."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from batterymi.config.names import UnitName
from batterymi.config.parts import AscendingRange, InsidePath, Line, Name, Strict


class Sample(Strict):
    """A table that is not read but made by the evaluator."""

    designs: int = Field(ge=2, le=100_000, description="Space-filling designs to evaluate.")


class ObelixRows(Strict):
    """Measured room-temperature Li conductivities with lattice and space group."""

    name: Literal["obelix"]


class LiionRows(Strict):
    """Measured Li conductivities at many temperatures, by composition."""

    name: Literal["liion_database"]
    temperature_c: AscendingRange = Field((15.0, 35.0), description="Rows outside, in °C, are dropped and listed.")


class AdsorptionRows(Strict):
    """Computed adsorption energies of lithium polysulfides on metal compounds."""

    name: Literal["lis_adsorption"]


class CycleLifeRows(Strict):
    """Fast-charging policy and cycle life of commercial cells."""

    name: Literal["severson_cycle_life"]


class ElectrodeRows(Strict):
    """Computed average voltages of insertion electrodes."""

    name: Literal["mp_electrodes"]
    ions: tuple[str, ...] = Field(min_length=1, description="Working ions of the rows that are scored.")
    source_ions: tuple[str, ...] = Field((), description="Working ions of rows that only add to the training.")
    host_with_any: tuple[str, ...] = Field((), description="A host needs at least one of these elements.")
    host_only: tuple[str, ...] = Field((), description="A host has no other elements than these. Empty: any.")
    voltage: AscendingRange = Field((0.0, 6.0), description="Rows outside, in V, are dropped and listed.")


DatasetRows = Annotated[
    ObelixRows | LiionRows | AdsorptionRows | CycleLifeRows | ElectrodeRows, Field(discriminator="name")
]


class Reading(Strict):
    """How a file is read; `new-study` writes what a file needs."""

    sheet: Line | None = Field(None, description="Sheet of a workbook; not set: the only one that is not empty.")
    encoding: Line | None = Field(
        None, description="Encoding of a CSV file, as `cp1252`; not set: UTF-8, else what its bytes look like."
    )
    decimal: Literal[".", ","] | None = Field(
        None, description="What separates decimals; not set: what the cells show. The other sign separates thousands."
    )
    header_lines: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None,
        min_length=1,
        max_length=5,
        description="Numbers of the lines that name the columns, as `[4, 5]` with units below; not set: the first.",
    )
    leave_out: tuple[Line, ...] | None = Field(
        None,
        description="Rows with one of these texts in a cell are no experiments, as `[Mean, Std]` below a table; `[]`: "
        "there are none. Not set: rows at the end that look like statistics are refused.",
    )


class Table(Reading):
    """Where the rows come from."""

    file: InsidePath | None = Field(
        None, description="CSV, .xlsx, .ods or .parquet file, relative to the workflow's folder."
    )
    sample: Sample | None = Field(None, description="Make the table with the evaluator instead.")
    dataset: DatasetRows | None = Field(None, description="Read a data set of config/datasets.yaml instead.")
    columns: dict[str, Name] = Field(
        default_factory=dict, description="Names for headers that cannot be column names, as `T (°C)`: temperature_c."
    )
    units: dict[Name, UnitName] = Field(
        default_factory=dict,
        description="Units that columns have in the file, where headers do not name them in brackets, as "
        "`{sigma: S/cm}` for a study in log10(S/cm).",
    )
    fill_down: tuple[Name, ...] = Field(
        (), description="Columns in which an empty cell means the one above, as in merged cells."
    )
    id_column: Name | None = Field(None, description="Column that names each row.")
    formula_column: Name | None = Field(None, description="Column with chemical formulas, for theoretical capacities.")
    ions_column: Name | None = Field(None, description="Column of working ions per formula, for capacities.")
    group: Name | tuple[Name, ...] | None = Field(
        None, description="Column whose equal values never straddle train and test; of several columns, none does."
    )
    compare_groups: tuple[Name | tuple[Name, ...], ...] = Field(
        (),
        description="Further columns to compare with a random split, to detect leakage; with a list of columns, rows "
        "that agree in any are kept together.",
    )
    repeats: Name | None = Field(
        None, description="Column whose equal values are repeats of one measurement; their scatter is the noise floor."
    )
    family: Name | None = Field(
        None,
        description="Column of families; within each of 10 rows or more, predictions are ranked by themselves too.",
    )
    censored: Name | None = Field(
        None,
        description="Column that marks results which are only limits: 1 or `<` where the objective lies at or below "
        "the value, -1 or `>` where it lies at or above, 0 or nothing where it is the value. Cells such as `<1e-8` and "
        "`>1000` need no such column.",
    )
    status: Name | None = Field(
        None,
        description="Column that says what became of each row: `pending` (planned, running), `failed` (broken), `done` "
        "(ok), `withdrawn` (excluded), or nothing. Results of a failed row are not used; write `failed` into the cell "
        "of an objective where only that one failed.",
    )
    withdrawn: Name | None = Field(
        None,
        description="Column that marks rows which count no longer: `yes`, `x`, or the reason. They stay in the table, "
        "are listed, and nothing is learned from them. Empty, `no` and 0 mark nothing.",
    )
    empty: Literal["bad", "pending"] = Field(
        "bad",
        description="What an empty cell of an objective means: not measured, which makes a row without any result a "
        "bad one, or an experiment under way. `NA`, `n/a`, `NaN`, `null` and `-` are empty too; `none` is a value. The "
        "words `pending` and `failed` in a cell of an objective always mean what they say, for that objective.",
    )
    bad_rows: Literal["stop", "drop"] = Field("stop", description="`drop` leaves bad rows out and lists the reasons.")

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if sum(source is not None for source in (self.file, self.sample, self.dataset)) != 1:
            raise ValueError("give exactly one of file, sample and dataset")
        if self.file is None and (self.status or self.withdrawn):
            raise ValueError("status and withdrawn are columns of a table.file")
        return self

    @property
    def compared_columns(self) -> tuple[str, ...]:
        """Return all columns of `compare_groups`."""
        return tuple(name for group in self.compare_groups for name in ((group,) if isinstance(group, str) else group))

    @property
    def group_columns(self) -> tuple[str, ...]:
        """Return the columns of `group`: none, one or several."""
        if self.group is None:
            return ()
        # a string is a sequence too, of its characters
        return (self.group,) if isinstance(self.group, str) else self.group
