"""The catalogue of data sets: config/datasets.yaml."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from batterymi.config.load import describe, read_yaml
from batterymi.config.parts import Name, Strict
from batterymi.errors import ConfigError

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]


class DataFile(Strict):
    """One file as its authors published it."""

    url: str = Field(description="Where it is published; https, of one fixed version.", pattern=r"^https?://[^\s]+$")
    sha256: str = Field(description="Its digest: 64 hexadecimal digits.", pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(description="Its size.", ge=1)


class Dataset(Strict):
    """A data set: where its files are, and what its users owe to whom."""

    title: str = Field(description="What it is.", min_length=1)
    homepage: str = Field(description="Where its authors present it.", pattern=r"^https?://[^\s]+$")
    licence: str = Field(description="Its licence, and that of what it is made from.", min_length=1)
    citation: tuple[str, ...] = Field(min_length=1, description="Works to cite.")
    files: dict[FileName, DataFile] = Field(min_length=1, description="Its files by name.")

    @field_validator("citation")
    @classmethod
    def _not_blank(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not one.strip() for one in value):
            raise ValueError("a citation is blank")
        return value


def load_datasets(path: str | Path) -> dict[str, Dataset]:
    """Read the catalogue.

    Raises:
        ConfigError: with every problem found, each with file, key, what was found and what would be right.
    """
    raw = read_yaml(Path(path))
    try:
        names = TypeAdapter(dict[Name, dict]).validate_python(raw)
    except ValidationError as error:
        raise ConfigError(describe(error, str(path), Dataset)) from None
    found, problems = {}, []
    for name, entry in names.items():
        try:
            found[name] = Dataset.model_validate(entry)
        except ValidationError as error:
            problems += describe(error, f"{path}: {name}", Dataset)
    if problems:
        raise ConfigError(problems)
    return found


def citations_markdown(datasets: dict[str, Dataset], names: list[str]) -> str:
    """What the authors of data sets ask for: licences and works to cite.

    Args:
        datasets: the catalogue.
        names: the data sets that were used.

    Returns:
        Markdown, one section per data set.
    """
    lines = ["# Data sets behind these results", ""]
    for name in names:
        one = datasets[name]
        lines += [
            f"## {name}: {_plain(one.title)}",
            "",
            f"Licence: {_plain(one.licence)}. Home: <{_plain(one.homepage)}>",
            "",
            "Please cite:",
            "",
        ]
        lines += [f"- {_plain(work)}" for work in one.citation]
        lines += ["", "| file | sha256 |", "|---|---|"]
        lines += [f"| [{file}]({_plain(entry.url)}) | `{entry.sha256}` |" for file, entry in one.files.items()]
        lines.append("")
    if not names:
        lines += ["None: these results rest on the tables and formulas of the textbook edition alone.", ""]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A text in which Markdown finds no HTML."""
    return text.replace("<", "&lt;")
