"""Cycle lives of fast-charging protocols, by the thermal model with which Attia et al. 2020 tested their closed loop.

The cell (A123 APR18650M1A) is a cylinder that is heated evenly by its resistance and cooled at its surface; ageing
follows Arrhenius's law over all nodes and times of one charge (doi:10.1038/s41586-020-1994-5, code at
github.com/chueh-ermon/battery-fast-charging-optimization). Three things in the original are not physics, and are kept
since the published lives were computed so: the exponent takes degrees Celsius where it needs kelvins, the node at the
centre lacks the diffusivity in its change over time, and nodes beyond both ends age as well. So these lives rank
protocols in a test of methods; they do not predict the life of any cell.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

CAPACITY_AH = 1.1
STEPS = 4  # of equal charge, 0 to 80 % of the capacity
STEP_SHARE = 0.2
HOURS = 1 / 6
RADIUS_M, LENGTH_M = 0.009, 0.065
RESISTANCE_OHM = 0.017
AMBIENT_C = 30.0
CONDUCTIVITY, HEAT_CAPACITY, DENSITY = 0.20, 1000.0, 2362.0  # W/(m K), J/(kg K), kg/m3; Drake et al. 2014
TRANSFER = 10.0  # W/(m2 K), to still air
WIDTH_M, TIME_STEP_S = 0.001, 20.0
PREFACTOR, ENERGY_EV, BOLTZMANN_EV_K = 136.0, 0.122, 8.617e-5
LIFE_SCALE, LIFE_OFFSET = 2e10, 500
FIRST = (3.6, 4.0, 4.4, 4.8, 5.2, 5.6, 6.0, 7.0, 8.0)
SECOND = FIRST[:-1]
THIRD = FIRST[:6]
LAST_RANGE = (0.1, 4.81)
BASELINE = (4.8, 4.8, 4.8)
REMARKS = (
    "The published simulator puts degrees Celsius where Arrhenius's law needs kelvins, leaves the diffusivity out at "
    "the cell's centre, and lets nodes beyond both ends age; kept, since the published lives were computed so.",
)


def make_ten_minute_protocols() -> pd.DataFrame:
    """Make the paper's 224 protocols: three C-rates from lists, the fourth such that 80 % take ten minutes.

    Returns:
        Columns c_rate_1 to c_rate_4, in C.
    """
    rates = np.array([(a, b, c) for a in FIRST for b in SECOND for c in THIRD])
    last = STEP_SHARE / (HOURS - (STEP_SHARE / rates).sum(axis=1))
    # the protocol of constant current is a baseline and none of the paper's 224
    good = (last >= LAST_RANGE[0]) & (last <= LAST_RANGE[1]) & (rates != BASELINE).any(axis=1)
    columns = [f"c_rate_{number}" for number in range(1, STEPS + 1)]
    return pd.DataFrame(np.column_stack([rates, last])[good], columns=columns)


def compute_cycle_lives(protocols: pd.DataFrame) -> NDArray[np.int64]:
    """Compute the lives of protocols in cycles, shape (n,).

    Args:
        protocols: C-rates of the four steps, shape (n, 4).
    """
    current = protocols.to_numpy(float) * CAPACITY_AH
    ends = np.cumsum(CAPACITY_AH * 20 / 100 / current * 3600, axis=1)
    volume = np.pi * RADIUS_M**2 * LENGTH_M
    heat = current**2 * RESISTANCE_OHM / volume
    forward, constant, source = _build_time_step()
    n = len(protocols)
    temperature = np.full((len(constant), n), AMBIENT_C)
    ageing, seconds = np.zeros(n), 0.0
    while (charging := seconds < ends[:, -1]).any():
        phase = np.minimum((ends <= seconds).sum(axis=1), STEPS - 1)
        here = forward @ temperature + constant[:, None] + source[:, None] * heat[np.arange(n), phase]
        # protocols of unequal duration share the loop; those at their end keep their state
        temperature = np.where(charging, here, temperature)
        seconds += TIME_STEP_S
        # °C in the exponent, as in the original
        rate = PREFACTOR * np.exp(-ENERGY_EV / (BOLTZMANN_EV_K * temperature))
        ageing += np.where(charging, rate.sum(axis=0), 0.0)
    return (1 / ageing / LIFE_SCALE).astype(np.int64) + LIFE_OFFSET


def _build_time_step() -> tuple[Floats, Floats, Floats]:
    """Build one implicit time step: T_new = matrix T + constant + weight of the heat · q."""
    n = round(RADIUS_M / WIDTH_M) + 1
    size = n + 2
    radius = np.arange(-1, n + 1) * WIDTH_M
    diffusivity = CONDUCTIVITY / (DENSITY * HEAT_CAPACITY)
    left, right, heat, fixed = np.zeros((size, size)), np.zeros((size, size)), np.zeros(size), np.zeros(size)
    for i in range(2, n + 1):
        # 1/α ∂T/∂t = ∂²T/∂r² + 1/r ∂T/∂r + q/k, all times r
        left[i, i] = radius[i] * (1 / (diffusivity * TIME_STEP_S) + 2 / WIDTH_M**2)
        left[i, i + 1] = -1 / (2 * WIDTH_M) - radius[i] / WIDTH_M**2
        left[i, i - 1] = 1 / (2 * WIDTH_M) - radius[i] / WIDTH_M**2
        right[i, i] = radius[i] / (diffusivity * TIME_STEP_S)
        heat[i] = radius[i] / CONDUCTIVITY
    left[0, [0, 2]] = 1.0, -1.0  # symmetry
    # without the diffusivity, as in the original: the published lives were computed so
    left[1, 1] = 4 / WIDTH_M**2
    left[1, 2] = 1 / TIME_STEP_S - 4 / WIDTH_M**2
    right[1, 1], heat[1] = 1 / TIME_STEP_S, 1 / CONDUCTIVITY
    left[n + 1, [n - 1, n, n + 1]] = CONDUCTIVITY / (2 * WIDTH_M), -TRANSFER, -CONDUCTIVITY / (2 * WIDTH_M)
    fixed[n + 1] = -TRANSFER * AMBIENT_C
    solved = np.linalg.solve(left, np.column_stack([right, fixed, heat]))
    return solved[:, :size], solved[:, size], solved[:, size + 1]
