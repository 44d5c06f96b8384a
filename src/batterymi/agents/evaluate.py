"""Evaluation of a policy on fixed scenarios, on the model that it trains on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.agents.environment import ChargingEnvironment
from batterymi.agents.policy import Network
from batterymi.charging.state import Start


def evaluate_policy(network: Network, environment: ChargingEnvironment, starts: Sequence[Start]) -> pd.DataFrame:
    """Charge from every start without exploration.

    Args:
        network: the policy.
        environment: to charge in; its present charge is lost.
        starts: the scenarios.

    Returns:
        One row per start: reward, minutes (NaN if the charge was not finished), smallest margin, highest
        temperature and voltage, capacity lost, whether a limit was broken, and whether one was with the checked
        reserve.
    """
    return pd.DataFrame([_run_charge(network, environment, start) for start in starts])


def _run_charge(network: Network, environment: ChargingEnvironment, start: Start) -> dict[str, Any]:
    """Run one charge, and return its numbers."""
    vector, _ = environment.reset(options={"start": start})
    rewards, readings, ended, cut_off = [], [], False, False
    while not (ended or cut_off):
        vector, reward, ended, cut_off, info = environment.step(network.choose_action(vector))
        rewards.append(reward)
        readings.append(info["reading"])
    limits = environment.limits
    reached = ended and not info["failure"]
    return {
        "reward": sum(rewards),
        "minutes": readings[-1].seconds / 60 if reached else np.nan,
        "margin_mv": min(step.plating_margin_mv for step in readings),
        "temperature_c": max(step.temperature_max_c for step in readings),
        "voltage_v": max(step.voltage_max_v for step in readings),
        "capacity_lost_mah": readings[-1].capacity_lost_mah,
        "broken": bool(info["failure"]) or any(limits.bare.find_broken(step) for step in readings),
        "unsafe": not reached or any(limits.checked.find_broken(step) for step in readings),
    }


def summarise_charges(charges: pd.DataFrame, time_limit_min: float) -> dict[str, float]:
    """Summarise a policy over its validation scenarios.

    Args:
        charges: as `evaluate` returns them.
        time_limit_min: counted for charges that were not finished.
    """
    return {
        "validation_reward": float(charges["reward"].mean()),
        # left out, unfinished charges would make a policy look fast
        "minutes": float(charges["minutes"].fillna(time_limit_min).median()),
        "minutes_mean": float(charges["minutes"].fillna(time_limit_min).mean()),
        "violating": float(charges["broken"].mean()),
        "unsafe": float(charges["unsafe"].mean()),
        "smallest_margin_mv": float(charges["margin_mv"].min()),
        "temperature_max_c": float(charges["temperature_c"].max()),
        "capacity_lost_mah": float(charges["capacity_lost_mah"].mean()),
    }


def is_better(found: dict[str, float], best: dict[str, float] | None) -> bool:
    """Check whether a policy is preferred: fewer unsafe scenarios first, then the larger reward."""
    if best is None:
        return True
    # safety first: the reward only decides between equally safe policies
    return (found["unsafe"], -found["validation_reward"]) < (best["unsafe"], -best["validation_reward"])
