"""How much sulfur the pores of a carbon host can hold."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SULFUR_DENSITY_G_CM3 = 2.07  # orthorhombic α-sulfur at 20 °C, CRC Handbook of Chemistry and Physics
NM_M2_TO_CM3 = 1e-3  # 1 nm x 1 m2 = 1e-9 m3 = 1e-3 cm3


def compute_pore_volume(diameter_nm: ArrayLike, area_m2_g: ArrayLike) -> NDArray[np.float64]:
    """Compute the volume of cylindrical pores from their diameter and their surface area.

    A cylinder's volume over its lateral surface is d/4, so V = A d / 4 (Gurvich's relation for open pores).

    Args:
        diameter_nm: pore diameter, nm.
        area_m2_g: specific surface area of the host, m2/g.

    Returns:
        Specific pore volume, cm3/g of host.

    Raises:
        ValueError: if a diameter or an area is negative.
    """
    diameter, area = np.asarray(diameter_nm, float), np.asarray(area_m2_g, float)
    if (diameter < 0).any() or (area < 0).any():
        raise ValueError("pore diameter and surface area must not be negative")
    return NM_M2_TO_CM3 * area * diameter / 4


def compute_sulfur_limit(diameter_nm: ArrayLike, area_m2_g: ArrayLike, swelling: float = 0.0) -> NDArray[np.float64]:
    """Compute the largest sulfur content whose volume fits the pores.

    Args:
        diameter_nm: pore diameter, nm.
        area_m2_g: specific surface area of the host, m2/g.
        swelling: growth of the volume on full lithiation to Li2S; 0.8 is 80 %.

    Returns:
        Sulfur, wt% of sulfur plus host.
    """
    sulfur = compute_pore_volume(diameter_nm, area_m2_g) * SULFUR_DENSITY_G_CM3 / (1 + swelling)
    return 100 * sulfur / (1 + sulfur)


def compute_sulfur_margin(
    *, diameter_nm: ArrayLike, area_m2_g: ArrayLike, sulfur_wt: ArrayLike, swelling: float = 0.0
) -> NDArray[np.float64]:
    """Compute how far a design's sulfur content stays below what its pores hold.

    Args:
        diameter_nm: pore diameter, nm.
        area_m2_g: specific surface area of the host, m2/g.
        sulfur_wt: sulfur content, wt%.
        swelling: growth of the volume on lithiation.

    Returns:
        wt%; negative where the sulfur does not fit.
    """
    return compute_sulfur_limit(diameter_nm, area_m2_g, swelling) - np.asarray(sulfur_wt, float)
