"""Settings of the stages that bring data: `fetch_dataset`, `cite_datasets`, `prepare_table`."""

from batterymi.config.datasets import DataFile, Dataset, FileName
from batterymi.config.parts import Descriptor, Feature, Objective, Simplex
from batterymi.config.slices.base import Slice
from batterymi.config.sources import Table


class FetchSettings(Slice):
    """The files of a data set, by name."""

    files: dict[FileName, DataFile]


class CitationSettings(Slice):
    """The data sets that were used, by name."""

    datasets: dict[str, Dataset]


class TableSettings(Slice):
    """Where the rows of a study come from, and what its columns may hold."""

    path: str  # of a file, or of the folder of a data set; empty for rows that an evaluator makes
    dataset: Dataset | None
    table: Table
    features: tuple[Feature, ...]
    objectives: tuple[Objective, ...]
    simplex: Simplex | None
    descriptors: tuple[Descriptor, ...]
