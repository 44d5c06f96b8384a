"""Ax and BayBE by their documentation, each with one experiment per campaign that is asked and told."""

import logging
import warnings
from typing import Any

import numpy as np
import pandas as pd
from problems import Bench

Key = tuple[str, int]


class Ax:
    """Ax through its Client, told which evaluations are exact; limits and the reference are outcome constraints."""

    def __init__(self) -> None:
        """Know of no campaign yet."""
        self._clients: dict[Key, Any] = {}
        self._proposed: dict[Key, list[int]] = {}

    def __call__(self, bench: Bench, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
        """Tell what is new, ask for n designs."""
        import torch

        logging.disable(logging.CRITICAL)
        torch.set_num_threads(1)
        key, names = (bench.name, seed), [f"u{i}" for i in range(bench.space.n_numbers)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if len(history) == bench.initial:
                self._clients[key] = _ax_client(bench, names, seed)
                units = bench.space.to_unit(history)
                self._proposed[key] = [
                    self._clients[key].attach_trial(dict(zip(names, map(float, row), strict=True))) for row in units
                ]
            client = self._clients[key]
            new = history.tail(len(self._proposed[key]))
            for trial, (_, row) in zip(self._proposed[key], new.iterrows(), strict=True):
                values = {one.name: float(row[one.name]) for one in bench.objectives}
                exact = {name: (value, 0.0) for name, value in values.items()}
                client.complete_trial(trial, raw_data=values if bench.noise else exact)
            trials = client.get_next_trials(max_trials=n)
        self._proposed[key] = list(trials)
        return bench.space.from_unit(np.array([[trial[name] for name in names] for trial in trials.values()]))


def _ax_client(bench: Bench, names: list[str], seed: int) -> Any:
    """A client that goes on from trials it is given."""
    from ax import RangeParameterConfig
    from ax.api.client import Client

    client = Client(random_seed=seed)
    client.configure_experiment(
        [RangeParameterConfig(name=name, bounds=(0, 1), parameter_type="float") for name in names]
    )
    aims = [one.name if one.sign < 0 else f"-{one.name}" for one in bench.objectives]
    limits = [f"{limit.objective} {'>=' if limit.sign < 0 else '<='} {limit.value}" for limit in bench.limits]
    worst = [f"{name} >= {value}" for name, value in (bench.reference or {}).items()]
    client.configure_optimization(", ".join(aims), outcome_constraints=list(dict.fromkeys(worst + limits)))
    client.configure_generation_strategy(
        initialization_budget=bench.initial, initialization_random_seed=seed, initialize_with_center=False
    )
    return client


class BayBE:
    """BayBE with its default recommender; several objectives as its Pareto objective, without limits on outcomes."""

    def __init__(self) -> None:
        """Know of no campaign yet."""
        self._campaigns: dict[Key, Any] = {}
        self._proposed: dict[Key, pd.DataFrame] = {}

    def __call__(self, bench: Bench, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
        """Tell what is new, ask for n designs."""
        import torch
        from baybe.utils.random import set_random_seed

        torch.set_num_threads(1)
        key, names = (bench.name, seed), [f"u{i}" for i in range(bench.space.n_numbers)]
        set_random_seed(seed * 1000 + len(history))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if len(history) == bench.initial:
                self._campaigns[key] = _baybe_campaign(bench, names)
                self._proposed[key] = pd.DataFrame(bench.space.to_unit(history), columns=names)
            proposed = self._proposed[key].reset_index(drop=True)
            outcomes = history.tail(len(proposed))[[one.name for one in bench.objectives]].reset_index(drop=True)
            self._campaigns[key].add_measurements(pd.concat([proposed[names], outcomes], axis=1))
            self._proposed[key] = self._campaigns[key].recommend(batch_size=n)
        return bench.space.from_unit(self._proposed[key][names].to_numpy(float))


def _baybe_campaign(bench: Bench, names: list[str]) -> Any:
    """A campaign over the unit cube."""
    from baybe import Campaign
    from baybe.objectives import ParetoObjective, SingleTargetObjective
    from baybe.parameters import NumericalContinuousParameter
    from baybe.searchspace import SearchSpace
    from baybe.targets import NumericalTarget

    space = SearchSpace.from_product([NumericalContinuousParameter(name=name, bounds=(0, 1)) for name in names])
    targets = [NumericalTarget(name=one.name, minimize=one.sign > 0) for one in bench.objectives]
    objective = SingleTargetObjective(targets[0]) if len(targets) == 1 else ParetoObjective(targets)
    return Campaign(space, objective)
