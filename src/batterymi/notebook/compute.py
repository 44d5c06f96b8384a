"""The stages of a study, run in this process: the same functions and settings as the workflow's, in a folder beside."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from batterymi.config.run import Config
from batterymi.config.slices.campaign import SuggestionSettings
from batterymi.config.slices.data import TableSettings
from batterymi.config.slices.training import TrainingSettings
from batterymi.config.study import Study
from batterymi.data.structure_columns import list_structure_files
from batterymi.errors import ConfigError, TableError
from batterymi.files import compute_sha256
from batterymi.notebook.workplace import Workplace, list_stage_code, make_key, reuse_or_make
from batterymi.process_pool import count_cores
from batterymi.registry import find_modules
from batterymi.stages.prepare_table import prepare_table
from batterymi.stages.suggest_batch import SuggestionFiles, suggest_batch
from batterymi.stages.train_surrogate import SurrogateFiles, train_surrogate
from batterymi.user_files import resolve_path
from batterymi.workflow.project import RAW


@dataclass(frozen=True)
class Work:
    """A study and where its work is kept.

    Attributes:
        study: its settings.
        config: of the run.
        place: of its work.
    """

    study: Study
    config: Config
    place: Workplace

    @property
    def table(self) -> Path:
        """Return the file of the user's table.

        Raises:
            ConfigError: if rows are made by the workflow.
        """
        if self.study.table.file is None:
            name = self.place.study
            raise ConfigError(
                [f"{name}: its rows are made by the workflow; run `snakemake {name}`, or describe a table (table.file)"]
            )
        return Path(self.study.table.file)

    @property
    def ledger(self) -> Path:
        """Return the ledger of the study's campaign, which is the workflow's own."""
        return Path(self.config.ledgers) / f"{self.place.study}.jsonl"

    @property
    def surrogate(self) -> SurrogateFiles:
        """Return the files of the models."""
        folder = self.place.folder / "surrogate"
        return SurrogateFiles(
            folder / "metrics.csv",
            folder / "predictions.parquet",
            folder / "importances.csv",
            folder / "validation.json",
            folder / "model.skops",
            folder / "card.md",
        )

    @property
    def campaign(self) -> SuggestionFiles:
        """Return the files of the batch."""
        folder = self.place.folder / "campaign"
        return SuggestionFiles(
            folder / "history.parquet",
            folder / "suggestions.csv",
            folder / "benchmark.json",
            folder / "reference_designs.csv",
            folder / "earlier_suggestions.csv",
        )


def make_table(work: Work) -> str:
    """Check the rows of a study's table, and write them.

    Returns:
        The digest of all that they depend on.

    Raises:
        TableError: if the table cannot be used, or changes meanwhile.
    """
    study = work.study
    file = str(work.table)
    settings = TableSettings.model_validate(TableSettings.dump_from(study, path=file, dataset=None))
    digests = _digest_files([file, *(list_structure_files(study) if study.takes_structures else [])])
    # units are looked up by name where a header has others
    code = list_stage_code("prepare_table", find_modules([*study.list_lookups("loader"), ("converter", "units")]))
    key = make_key(settings.model_dump(mode="json"), digests, code)
    table, report = work.place.folder / "table.parquet", work.place.folder / "table.json"

    def make() -> None:
        prepare_table(table, report, settings, None, digests)
        if _digest_files(digests) != digests:
            raise TableError(f"{file}: the file changed while it was read; run again")

    reuse_or_make(key, work.place.folder / "table.key.json", (table, report), make)
    return key


def make_models(work: Work) -> str:
    """Compare models on the rows of a study, and keep the best.

    Returns:
        The digest of all that they depend on.

    Raises:
        TableError: if the table cannot be used, or the data set of an external test is not there.
    """
    study, folder = work.study, work.place.folder
    before = make_table(work)
    settings = TrainingSettings.model_validate(TrainingSettings.dump_from(study))
    receipt = None
    if study.external_test:
        receipt = Path(RAW) / study.external_test.dataset.name / "receipt.json"
        if not receipt.is_file():
            raise TableError(f"external_test: {receipt} is not there; run: snakemake {receipt}")
    loader = [("loader", study.external_test.dataset.name)] if study.external_test else []
    names = find_modules([*study.list_lookups("descriptor", "model"), *loader])
    files = {"table": before, **_digest_files([str(receipt)] if receipt else [])}
    key = make_key(settings.model_dump(mode="json"), files, list_stage_code("train_surrogate", names))

    def make() -> None:
        made = folder / "table.parquet", folder / "table.json"
        # nothing else is computed meanwhile, as jobs of a run are
        train_surrogate(*made, work.surrogate, settings, external=receipt, processes=count_cores())

    reuse_or_make(key, folder / "surrogate.key.json", asdict(work.surrogate).values(), make)
    return key


def make_batch(work: Work, n: int | None = None) -> None:
    """Suggest the next batch of experiments, and append it to the ledger, if it is not there.

    Args:
        work: the study.
        n: how many designs; None takes the study's own number.

    Raises:
        ConfigError: if the study is no campaign of experiments.
        DesignError: if no design meets the constraints.
        TableError: if the table, the ledger or the list of candidates cannot be used.
    """
    study, folder = work.study, work.place.folder
    check_campaign(work)
    before = make_models(work)
    settings = SuggestionSettings.model_validate(SuggestionSettings.dump_from(study))
    if n is not None:
        campaign = settings.campaign.model_copy(update={"suggestions": n})
        settings = settings.model_copy(update={"campaign": campaign})
    pool = Path(study.pool) if study.pool else None
    structures = list_structure_files(study) if study.takes_structures else []
    listed = [study.pool, *structures] if study.pool else []
    digests = _digest_files(listed)
    code = list_stage_code("suggest_batch", find_modules(study.list_lookups("engine", "constraint")))

    def find_key() -> str:
        # with the ledger, so that a batch is found there whatever else was suggested meanwhile
        ledger = _digest_files([str(resolve_path(work.ledger))])
        return make_key(settings.model_dump(mode="json"), {"models": before, **digests, **ledger}, code)

    def make() -> None:
        suggest_batch(
            folder / "table.parquet",
            work.surrogate.model,
            pool,
            str(work.ledger),
            work.campaign,
            settings,
            digests,
        )

    record = folder / "campaign.key.json"
    if reuse_or_make(find_key(), record, asdict(work.campaign).values(), make):
        # the ledger has grown by the batch
        reuse_or_make(find_key(), record, (), lambda: None)


def check_campaign(work: Work) -> None:
    """Refuse a study whose designs are not measured in batches.

    Raises:
        ConfigError: which says what to do.
    """
    name, mode = work.place.study, work.study.campaign.mode
    work.table  # noqa: B018 - refuses rows that the workflow makes
    if mode == "replay":
        raise ConfigError(
            [
                f"{name}: `campaign.mode: replay` chooses among measured rows; for a next batch, list candidates in a "
                "file, and set `campaign: {mode: experiment, pool: data/candidates.csv}`"
            ]
        )
    if mode != "experiment":
        raise ConfigError(
            [
                f"{name}: designs of `campaign.mode: {mode}` are evaluated by the workflow; run `snakemake {name}`, "
                "or set mode experiment to measure them yourself"
            ]
        )


def _digest_files(paths: Iterable[str]) -> dict[str, str]:
    """Return the digest of each file, empty where there is none."""
    return {path: compute_sha256(path) if Path(path).is_file() else "" for path in paths if path}
