"""Everything that the rules read of a folder of settings: configuration, data sets, studies, arena."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batterymi.config.arena import Arena, load_arena
from batterymi.config.datasets import Dataset
from batterymi.config.load import list_selected_studies, list_used_datasets, load_config, load_datasets, load_studies
from batterymi.config.run import Config
from batterymi.config.study import Study
from batterymi.errors import ConfigError
from batterymi.spelling import did_you_mean
from batterymi.workflow.installed import find_workflow_folder
from batterymi.workflow.manifest import LOCK

MARKERS = Path(".snakemake/battery-mi-changed")  # beside Snakemake's records, which they make up for
RAW = "data/raw"  # where data sets are brought to
PYTHON_WORK = Path(".batterymi")  # what the app and Python make; all of it can be made again
CLAIMED = ("liion_database", "mp_electrodes")  # data sets that the claims need, whatever studies read
FOLDERS = {"results": "results", "logs": "logs", "benchmarks": "logs/benchmarks"}


@dataclass(frozen=True)
class Project:
    """The settings of a run, checked.

    Attributes:
        config: what runs.
        datasets: the catalogue of data sets.
        studies: studies whose YAML is right.
        rejected: what is wrong with the YAML of the others.
        selected: names of the studies of a plain run, rejected ones included.
        used: names of the data sets that these read.
        arena: the charging arena; the shipped one where its YAML is wrong.
        arena_problems: what is wrong with its YAML.
    """

    config: Config
    datasets: Mapping[str, Dataset]
    studies: Mapping[str, Study]
    rejected: Mapping[str, ConfigError]
    selected: list[str]
    used: list[str]
    arena: Arena
    arena_problems: tuple[str, ...] = ()

    @property
    def selected_studies(self) -> list[str]:
        """Names of the studies of a plain run whose YAML is right."""
        return [name for name in self.selected if name in self.studies]

    @property
    def rejected_problems(self) -> list[str]:
        """What is wrong with studies, one a line."""
        # studies of one data set share what is wrong with it
        return list(dict.fromkeys(line for error in self.rejected.values() for line in error.problems))

    @property
    def ledgers(self) -> list[str]:
        """Ledgers of the campaigns of experiments of a plain run."""
        return [self.ledger(name) for name in self.selected_studies if self.studies[name].is_experiment]

    @property
    def screened(self) -> list[str]:
        """Names of the studies of a plain run that screen candidates."""
        return [name for name in self.selected_studies if self.studies[name].screen]

    @property
    def shared_datasets(self) -> list[str]:
        """Names of the data sets that the claims need, in a run with studies on data sets."""
        reads_data = any(self.studies[name].table.dataset for name in self.selected_studies)
        return [name for name in CLAIMED if name in self.datasets] if self.config.claims and reads_data else []

    @property
    def cited(self) -> list[str]:
        """Names of all data sets behind the results of a plain run."""
        return sorted({*self.used, *self.shared_datasets})

    def ledger(self, study: str) -> str:
        """Return the ledger of a study's campaign; no result, since it cannot be made again."""
        return f"{self.config.ledgers}/{study}.jsonl"

    def marker(self, study: str) -> Path:
        """Return the file whose date says since when a study's table is no longer what its source holds."""
        return MARKERS / study

    def receipt(self, dataset: str) -> str:
        """Return the file that shows that a data set is there, with the digests of its files."""
        return f"{RAW}/{dataset}/receipt.json"

    def folder(self, name: str) -> str:
        """Return where results, logs or benchmarks go."""
        return str(folder_of(self.config, name))

    def tables(self, names: Iterable[str]) -> list[str]:
        """Return files of data that studies read beside data sets, and the claims, if there are any."""
        claims = [self.config.claims] if self.config.claims else []
        return [*claims, *(file for name in names for file in self.studies[name].files)]

    def list_structures(self, names: Iterable[str]) -> list[str]:
        """Return the CIF files that tables and pools of studies name."""
        taken = [self.studies[name] for name in names if self.studies[name].takes_structures]
        if not taken:
            return []
        # a library for tables takes a second to import, and is needed for these studies only
        from batterymi.data.structure_columns import list_structure_files

        return [file for study in taken for file in list_structure_files(study)]

    def list_inputs(self) -> list[str]:
        """Return every file that a user may edit: of data, of settings, the lock."""
        fetched = [f"{RAW}/{name}/{file}" for name, dataset in self.datasets.items() for file in dataset.files]
        return [*self.list_run_inputs(), *self.tables(self.studies), *self.list_structures(self.studies), *fetched]

    def list_run_inputs(self) -> list[str]:
        """Return the files that a plain run is made from, beside data sets: settings, tables, the lock."""
        selected = self.selected_studies
        return [*self.settings_files(), *self.tables(selected), *self.list_structures(selected), LOCK]

    def digest_source(self, study: str, digests: Mapping[str, str]) -> str | dict[str, str] | None:
        """Return the digest of the file of a study's rows, or of each file of its data set; None if it has neither."""
        table = self.studies[study].table
        if table.dataset:
            name = table.dataset.name
            found = self.digest_dataset(name, digests)
            return {file: found[f"{RAW}/{name}/{file}"] for file in self.datasets[name].files}
        return digests[table.file] if table.file else None

    def digest_dataset(self, name: str, digests: Mapping[str, str]) -> dict[str, str]:
        """Return the digests of a data set's files: those on disk, or those to expect before they are fetched."""
        expected = {f"{RAW}/{name}/{file}": entry.sha256 for file, entry in self.datasets[name].files.items()}
        return {path: digests[path] or digest for path, digest in expected.items()}

    def settings_files(self) -> list[str]:
        """Return the files of settings that a run reads."""
        found = [path for path in Path("config").rglob("*") if path.suffix in (".yaml", ".json")]
        studies = [Path(self.config.studies_folder) / f"{name}.yaml" for name in self.selected]
        paths = (*found, *studies, Path(self.config.datasets), Path(self.config.arena))
        return sorted({str(path) for path in paths})

    def plain_settings(self) -> dict[str, Any]:
        """Return the configuration as plain data, without where data sets come from and results go to."""
        return self.config.model_dump(mode="json", exclude={"mirror", "pathvars"})


def folder_of(config: Config, name: str) -> Path:
    """Return where a configuration puts results, logs or benchmarks."""
    return Path(config.pathvars.get(name, FOLDERS[name]))


def open_project(settings: Mapping[str, Any], overrides: Sequence[str | Path] = ()) -> Project:
    """Read and check all settings of a run.

    Args:
        settings: the merged configuration as Snakemake hands it over.
        overrides: files that are laid over config/config.yaml.

    Raises:
        ConfigError: with every problem found in the configuration, each with its file.
    """
    own = Path("config/config.yaml")
    config = load_config(settings, [own, *(path for path in map(Path, overrides) if path.resolve() != own.resolve())])
    studies, rejected = load_studies(config)
    datasets = _open_datasets(config, studies, rejected)
    selected = list_selected_studies(config, studies, rejected)
    used = list_used_datasets([studies[name] for name in selected if name in studies], datasets)
    try:
        arena, problems = load_arena(config.arena, config.arena_overrides), []
    except ConfigError as error:
        # its rules need some arena; without one that is right, none of them runs
        arena, problems = load_arena(str(find_workflow_folder() / "config/arena.yaml"), {}), error.problems
    return Project(config, datasets, studies, rejected, selected, used, arena, tuple(problems))


def _open_datasets(
    config: Config, studies: dict[str, Study], rejected: dict[str, ConfigError]
) -> Mapping[str, Dataset]:
    """Return the catalogue of data sets; studies that need one that it does not have are rejected."""
    datasets: Mapping[str, Dataset] = {}
    try:
        datasets, problems = load_datasets(config.datasets), []
    except ConfigError as error:
        problems = error.problems
    for name, study in list(studies.items()):
        for missing in (one for one in study.datasets if one not in datasets):
            hint = did_you_mean(missing, datasets) if datasets else "the catalogue is empty"
            path = f"{config.studies_folder}/{name}.yaml"
            rejected[name] = ConfigError(problems or [f"{path}: there is no data set '{missing}'; {hint}"])
            studies.pop(name, None)
    return datasets
