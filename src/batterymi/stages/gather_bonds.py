"""The stage `gather_bonds`: what voltages gain by bonds of the structure, over all partitions."""

import logging
from pathlib import Path

from batterymi.config.bonds import BOOTSTRAPS, METHOD, SEED
from batterymi.errors import DamagedFileError
from batterymi.files import read_frame, read_json, write_csv, write_json
from batterymi.surrogates.bond_gain import CANDIDATES, COMPOSITION, join_kinds
from batterymi.surrogates.feature_gain import find_misaligned, score_candidates

logger = logging.getLogger(__name__)


def gather_bonds(
    trees: list[Path], network: list[Path], control: list[Path], times: list[Path], gains: Path, report: Path
) -> None:
    """Score candidates over partitions.

    Args:
        trees: predictions by trees of each partition.
        network: those by the graph network.
        control: those by the graph network with graphs of other rows.
        times: counts and processor time of each.
        gains: CSV to write: a row for each candidate.
        report: JSON to write: the same, with counts and times.
    """
    frames = []
    for path, *others in zip(trees, network, control, strict=True):
        nets = (read_frame(other, needs=["line"]) for other in others)
        try:
            frames.append(join_kinds(read_frame(path, needs=["line", "observed"]), *nets))
        except ValueError as error:
            raise DamagedFileError(others[0], f"{error}; run compare_bonds again") from None
    if (wrong := find_misaligned(frames)).size:
        raise DamagedFileError(trees[wrong[0]], f"its rows are not those of {trees[0].name}")
    accounts = [read_json(path, needs=["cpu_seconds", "rows", "systems"]) for path in times]
    scores = score_candidates(frames, CANDIDATES, int(METHOD.folds), BOOTSTRAPS, SEED, COMPOSITION)
    write_csv(gains, scores)
    for _, row in scores.iterrows():
        logger.info(
            "%s: MAE %.3f V, gain %+.3f [%+.3f, %+.3f]: %s",
            *(row[name] for name in ("what", "mae", "gain", "gain_lower", "gain_upper")),
            row["verdict"] or "what the others are compared with",
        )
    counts = {name: accounts[0][name] for name in ("rows", "systems")}
    seconds: dict[str, float] = {}
    for one in accounts:
        for name, spent in one["cpu_seconds"].items():
            seconds[name] = seconds.get(name, 0.0) + spent
    write_json(report, {**counts, "candidates": scores.to_dict("records"), "cpu_seconds": seconds})
