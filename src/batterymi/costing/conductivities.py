"""Series of conductivities of one material from one paper, and what their Arrhenius fits say of cold and heat."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.costing.arrhenius import FORMS, LEAST_POINTS, ArrheniusFit, fit_arrhenius, predict_conductivity
from batterymi.errors import TableError
from batterymi.statistics.intervals import compute_wilson_interval

GROUP = ["composition_key", "doi"]
TEMPERATURES_C = (-30.0, 25.0, 150.0)
FAST_S_CM = 1e-3  # the chapter's requirement for a solid electrolyte
LEAST_SPAN_K = 20.0  # two temperatures closer than that say nothing of an activation energy
SAME_K = 2.0  # temperatures as close as that are repeats of one
NAMES = {"ln(sigma T)": "", "ln(sigma)": "plain_"}  # prefixes of the columns of each form


@dataclass(frozen=True)
class Series:
    """Conductivities of one material from one paper.

    Attributes:
        composition: as the data set writes it first.
        doi: of the paper.
        family: of the material.
        rows: temperature_c and conductivity_s_cm, in order of temperature.
    """

    composition: str
    doi: str
    family: str
    rows: pd.DataFrame


def list_series(rows: pd.DataFrame) -> Iterator[Series]:
    """List the series that span `LEAST_SPAN_K` or more, in order of the data set.

    Args:
        rows: as `load_conductivities` returns them.

    Yields:
        One series for each material and paper. Values of one temperature are all kept: repeats, or two samples.
    """
    for _, group in rows.groupby(GROUP, sort=False):
        if np.ptp(group["temperature_c"]) >= LEAST_SPAN_K:
            first = group.iloc[0]
            yield Series(
                str(first["composition"]),
                str(first["doi"]),
                str(first["family"]),
                group.sort_values("temperature_c")[["temperature_c", "conductivity_s_cm"]],
            )


def count_temperatures(celsius: "pd.Series | np.ndarray") -> int:
    """Count the temperatures of a series, those within `SAME_K` of the last one counted as that one."""
    count, last = 0, -np.inf
    for value in sorted(celsius):
        if value - last > SAME_K:
            count, last = count + 1, value
    return count


def fit_series(rows: pd.DataFrame) -> pd.DataFrame:
    """Fit every series of two or more temperatures.

    Args:
        rows: as `load_conductivities` returns them.

    Returns:
        One row for each series: composition, doi, family, n_points, n_temperatures, lowest_c, highest_c; for the form
        ln(sigma T), and with the prefix `plain_` for ln(sigma): activation_energy_ev with 95 % interval, conductivity
        at each of `TEMPERATURES_C` with 95 % prediction interval; curvature_p, bend_ev, is_curved, residual_decades
        and has_interval of the first form.

    Raises:
        TableError: if there is no series.
    """
    described = [_describe(series) for series in list_series(rows)]
    if not described:
        raise TableError(f"no material of one paper has conductivities at temperatures {LEAST_SPAN_K:g} K apart")
    return pd.DataFrame(described)


def summarise_series(fits: pd.DataFrame) -> dict[str, Any]:
    """Summarise the fits of the series with three temperatures or more.

    Args:
        fits: as `fit_series` returns them.

    Returns:
        Counts; medians of activation energies and of conductivities at each temperature, for all and by family; the
        share that keeps 10⁻³ S/cm with its Wilson interval; and how many series bend.
    """
    full = fits[fits["has_interval"]]
    tested = full[full["curvature_p"].notna()]
    families = {str(name): _take_medians(group) for name, group in full.groupby("family")}
    return {
        "fitted": "ln(sigma T) over 1/T; columns with plain_ are of ln(sigma) over 1/T",
        "n_series": len(full),
        "n_two_temperatures": int((~fits["has_interval"]).sum()),
        "n_papers": int(full["doi"].nunique()),
        "all": _take_medians(full),
        "families": families,
        "fast": {_name_temperature(celsius): _count_fast(full, celsius) for celsius in TEMPERATURES_C},
        "largest_difference_of_forms_ev": float(
            (full["activation_energy_ev"] - full["plain_activation_energy_ev"]).abs().max()
        ),
        "curvature": {
            "n_tested": len(tested),
            "n_curved": int(tested["is_curved"].sum()),
            "expected_by_chance": 0.05 * len(tested),
        },
        "extrapolated": {
            "n_measured_at_or_below_-30": int((full["lowest_c"] <= TEMPERATURES_C[0]).sum()),
            "n_measured_at_or_above_150": int((full["highest_c"] >= TEMPERATURES_C[-1]).sum()),
            "lowest_measured_c": float(full["lowest_c"].min()),
        },
    }


def _describe(series: Series) -> dict[str, Any]:
    """Return the row of a series."""
    celsius = series.rows["temperature_c"].to_numpy(float)
    sigma = series.rows["conductivity_s_cm"].to_numpy(float)
    row: dict[str, Any] = {
        "composition": series.composition,
        "doi": series.doi,
        "family": series.family,
        "n_points": len(celsius),
        "n_temperatures": count_temperatures(celsius),
        "lowest_c": celsius.min(),
        "highest_c": celsius.max(),
        # a line through two temperatures has no error of its own
        "has_interval": count_temperatures(celsius) >= LEAST_POINTS,
    }
    for form in FORMS:
        fit = fit_arrhenius(celsius, sigma, form)
        row |= {f"{NAMES[form]}{name}": value for name, value in _describe_fit(fit, row["has_interval"]).items()}
        if form == FORMS[0]:
            row |= {
                "curvature_p": fit.curvature_p,
                "bend_ev": fit.bend_ev,
                "is_curved": fit.is_curved,
                "residual_decades": fit.residual_decades,
            }
    return row


def _describe_fit(fit: ArrheniusFit, has_interval: bool) -> dict[str, float]:
    """Return the numbers of a fit."""
    found = {"activation_energy_ev": fit.activation_energy_ev}
    if has_interval:
        found |= {"activation_energy_low_ev": fit.low_ev, "activation_energy_high_ev": fit.high_ev}
    else:
        found |= {"activation_energy_low_ev": np.nan, "activation_energy_high_ev": np.nan}
    for celsius in TEMPERATURES_C:
        predicted, name = predict_conductivity(fit, celsius), _name_temperature(celsius)
        found[f"s_cm_at_{name}"] = predicted.conductivity_s_cm
        found[f"low_s_cm_at_{name}"] = predicted.low_s_cm if has_interval else np.nan
        found[f"high_s_cm_at_{name}"] = predicted.high_s_cm if has_interval else np.nan
    return found


def _name_temperature(celsius: float) -> str:
    """Return a temperature as keys and columns write it, as minus_30_c."""
    return f"{'minus_' if celsius < 0 else ''}{abs(celsius):g}_c"


def _take_medians(fits: pd.DataFrame) -> dict[str, Any]:
    """Return the number of series, medians of what they say, and which one is fastest in the cold."""
    names = [f"s_cm_at_{_name_temperature(celsius)}" for celsius in TEMPERATURES_C]
    medians = {name: float(fits[name].median()) for name in ("activation_energy_ev", *names)}
    best = fits.sort_values(names[0]).iloc[-1]
    return {"n_series": len(fits), **medians, f"largest_{names[0]}": best[names[0]], "fastest": best["composition"]}


def _count_fast(fits: pd.DataFrame, celsius: float) -> dict[str, float]:
    """Return the share of series with 10⁻³ S/cm or more at a temperature, with its Wilson interval."""
    share = float((fits[f"s_cm_at_{_name_temperature(celsius)}"] >= FAST_S_CM).mean())
    low, high = compute_wilson_interval(share, len(fits))
    return {"share": share, "low": low, "high": high}
