"""Engines of this project and of libraries, behind one function each: from what is known to what to try next."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from problems import Bench

from batterymi import registry

Method = Callable[[Bench, pd.DataFrame, int, int], pd.DataFrame]


def ours(engine: str) -> Method:
    """An engine of this project."""
    propose = registry.look_up("engine", engine)

    def ask(bench: Bench, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
        return propose(bench.problem, history, n, seed)

    return ask


def optuna(sampler: str) -> Method:
    """Optuna by its documentation: trials are added, then asked for; compositions by a map of the unit cube."""

    def ask(bench: Bench, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
        import optuna as library

        library.logging.set_verbosity(library.logging.ERROR)
        space = bench.space
        names = [f"u{i}" for i in range(space.n_numbers)]
        spread = {name: library.distributions.FloatDistribution(0, 1) for name in names}
        limits = bench.problem.limit_list
        options = {"seed": seed * 1000 + len(history)}
        if limits:
            options["constraints_func"] = lambda trial: trial.user_attrs["broken"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kind = {"tpe": library.samplers.TPESampler, "gp": library.samplers.GPSampler}[sampler]
            study = library.create_study(directions=["minimize"] * len(bench.problem.sought), sampler=kind(**options))
            costs, unit = bench.problem.costs(history), space.to_unit(history)
            for i in range(len(history)):
                broken = [float(history["violation"].iloc[i])] if limits else []
                trial = library.trial.create_trial(
                    params=dict(zip(names, map(float, unit[i]), strict=True)),
                    distributions=spread,
                    values=[float(value) for value in costs[i]],
                    user_attrs={"broken": broken},
                    system_attrs={"constraints": broken} if limits else {},
                )
                study.add_trial(trial)
            asked = [study.ask(spread) for _ in range(n)]
        return space.from_unit(np.array([[trial.params[name] for name in names] for trial in asked]))

    return ask


def skopt(acquisition: str) -> Method:
    """scikit-optimize by its documentation, several objectives by the weighted sum; compositions by the same map."""

    def ask(bench: Bench, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
        from skopt import Optimizer

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optimizer = Optimizer(
                [(0.0, 1.0)] * bench.space.n_numbers,
                "GP",
                n_initial_points=1,
                acq_func=acquisition,
                random_state=seed * 1000 + len(history),
            )
            scores = history["score"] + 10 * history["violation"]
            optimizer.tell(bench.space.to_unit(history).tolist(), scores.tolist())
            asked = optimizer.ask(n_points=n) if n > 1 else [optimizer.ask()]
        return bench.space.from_unit(np.array(asked, float))

    return ask


def botorch_documented(bench: Bench, history: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """BoTorch as its first tutorial has it: SingleTaskGP, LogEI or qLogEI, optimize_acqf; one objective only."""
    import torch
    from botorch.acquisition import LogExpectedImprovement, qLogExpectedImprovement, qLogNoisyExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.optim import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.set_num_threads(1)
    torch.manual_seed(seed * 1000 + len(history))
    inputs = torch.tensor(bench.space.to_unit(history), dtype=torch.double)
    values = -torch.tensor(history["score"].to_numpy(float)[:, None], dtype=torch.double)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SingleTaskGP(inputs, values)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        if bench.noise:
            acquisition = qLogNoisyExpectedImprovement(model, inputs)
        elif n > 1:
            acquisition = qLogExpectedImprovement(model, values.max())
        else:
            acquisition = LogExpectedImprovement(model, values.max())
        d = inputs.shape[1]
        bounds = torch.stack([torch.zeros(d), torch.ones(d)]).double()
        found, _ = optimize_acqf(acquisition, bounds, q=n, num_restarts=5, raw_samples=128)
    return bench.space.from_unit(found.numpy())


METHODS: dict[str, Method] = {
    "gaussian_process (ours)": ours("gaussian_process"),
    "botorch (ours)": ours("botorch"),
    "random": ours("random"),
    "Sobol": ours("sobol"),
    "scikit-optimize EI": skopt("EI"),
    "scikit-optimize gp_hedge": skopt("gp_hedge"),
    "Optuna TPE": optuna("tpe"),
    "Optuna GP": optuna("gp"),
    "BoTorch, as documented": botorch_documented,
}
SINGLE = ("BoTorch, as documented", "scikit-optimize EI", "scikit-optimize gp_hedge")  # they know one objective
