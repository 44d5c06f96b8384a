"""What runs: config/config.yaml."""

from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from batterymi.config.expressions import parse_condition
from batterymi.config.formula_net import FormulaNet
from batterymi.config.names import CellName, Edition
from batterymi.config.parts import Condition, Strict
from batterymi.config.screen import COMPOSITION_COLUMNS
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.stability import QUICK_COLUMNS

FIRST_COLUMNS = (*QUICK_COLUMNS, *COMPOSITION_COLUMNS)  # of every formula, which the first gates may use


class ClosedLoop(Strict):
    """Size of the closed loop over the ten-minute protocols."""

    # the loop chooses among 224 protocols
    batches: tuple[Annotated[int, Field(ge=1, le=224)], ...] = Field(
        (8, 24, 48), min_length=1, description="Tests of a round; one comparison for each."
    )
    rounds: int = Field(4, ge=1, le=20, description="Rounds of a loop.")
    seeds: int = Field(200, ge=2, le=10_000, description="Loops of each kind; 100 or more for a claim.")
    seed: int = Field(0, ge=0, description="The first.")
    cell: CellName = Field("power_cell", description="Declared cell of the simulated lives.")


class HullEstimates(Strict):
    """Hull distances of structures without an entry, by CHGNet."""

    gates_ev_atom: tuple[Annotated[float, Field(ge=0, le=0.5)], ...] = Field(
        (0.0, 0.025, 0.05, 0.1),
        min_length=1,
        description="Hull distances below which a structure passes, eV/atom; each is refused unless it tells more than "
        "the base rate.",
    )
    largest_cell: int = Field(
        60, ge=2, le=400, description="Sites of a primitive cell above which a structure is left out."
    )
    relaxation_steps: int = Field(
        200, ge=0, le=2000, description="Steps in which a structure must relax; 0 takes it as it is."
    )
    partitions: int = Field(5, ge=2, le=50, description="Partitions of the known structures, over which errors count.")


class Stability(Strict):
    """Stability of the Li compositions of the Materials Project, from formation energies."""

    first_gates: tuple[Condition, ...] = Field(
        ("e_decomposition < 0.1", "gap_median > 1"),
        description="Conditions on the quick numbers; formulas that meet all get every cathode, and edges with "
        "their spread. Columns: e_decomposition, v_reduction, v_oxidation, e_lithium, e_licoo2, e_water, and gap_min, "
        "gap_median, gap_max, e_above_hull, e_form of the data set.",
    )
    draws: int = Field(20, ge=2, le=1000, description="Draws of the energies for the spread of an edge.")
    noise_ev_atom: float = Field(
        0.01, gt=0, le=0.2, description="Standard deviation of the draws, in eV/atom; that of an energy of the table."
    )
    seed: int = Field(0, ge=0, description="Of the draws.")
    hull_estimates: HullEstimates = Field(
        HullEstimates(), description="Structures without an entry; `snakemake hull_distances`."
    )
    conductivity_of: str = Field(
        "solid_electrolytes_measured", description="Study whose model tells `batterymi assess` the conductivity."
    )
    conductivity_variant: str = Field("composition_only", description="Its variant, which takes a formula alone.")

    @field_validator("first_gates")
    @classmethod
    def _check_columns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for gate in value:
            for name in parse_condition(gate).columns:
                if name not in FIRST_COLUMNS:
                    raise ValueError(f"'{gate}': there is no '{name}'; {did_you_mean(name, FIRST_COLUMNS)}")
        return value


MADE = ("results", "logs", "data/raw", ".snakemake", "config")  # what can be made or fetched again, and settings


def _check_folder(value: str) -> str:
    """Refuse a URL where a folder belongs; it might hold credentials, which Snakemake would print."""
    if "://" in value or value.startswith(("http:", "https:", "ftp:")):
        raise ValueError("it is a folder on this machine, not a URL; the addresses of data sets are in the catalogue")
    return value


Folder = Annotated[str, AfterValidator(_check_folder)]


class Config(Strict):
    """config/config.yaml: what runs."""

    studies: tuple[str, ...] | Literal["all"] = Field(
        "all", description="Studies of a plain `snakemake`; `all` takes every YAML of studies_folder in `editions`."
    )
    editions: tuple[Edition, ...] = Field(
        ("textbook", "own"), min_length=1, description="Editions that `studies: all` takes; measured needs data sets."
    )
    datasets: str = Field("config/datasets.yaml", description="Catalogue of data sets: URLs, digests, licences.")
    mirror: Annotated[str, AfterValidator(_check_folder)] | None = Field(
        None, description="Folder `<data set>/<file>` to read before the network."
    )
    studies_folder: str = Field("config/studies", description="Folder with one YAML per study.")
    ledgers: str = Field("campaigns", description="Folder with the ledgers of experimental campaigns; keep it.")
    claims: str | None = Field(None, description="Table of a text's claims, to compare with what is measured.")
    closed_loop: ClosedLoop = Field(ClosedLoop(), description="Fast-charging tests; `snakemake closed_loop`.")
    formula_net: FormulaNet = Field(FormulaNet(), description="Pre-training on compounds; `snakemake pretrained`.")
    stability: Stability = Field(Stability(), description="Windows and reactions; `snakemake stability`.")
    arena: str = Field("config/arena.yaml", description="Settings of the charging arena; `snakemake charging_arena`.")
    arena_overrides: dict[str, Any] = Field(default_factory=dict, description="Laid over its YAML; for trial runs.")
    overrides: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Settings to lay over a study's YAML, by study name or `all`; for trial runs."
    )
    pathvars: dict[str, str] = Field(default_factory=dict, description="Folders for results, logs and benchmarks.")

    @model_validator(mode="after")
    def _check_ledgers(self) -> Self:
        for made in (*MADE, *self.pathvars.values()):
            if PurePath(self.ledgers).is_relative_to(made):
                raise ValueError(
                    f"ledgers: '{self.ledgers}' lies in '{made}', which can be removed and made again; ledgers cannot, "
                    "so give them a folder of their own"
                )
        return self
