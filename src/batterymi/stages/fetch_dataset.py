"""The stage `fetch_dataset`: bring the files of a data set, and write a receipt of their digests."""

from pathlib import Path

from batterymi.config.slices.data import FetchSettings
from batterymi.data.fetch import fetch_files
from batterymi.files import compute_sha256, write_json


def fetch_dataset(
    receipt: Path, dataset: str, settings: FetchSettings, mirror: str, needed: list[Path] | None = None
) -> None:
    """Bring every file of a data set into the folder of its receipt.

    Args:
        receipt: JSON to write once all files are there, in the folder where they belong: their digests.
        dataset: name of the data set, its folder in the mirror.
        settings: its files.
        mirror: folder laid out as `<data set>/<file>`; empty for none.
        needed: receipts of the data sets that files are derived from, each in its folder.

    Raises:
        FetchError: for every file that cannot be had: which, why, and what to do.
    """
    inputs = {path.parent.name: path.parent for path in needed or ()}
    fetch_files(receipt.parent, dataset, settings.files, mirror or None, inputs)
    # of what is there, since a derived file may be compressed in another way than the mirror's
    write_json(receipt, {file: compute_sha256(receipt.parent / file) for file in settings.files}, recorded=False)
