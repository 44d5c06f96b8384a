"""The stage `cite_datasets`: licences and works to cite, for the data sets that were used."""

from pathlib import Path

from batterymi.config.slices.data import CitationSettings
from batterymi.data.citations import format_citations
from batterymi.files import write_text


def cite_datasets(citations: Path, settings: CitationSettings) -> None:
    """Write what the authors of the data sets ask for.

    Args:
        citations: Markdown to write.
        settings: the data sets.
    """
    write_text(citations, format_citations(settings.datasets))
