"""Licences and works to cite, for data sets."""

from collections.abc import Mapping

from batterymi.config.datasets import Dataset
from batterymi.text_safety import escape_markdown


def format_citations(datasets: Mapping[str, Dataset]) -> str:
    """Return what the authors of data sets ask for as Markdown, one section for each data set."""
    lines = ["# Data sets behind these results", ""]
    for name, dataset in datasets.items():
        lines += [
            f"## {name}: {escape_markdown(dataset.title)}",
            "",
            f"Licence: {escape_markdown(dataset.licence)}. Home: <{escape_markdown(dataset.homepage)}>",
            "",
            "Please cite:",
            "",
        ]
        lines += [f"- {escape_markdown(work)}" for work in dataset.citation]
        lines += ["", "| file | sha256 |", "|---|---|"]
        files = dataset.files.items()
        lines += [f"| [{file}]({escape_markdown(entry.origin)}) | `{entry.sha256}` |" for file, entry in files]
        lines.append("")
    if not datasets:
        lines += ["None: these results are based on the tables and formulas of the textbook edition alone.", ""]
    return "\n".join(lines)
