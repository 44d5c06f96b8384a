"""The chapter's recipe for fast charging (section 4.3.3), written from its description."""

from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

import pandas as pd

from batterymi.chapter.facts import Fact, as_plain_data
from batterymi.charging.controllers import CHAPTER_PHASES, CHAPTER_PROFILES

SOC_START, SOC_END, START_C = 0.2, 0.8, 25.0
SOC_PER_C_RATE = 0.01  # a minute at 1C; a cell takes 1/60
KELVIN_PER_SQUARE = 0.5  # a minute at 1C, and none of it leaves the cell
LOSS_PER_SQUARE = 0.001  # at 25 °C, in proportion to the temperature in °C
LOSS_PERCENT, USUAL_LOSS_PERCENT = 1.3, 5.0  # per 1000 cycles, section 4.3.4
RETENTION_PERCENT, RETENTION_CYCLES = 88.0, 850


def run_recipe(table: pd.DataFrame | None) -> dict[str, Any]:
    """Charge by three profiles in steps of a minute, and add up the times of the text's four phases.

    Nothing is learned: the "optimized" profile is typed in, and the reward is computed and not used. The four phases of
    section 4.3.4 are not run there; their time follows from their own C-rates.

    Args:
        table: not used, as the chapter has none.
    """
    profiles = {name.removeprefix("chapter_"): charge(segments) for name, segments in CHAPTER_PROFILES.items()}
    return {
        **profiles,
        "phases": {"minutes": sum_phases(CHAPTER_PHASES)},
        "arithmetic": as_plain_data(compute_arithmetic()),
    }


def compute_arithmetic() -> dict[str, Fact]:
    """Return what follows from the losses that section 4.3.4 states."""
    implied = (100 - RETENTION_PERCENT) * 1000 / RETENTION_CYCLES
    return {
        "improvement_percent": Fact(100 * (1 - LOSS_PERCENT / USUAL_LOSS_PERCENT), "1.3 % against 5 %"),
        "loss_percent_per_1000": Fact(implied, "12 % in 850 cycles, in a straight line to 1000"),
    }


def charge(segments: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Charge by constant currents, from 20 % until 80 % or the end of the profile.

    Args:
        segments: pairs of C-rate and minutes.
    """
    soc, temperature_c, loss, minutes = SOC_START, START_C, 0.0, 0
    for rate in chain.from_iterable(repeat(rate, round(length)) for rate, length in segments):
        soc += SOC_PER_C_RATE * rate
        temperature_c += KELVIN_PER_SQUARE * rate**2
        loss += LOSS_PER_SQUARE * rate**2 * temperature_c / START_C
        minutes += 1
        if soc >= SOC_END:
            break
    return {"minutes": minutes, "temperature_c": temperature_c, "degradation": loss, "soc_end": soc}


def sum_phases(phases: Sequence[tuple[float, float]]) -> float:
    """Return the minutes that constant C-rates take from empty, each up to a state of charge.

    Args:
        phases: pairs of the state of charge where a phase ends and its C-rate, rising.
    """
    begins = [0.0, *(end for end, _ in phases[:-1])]
    return sum(60 * (end - begin) / rate for begin, (end, rate) in zip(begins, phases, strict=True))
