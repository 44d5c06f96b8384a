"""Computed average voltages of insertion electrodes, 10 working ions.

Louis et al. 2022, doi:10.1021/acsami.2c00029, from the Materials Project (Jain et al. 2013, doi:10.1063/1.4812323).
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.sources import ElectrodeRows
from batterymi.data.loaders.base import Rows, read_records
from batterymi.features.capacity import FARADAY_MAH_MOL
from batterymi.features.formulas import Compositions, parse_formulas
from batterymi.vocabulary.elements import SYMBOLS
from batterymi.vocabulary.splits import SOURCE, SPLIT, TRAIN

COLUMNS = {
    "battery_id": "id",
    "high_formula": "charged",
    "high_mpid": "charged_id",
    "low_formula": "discharged",
    "low_mpid": "discharged_id",
    "avg_voltage": "voltage_v",
}
CHARGES = {"Li": 1, "Na": 1, "K": 1, "Rb": 1, "Cs": 1, "Mg": 2, "Ca": 2, "Zn": 2, "Al": 3, "Y": 3}


def load_rows(folder: Path, settings: ElectrodeRows) -> Rows:
    """Load the electrode pairs of the wanted ions and hosts.

    Args:
        folder: holds electrodes.csv.
        settings: working ions, hosts and the range of voltages.

    Returns:
        Columns as in `COLUMNS`, and ion, host_system (elements of the host, working ion left out),
        capacity_mah_g (charge per mass of the discharged electrode), and split: train, or source for rows of
        `source_ions`. Records of other ions and hosts are not part of the table and are not listed as dropped.
    """
    frame = read_records(folder / "electrodes.csv", COLUMNS)
    frame["ion"] = frame["id"].str.rpartition("_")[2]
    frame = frame[frame["ion"].isin([*settings.ions, *settings.source_ions])]
    frame = frame.assign(voltage_v=pd.to_numeric(frame["voltage_v"], errors="coerce"))
    rows = Rows(frame, len(frame))
    for column in ("charged", "discharged"):
        rows.drop_unparsable(column)
    hosts = [
        _get_host_elements(formula, ion) for formula, ion in zip(rows.frame["charged"], rows.frame["ion"], strict=True)
    ]
    wanted = np.array([_is_wanted_host(host, settings) for host in hosts], dtype=bool)
    rows.frame = rows.frame[wanted].assign(
        host_system=["-".join(sorted(host)) for host, keep in zip(hosts, wanted, strict=True) if keep]
    )
    # records of other hosts are not part of the table, so they do not count as read
    rows.n_in = len(rows.frame) + len(rows.dropped)
    low, high = settings.voltage
    voltage = rows.frame["voltage_v"]
    rows.drop(~voltage.between(low, high), "voltage_v", f"outside {low:g} to {high:g} V")
    frame = rows.frame
    transferred = compute_transferred_ions(frame["charged"], frame["discharged"], frame["ion"])
    rows.frame = frame.assign(
        capacity_mah_g=transferred
        * frame["ion"].map(CHARGES)
        * FARADAY_MAH_MOL
        / _compute_molar_masses(frame["discharged"]),
        **{SPLIT: np.where(frame["ion"].isin(settings.ions), TRAIN, SOURCE)},
    )
    # a negated comparison, so that NaN is dropped too
    rows.drop(~(rows.frame["capacity_mah_g"] > 0), "discharged", "holds no more ions than the charged formula")
    return rows


def compute_transferred_ions(charged: pd.Series, discharged: pd.Series, ion: pd.Series) -> NDArray[np.float64]:
    """Compute the ions taken up per discharged formula as written, with the same host on both sides.

    Args:
        charged: formulas without, or with fewer, working ions.
        discharged: formulas with them.
        ion: the working ion of each row.

    Returns:
        Shape (n_rows,).
    """
    full, empty = parse_formulas(discharged), parse_formulas(charged)
    ions_full, host_full = _count_ion_and_host(full, ion)
    ions_empty, host_empty = _count_ion_and_host(empty, ion)
    # the formulas may be written for different amounts of host, so the charged one is scaled
    return ions_full - ions_empty * host_full / host_empty


def _count_ion_and_host(compositions: Compositions, ion: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count the working ions and the other atoms of each formula as written."""
    numbers = np.array([SYMBOLS.index(symbol) for symbol in ion])
    is_ion = compositions.elements == np.repeat(numbers, compositions.counts)
    ions = compositions.total(np.where(is_ion, compositions.amounts, 0.0))
    return ions, compositions.atoms - ions


def _compute_molar_masses(formulas: pd.Series) -> NDArray[np.float64]:
    """Compute the molar masses of formulas as written, g/mol."""
    from pymatgen.core import Element

    compositions = parse_formulas(formulas)
    weights = np.array([float(Element(symbol).atomic_mass) for symbol in SYMBOLS])
    return compositions.total(compositions.amounts * weights[compositions.elements])


def _get_host_elements(formula: str, ion: str) -> set[str]:
    """Return the elements of a charged formula without the working ion."""
    from batterymi.features.formulas import parse_formula

    return set(parse_formula(formula)) - {ion}


def _is_wanted_host(host: set[str], settings: ElectrodeRows) -> bool:
    """Return whether a host has the elements that the study requires."""
    if settings.host_only and not host <= set(settings.host_only):
        return False
    return not settings.host_with_any or bool(host & set(settings.host_with_any))
