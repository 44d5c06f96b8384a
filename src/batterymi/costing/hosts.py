"""Hosts whose voltage is known for two working ions: what changing the ion does to it, host by host."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.data.loaders.base import make_composition_key
from batterymi.errors import TableError
from batterymi.features.formulas import parse_formula
from batterymi.statistics.bootstrap import bootstrap_interval

LEAST_HOSTS = 10
SAME_CONTENT = 0.02  # of the ions per atom of the host: pairs that differ by less are of one range of composition


@dataclass(frozen=True)
class HostDifference:
    """The voltage of one ion minus that of another, over hosts that have both.

    Attributes:
        n_hosts: pairs: a host with one range of ions, or a host.
        mean_v: mean difference; each voltage is against the ion's own metal.
        low_v: lower end of its 95 % interval, by the bootstrap over hosts.
        high_v: upper end.
        median_v: median difference.
        sd_v: standard deviation between pairs.
        share_below: share of the pairs in which the first ion has the lower voltage.
    """

    n_hosts: int
    mean_v: float
    low_v: float
    high_v: float
    median_v: float
    sd_v: float
    share_below: float


def pair_hosts(rows: pd.DataFrame, ion: str, reference: str, same_content: bool = True) -> pd.DataFrame:
    """Pair the voltages of hosts that are known with both ions.

    Args:
        rows: as the loader `mp_electrodes` returns them: ion, charged, discharged and voltage_v.
        ion: the first ion, as Na.
        reference: the second one, as Li.
        same_content: pair only electrodes that take up the same number of ions per atom of the host, from the same
            number on; otherwise hosts are paired whatever they take up.

    Returns:
        One row for each pair: host, n_ion and n_reference electrodes, their median voltages ion_v and reference_v, and
        difference_v. Polymorphs of a host are one host, with the median of their voltages.

    Raises:
        TableError: if fewer than ten hosts have both.
    """
    known = rows[rows["ion"].isin([ion, reference])]
    keys = [
        _describe_host(charged, discharged, of, same_content)
        for charged, discharged, of in zip(known["charged"], known["discharged"], known["ion"], strict=True)
    ]
    known = known.assign(host=[host for host, _ in keys], content=[content for _, content in keys])
    grouped = known.groupby(["host", "content", "ion"])["voltage_v"].agg(["median", "size"]).unstack("ion")
    grouped = grouped.dropna()
    if len(grouped) < LEAST_HOSTS:
        raise TableError(f"only {len(grouped)} hosts have voltages of both {ion} and {reference}; {LEAST_HOSTS} needed")
    found = pd.DataFrame(
        {
            "host": grouped.index.get_level_values("host"),
            "ion_v": grouped["median", ion].to_numpy(float),
            "reference_v": grouped["median", reference].to_numpy(float),
            "n_ion": grouped["size", ion].to_numpy(int),
            "n_reference": grouped["size", reference].to_numpy(int),
        }
    )
    return found.assign(difference_v=found["ion_v"] - found["reference_v"])


def compute_difference(pairs: pd.DataFrame, seed: int = 0) -> HostDifference:
    """Compute the mean difference of paired voltages, with an interval by the bootstrap over hosts.

    Args:
        pairs: as `pair_hosts` returns them; all pairs of a host are drawn together.
        seed: of the bootstrap.
    """
    difference = pairs["difference_v"].to_numpy(float)
    low, high = bootstrap_interval(
        difference, lambda values: np.asarray(values.mean(axis=-1)), seed, groups=list(pairs["host"])
    )
    return HostDifference(
        n_hosts=len(difference),
        mean_v=float(difference.mean()),
        low_v=low,
        high_v=high,
        median_v=float(np.median(difference)),
        sd_v=float(difference.std(ddof=1)),
        share_below=float((difference < 0).mean()),
    )


def compare_ions(rows: pd.DataFrame, ion: str = "Na", reference: str = "Li", seed: int = 0) -> dict[str, Any]:
    """Compare two ions over the hosts that have both, with and without the same range of ions.

    Args:
        rows: as the loader `mp_electrodes` returns them.
        ion: the first ion.
        reference: the second one.
        seed: of the bootstrap.

    Returns:
        Plain data: ion, reference, and for both ways to pair what `HostDifference` holds.
    """
    return {
        "ion": ion,
        "reference": reference,
        "same_content": asdict(compute_difference(pair_hosts(rows, ion, reference), seed)),
        "any_content": asdict(compute_difference(pair_hosts(rows, ion, reference, same_content=False), seed)),
    }


def _describe_host(charged: str, discharged: str, ion: str, same_content: bool) -> tuple[str, str]:
    """Return the host of an electrode as a text, and its range of ions per atom of the host; empty if not wanted."""
    amounts = parse_formula(charged)
    host = {symbol: amount for symbol, amount in amounts.items() if symbol != ion}
    text = make_composition_key("".join(f"{symbol}{amount:.6f}" for symbol, amount in host.items()))
    if not same_content:
        return text, ""
    contents = []
    for formula in (charged, discharged):
        parsed = parse_formula(formula)
        ions = parsed.get(ion, 0.0)
        contents.append(round(ions / (sum(parsed.values()) - ions) / SAME_CONTENT))
    return text, "-".join(map(str, contents))
