"""Descriptors of how the sites of a crystal are occupied: ions that hop from site to site need some that are empty."""

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.features.site_records import SiteRecord, find_neighbours, make_record
from batterymi.features.structures import ALTERNATIVE, IONS, StructureError, read_structure
from batterymi.vocabulary.elements import INDEX

FULL = 0.99  # occupancies are published with two digits
DESCRIPTIONS = {
    "frac_partial_sites": "share of sites that are not full",
    "frac_mixed_sites": "share of sites that several elements share",
    "li_occ_mean": "mean occupancy by the ion of the sites that ions are on",
    "li_occ_min": "smallest occupancy by the ion of a site",
    "li_partial": "share of ions on sites that they do not fill",
    "li_vacancies_per_li": "empty ion sites per ion",
    "li_shared": "share of ions on sites that they share with other elements",
    "li_split": "share of ion sites with another site within 1.6 Å",
}


def compute_occupancy_descriptors(*, structure: pd.Series) -> pd.DataFrame:
    """Compute vacancies and sharing of the sites of the mobile ion from CIF files.

    Shares of partly filled and of mixed sites; of the mobile ion (`li_…`: lithium, else sodium and others) its mean and
    smallest occupancy, its share on partly filled and on shared sites, empty sites per ion, and split sites. A
    supercell has the numbers of its cell.

    Args:
        structure: paths of CIF files.

    Returns:
        One column per quantity of `DESCRIPTIONS`.
    """
    known: dict[str, dict[str, float]] = {}
    for path in structure.unique():
        try:
            known[path] = describe_occupancy(make_record(read_structure(path).structure))
        except StructureError as error:
            raise StructureError(f"{path}: {error}") from None
    return pd.DataFrame([known[path] for path in structure], index=structure.index, columns=list(DESCRIPTIONS))


def describe_occupancy(record: SiteRecord) -> dict[str, float]:
    """Compute the descriptors of one structure, by name; without a mobile ion, its sites are full and not shared."""
    occupancy, n_kinds = record.occupancies, (record.amounts > 0).sum(axis=1)
    found = {
        "frac_partial_sites": float((occupancy < FULL).mean()),
        "frac_mixed_sites": float((n_kinds > 1).mean()),
        "li_occ_mean": 1.0,
        "li_occ_min": 1.0,
        "li_partial": 0.0,
        "li_vacancies_per_li": 0.0,
        "li_shared": 0.0,
        "li_split": 0.0,
    }
    ions = get_mobile_ion(record)
    sites, total = np.flatnonzero(ions > 0), float(ions.sum())
    if not total:
        return found
    amount = ions[sites]
    found |= {
        # each ion counts once, and not each site
        "li_occ_mean": float((amount**2).sum() / total),
        "li_occ_min": float(amount.min()),
        "li_partial": float(amount[amount < FULL].sum() / total),
        "li_vacancies_per_li": float((1 - amount).sum() / total),
        "li_shared": float(amount[n_kinds[sites] > 1].sum() / total),
    }
    near = find_neighbours(record, ALTERNATIVE, 1e-3)
    is_split = np.isin(near.neighbour, sites)
    found["li_split"] = float(np.isin(sites, near.centre[is_split]).mean())
    return found


def get_mobile_ion(record: SiteRecord) -> Array:
    """Return how much of the mobile ion each site holds, shape (n_sites,); zeros if there is none."""
    for symbol in IONS:
        amounts: Array = record.amounts[:, INDEX[symbol]]
        if amounts.any():
            return amounts
    return np.zeros(len(record))
