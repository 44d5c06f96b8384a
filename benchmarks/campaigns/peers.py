"""Ax and BayBE by their documentation, each with one experiment per campaign, by its ask-and-tell interface."""

import logging
import warnings
from typing import Any

import numpy as np
import pandas as pd
from problems import BenchmarkCase

Key = tuple[str, int]


class Ax:
    """Ax through its Client, with exact evaluations marked; limits and the reference are outcome constraints."""

    def __init__(self) -> None:
        """Begin without campaigns."""
        self._clients: dict[Key, Any] = {}
        self._proposed: dict[Key, list[int]] = {}

    def __call__(self, case: BenchmarkCase, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
        """Add the new evaluations, and return n suggestions."""
        import torch

        logging.disable(logging.CRITICAL)
        torch.set_num_threads(1)
        key, names = (case.name, seed), [f"u{i}" for i in range(case.space.n_numbers)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if len(history) == case.initial:
                self._clients[key] = _make_ax_client(case, names, seed)
                units = case.to_unit(history)
                self._proposed[key] = [
                    self._clients[key].attach_trial(dict(zip(names, map(float, row), strict=True))) for row in units
                ]
            client = self._clients[key]
            new = history.tail(len(self._proposed[key]))
            for trial, (_, row) in zip(self._proposed[key], new.iterrows(), strict=True):
                values = {objective.name: float(row[objective.name]) for objective in case.objectives}
                exact = {name: (value, 0.0) for name, value in values.items()}
                client.complete_trial(trial, raw_data=values if case.noise else exact)
            trials = client.get_next_trials(max_trials=n)
        self._proposed[key] = list(trials)
        return case.from_unit(np.array([[trial[name] for name in names] for trial in trials.values()]))


def _make_ax_client(case: BenchmarkCase, names: list[str], seed: int) -> Any:
    """Return a client that goes on from given trials."""
    from ax import RangeParameterConfig
    from ax.api.client import Client

    client = Client(random_seed=seed)
    client.configure_experiment(
        [RangeParameterConfig(name=name, bounds=(0, 1), parameter_type="float") for name in names]
    )
    aims = [objective.name if objective.sign < 0 else f"-{objective.name}" for objective in case.objectives]
    limits = [f"{limit.objective} {'>=' if limit.sign < 0 else '<='} {limit.value}" for limit in case.limits]
    worst = [f"{name} >= {value}" for name, value in (case.reference or {}).items()]
    client.configure_optimization(", ".join(aims), outcome_constraints=list(dict.fromkeys(worst + limits)))
    client.configure_generation_strategy(
        initialization_budget=case.initial, initialization_random_seed=seed, initialize_with_center=False
    )
    return client


class BayBE:
    """BayBE with its default recommender; several objectives as its Pareto objective, without limits on outcomes."""

    def __init__(self) -> None:
        """Begin without campaigns."""
        self._campaigns: dict[Key, Any] = {}
        self._proposed: dict[Key, pd.DataFrame] = {}

    def __call__(self, case: BenchmarkCase, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
        """Add the new evaluations, and return n suggestions."""
        import torch
        from baybe.utils.random import set_random_seed

        torch.set_num_threads(1)
        key, names = (case.name, seed), [f"u{i}" for i in range(case.space.n_numbers)]
        set_random_seed(seed * 1000 + len(history))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if len(history) == case.initial:
                self._campaigns[key] = _make_baybe_campaign(case, names)
                self._proposed[key] = pd.DataFrame(case.to_unit(history), columns=names)
            proposed = self._proposed[key].reset_index(drop=True)
            outcomes = history.tail(len(proposed))[[objective.name for objective in case.objectives]].reset_index(
                drop=True
            )
            self._campaigns[key].add_measurements(pd.concat([proposed[names], outcomes], axis=1))
            self._proposed[key] = self._campaigns[key].recommend(batch_size=n)
        return case.from_unit(self._proposed[key][names].to_numpy(float))


def _make_baybe_campaign(case: BenchmarkCase, names: list[str]) -> Any:
    """Return a campaign over the unit cube."""
    from baybe import Campaign
    from baybe.objectives import ParetoObjective, SingleTargetObjective
    from baybe.parameters import NumericalContinuousParameter
    from baybe.searchspace import SearchSpace
    from baybe.targets import NumericalTarget

    space = SearchSpace.from_product([NumericalContinuousParameter(name=name, bounds=(0, 1)) for name in names])
    targets = [NumericalTarget(name=target.name, minimize=target.sign > 0) for target in case.objectives]
    objective = SingleTargetObjective(targets[0]) if len(targets) == 1 else ParetoObjective(targets)
    return Campaign(space, objective)
