"""The stage `cite_datasets`: licences and works to cite, for the data sets that were used."""

from typing import Any

from batterymi.config.datasets import Dataset, citations_markdown
from batterymi.files import write_text


def cite_datasets(path: str, *, datasets: dict[str, Any]) -> None:
    """Write what the authors of the data sets ask for.

    Args:
        path: Markdown to write.
        datasets: the catalogue's entries of the data sets that were used, by name.
    """
    write_text(
        path, citations_markdown({name: Dataset.model_validate(one) for name, one in datasets.items()}, list(datasets))
    )
