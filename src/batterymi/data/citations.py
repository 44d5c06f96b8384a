"""Licences and works to cite, for data sets."""

from collections.abc import Mapping

from batterymi.config.datasets import Dataset


def format_citations(datasets: Mapping[str, Dataset]) -> str:
    """Return what the authors of data sets ask for as Markdown, one section for each data set."""
    lines = ["# Data sets behind these results", ""]
    for name, one in datasets.items():
        lines += [
            f"## {name}: {_escape_html(one.title)}",
            "",
            f"Licence: {_escape_html(one.licence)}. Home: <{_escape_html(one.homepage)}>",
            "",
            "Please cite:",
            "",
        ]
        lines += [f"- {_escape_html(work)}" for work in one.citation]
        lines += ["", "| file | sha256 |", "|---|---|"]
        lines += [f"| [{file}]({_escape_html(entry.url)}) | `{entry.sha256}` |" for file, entry in one.files.items()]
        lines.append("")
    if not datasets:
        lines += ["None: these results are based on the tables and formulas of the textbook edition alone.", ""]
    return "\n".join(lines)


def _escape_html(text: str) -> str:
    """Return a text in which Markdown finds no HTML."""
    # Markdown passes HTML through, and the catalogue may contain text of strangers
    return text.replace("<", "&lt;")
