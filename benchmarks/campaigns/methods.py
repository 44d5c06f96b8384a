"""Engines of this project and of libraries, behind one function each: from what is known to what to try next."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from peers import Ax, BayBE
from problems import BenchmarkCase

from batterymi import registry

Method = Callable[[BenchmarkCase, pd.DataFrame, int, int], pd.DataFrame]


def use_engine(engine: str) -> Method:
    """Return an engine of this project."""
    run_engine = registry.look_up("engine", engine)

    def propose(case: BenchmarkCase, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
        return run_engine(case.problem, history, n, seed)

    return propose


def optuna(sampler: str) -> Method:
    """Optuna by its documentation: one study per campaign, by ask and tell; compositions by a map of the unit cube.

    Its Gaussian process takes evaluations as exact where they are free of noise, as our engines do.
    """
    studies: dict[tuple[str, int], Any] = {}
    waiting: dict[tuple[str, int], list[Any]] = {}

    def propose(case: BenchmarkCase, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
        import optuna as library

        library.logging.set_verbosity(library.logging.ERROR)
        space, key = case.space, (case.name, seed)
        names = [f"u{i}" for i in range(space.n_numbers)]
        spread = {name: library.distributions.FloatDistribution(0, 1) for name in names}
        costs = case.problem.compute_costs(history).tolist()
        broken = history["violation"].to_numpy(float)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if len(history) == case.initial:
                studies[key] = _make_optuna_study(case, sampler, seed)
                for values, miss, unit in zip(costs, broken, case.to_unit(history), strict=True):
                    trial = library.trial.create_trial(
                        params=dict(zip(names, map(float, unit), strict=True)),
                        distributions=spread,
                        values=values,
                        system_attrs={"constraints": [float(miss)]} if case.limits else {},
                    )
                    studies[key].add_trial(trial)
                waiting[key] = []
            completed = range(len(history) - len(waiting[key]), len(history))
            for trial, row in zip(waiting[key], completed, strict=True):
                trial.set_user_attr("broken", [float(broken[row])])
                studies[key].tell(trial, costs[row])
            waiting[key] = [studies[key].ask(spread) for _ in range(n)]
        return case.from_unit(np.array([[trial.params[name] for name in names] for trial in waiting[key]]))

    return propose


def _make_optuna_study(case: BenchmarkCase, sampler: str, seed: int) -> Any:
    """A study with the sampler, limits as its constraints."""
    import optuna as library

    options: dict[str, Any] = {"seed": seed}
    if case.limits:
        options["constraints_func"] = lambda trial: trial.user_attrs["broken"]
    if sampler == "gp":
        options["deterministic_objective"] = case.noise == 0
    kind = {"tpe": library.samplers.TPESampler, "gp": library.samplers.GPSampler}[sampler]
    return library.create_study(directions=["minimize"] * len(case.problem.optimised), sampler=kind(**options))


def skopt(acquisition: str) -> Method:
    """scikit-optimize by its documentation: one optimizer per campaign, by ask and tell, so that gp_hedge can learn.

    Compositions by the same map; limits as a penalty on the objective.
    """
    optimizers: dict[tuple[str, int], Any] = {}
    waiting: dict[tuple[str, int], list[list[float]]] = {}

    def propose(case: BenchmarkCase, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
        from skopt import Optimizer

        key, scores = (case.name, seed), (history["score"] + 10 * history["violation"]).tolist()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if len(history) == case.initial:
                optimizers[key] = Optimizer(
                    [(0.0, 1.0)] * case.space.n_numbers, "GP", n_initial_points=1, acq_func=acquisition,
                    random_state=seed,
                )  # fmt: skip
                waiting[key] = case.to_unit(history).tolist()
            optimizers[key].tell(waiting[key], scores[-len(waiting[key]) :])
            waiting[key] = optimizers[key].ask(n_points=n) if n > 1 else [optimizers[key].ask()]
        return case.from_unit(np.array(waiting[key], float))

    return propose


def botorch_documented(case: BenchmarkCase, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """BoTorch as its tutorials have it: SingleTaskGP with LogEI or qLogEI, or several of them with qLogNEHVI."""
    import torch
    from botorch.optim import optimize_acqf

    torch.set_num_threads(1)
    torch.manual_seed(seed * 1000 + len(history))
    inputs = torch.tensor(case.to_unit(history), dtype=torch.double)
    bounds = torch.stack([torch.zeros(inputs.shape[1]), torch.ones(inputs.shape[1])]).double()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if len(case.objectives) > 1:
            effort: dict[str, Any] = {"num_restarts": 10, "raw_samples": 512, "sequential": True}
            effort["options"] = {"batch_limit": 5, "maxiter": 200}
            acquisition = _make_botorch_multi(case, history, inputs)
        else:
            effort = {"num_restarts": 5, "raw_samples": 128}
            acquisition = _make_botorch_single(case, history, inputs, n)
        found, _ = optimize_acqf(acquisition, bounds, q=n, **effort)
    return case.from_unit(found.numpy())


def _make_botorch_single(case: BenchmarkCase, history: pd.DataFrame, inputs: Any, n: int) -> Any:
    """LogEI of a first tutorial, of a batch or under noise its counterparts."""
    import torch
    from botorch.acquisition import LogExpectedImprovement, qLogExpectedImprovement, qLogNoisyExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.mlls import ExactMarginalLogLikelihood

    values = -torch.tensor(history["score"].to_numpy(float)[:, None], dtype=torch.double)
    model = SingleTaskGP(inputs, values)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    if case.noise:
        return qLogNoisyExpectedImprovement(model, inputs)
    return (qLogExpectedImprovement if n > 1 else LogExpectedImprovement)(model, values.max())


def _make_botorch_multi(case: BenchmarkCase, history: pd.DataFrame, inputs: Any) -> Any:
    """QLogNEHVI of the tutorial on several objectives; the reference point replaces limits that it equals."""
    import torch
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.sampling import SobolQMCNormalSampler
    from gpytorch.mlls import SumMarginalLogLikelihood

    assert case.reference is not None
    signs = np.array([-float(objective.sign) for objective in case.objectives])
    names = [objective.name for objective in case.objectives]
    values = torch.tensor(history[names].to_numpy(float) * signs)
    exact = [1e-6 * column.var().expand(len(column), 1) for column in values.T]
    model = ModelListGP(
        *[
            SingleTaskGP(inputs, column[:, None], variance, outcome_transform=Standardize(m=1))
            for column, variance in zip(values.T, exact, strict=True)
        ]
    )
    fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
    worst = [case.reference[name] * sign for name, sign in zip(names, signs, strict=True)]
    return qLogNoisyExpectedHypervolumeImprovement(
        model=model,
        ref_point=worst,
        X_baseline=inputs,
        prune_baseline=True,
        sampler=SobolQMCNormalSampler(torch.Size([128])),
    )


METHODS: dict[str, Method] = {
    "gaussian_process (ours)": use_engine("gaussian_process"),
    "botorch (ours)": use_engine("botorch"),
    "random": use_engine("random"),
    "Sobol": use_engine("sobol"),
    "scikit-optimize EI": skopt("EI"),
    "scikit-optimize gp_hedge": skopt("gp_hedge"),
    "Optuna TPE": optuna("tpe"),
    "Optuna GP": optuna("gp"),
    "BoTorch, as documented": botorch_documented,
    "Ax": Ax(),
    "BayBE": BayBE(),
}
SINGLE = ("scikit-optimize EI", "scikit-optimize gp_hedge")  # for one objective only
