"""The stage `fetch_dataset`: bring the files of a data set, and write a receipt of their digests."""

from pathlib import Path

from batterymi.config.slices.data import FetchSettings
from batterymi.data.fetch import fetch_files
from batterymi.files import write_json


def fetch_dataset(receipt: Path, dataset: str, settings: FetchSettings, mirror: str) -> None:
    """Bring every file of a data set into the folder of its receipt.

    Args:
        receipt: JSON to write once all files are there, in the folder where they belong: their digests.
        dataset: name of the data set, its folder in the mirror.
        settings: its files.
        mirror: folder laid out as `<data set>/<file>`; empty for none.

    Raises:
        FetchError: for every file that cannot be had: which, why, and what to do.
    """
    fetch_files(receipt.parent, dataset, settings.files, mirror or None)
    write_json(receipt, {file: wanted.sha256 for file, wanted in settings.files.items()}, recorded=False)
