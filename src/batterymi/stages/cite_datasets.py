"""The stage `cite_datasets`: licences and works to cite, for the data sets that were used."""

from pathlib import Path

from batterymi.config.slices.data import CitationSettings
from batterymi.data.citations import format_citations
from batterymi.files import write_text


def cite_datasets(citations: Path, settings: CitationSettings) -> None:
    """Write the licences of the data sets and the works that their authors want cited.

    Args:
        citations: Markdown to write.
        settings: the data sets.
    """
    write_text(citations, format_citations(settings.datasets))
