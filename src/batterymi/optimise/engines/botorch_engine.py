"""The engine `botorch`: BoTorch's models and acquisition functions behind the common interface."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.goals import Limit
from batterymi.config.parts import Objective
from batterymi.optimise.engines.acquisition import compute_log_probability_below
from batterymi.optimise.engines.base import (
    can_learn,
    fill_space,
    list_anchors,
    list_taken,
    make_suggestions,
    prefer_within_bounds,
)
from batterymi.optimise.engines.gaussian import EXACT, fit_process
from batterymi.optimise.engines.models import (
    SuccessModel,
    group_replicates,
    has_all_outcomes,
    has_any_outcome,
    is_under_way,
    list_succeeded,
    select_measured,
    shrink_values,
    winsorise_values,
)
from batterymi.optimise.engines.optimize_acquisition import optimize_acquisition, prefer_other_parts
from batterymi.optimise.engines.warp import fit_standardisation
from batterymi.optimise.space.problem import Search
from batterymi.process_pool import use_single_torch_thread
from batterymi.vocabulary.expected import LIMITS_MET, NO_FAILURE, name_deviation_column, name_mean_column

if TYPE_CHECKING:
    from botorch.models.model import Model

N_DRAWS = 128  # quasi-random samples of the posterior, one objective
# fewer, since noisy EHVI decomposes the front of every sample into boxes
N_DRAWS_FRONT = 64
MAX_PENDING = 16  # designs under way that are sampled together with each candidate


def propose_designs(
    search: Search, history: pd.DataFrame, n: int, seed: int, pending: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Propose the designs that BoTorch's acquisition functions choose: qLogNEI for one objective, else qLogNEHVI.

    Both average over the uncertainty of the designs measured so far, take limits on outcomes as constraints, and fill
    a batch one by one given the designs before. This package optimises the acquisition, since the library knows no
    steps, compositions or expressions. See `Engine`.
    """
    import torch

    space = search.space
    rng = np.random.default_rng([seed, len(history)])
    known = history[has_any_outcome(history, search.modelled)]
    taken = list_taken(search, history, pending)
    waiting = taken[len(history) :]
    if not can_learn(search, known):
        return fill_space(space, rng, n, taken)
    # restores the caller's global random state on exit
    with use_single_torch_thread(), warnings.catch_warnings(action="ignore"), torch.random.fork_rng():
        torch.manual_seed(int(rng.integers(2**31)))
        return _propose_sequentially(search, history, known, n, rng, taken, waiting)


def _propose_sequentially(
    search: Search,
    history: pd.DataFrame,
    known: pd.DataFrame,
    n: int,
    rng: np.random.Generator,
    taken: Array,
    waiting: Array,
) -> pd.DataFrame:
    """Propose designs one by one, each acquisition function given the designs before."""
    import torch

    space = search.space
    outcomes = {name: _combine_measured(search, known, name, rng) for name in search.modelled}
    scales = {name: outcome.scale for name, outcome in outcomes.items()}
    model = _fit_models(list(outcomes.values()))
    failed = history[(history["failure"] != "").to_numpy()]
    complete = known[has_all_outcomes(known, search.modelled)]
    success = SuccessModel(space, list_succeeded(space, known), space.codes(failed), rng) if len(failed) else None
    # measured rows that still wait for an outcome are as uncertain as designs under way
    late = np.any([is_under_way(known, name) for name in search.modelled], axis=0)
    waiting = np.vstack([waiting, space.codes(known.iloc[np.flatnonzero(late)])])
    known_best = prefer_within_bounds(search, complete) if len(complete) else known[~late]
    baseline = _make_tensor(space.inputs(group_replicates(space.codes(known_best)).codes))
    anchors = list_anchors(search, complete)
    chosen: list[Array] = []
    for _ in range(n):
        before = np.vstack([waiting, *chosen])
        acquisition = _make_acquisition(search, model, scales, baseline, _make_tensor(space.inputs(before)), rng)

        def evaluate(codes: Array, acquisition: Any = acquisition) -> Array:
            with torch.no_grad():
                values = acquisition(_make_tensor(space.inputs(codes)).unsqueeze(1)).numpy()
            return values + success.log_probability(codes) if success is not None else values

        design = optimize_acquisition(space, prefer_other_parts(space, evaluate, chosen), rng, anchors, taken)
        if design is None:
            break
        chosen.append(design)
        taken = np.vstack([taken, design])
    why = "by noisy expected improvement" + (" of the hypervolume" if len(search.optimised) > 1 else "")

    def expect(codes: Array) -> pd.DataFrame:
        return _predict(search, model, scales, codes).assign(
            **({} if success is None else {NO_FAILURE: np.exp(success.log_probability(codes))})
        )

    return make_suggestions(space, chosen, [why] * len(chosen), expect)


def _predict(search: Search, model: "Model", scales: dict[str, tuple[float, float]], codes: Array) -> pd.DataFrame:
    """Return what the models expect of designs from measured rows; see `Engine`."""
    import torch

    with torch.no_grad():
        posterior: Any = model.posterior(_make_tensor(search.space.inputs(codes)))
        means, variances = posterior.mean.numpy(), posterior.variance.numpy()
    columns: dict[str, Array] = {}
    for place, (name, (centre, spread)) in enumerate(scales.items()):
        columns[name_mean_column(name)] = centre + spread * means[:, place]
        columns[name_deviation_column(name)] = spread * np.sqrt(variances[:, place])
    log_probability = np.zeros(len(codes))
    for limit in search.limits:
        mean, deviation = (columns[column(limit.objective)] for column in (name_mean_column, name_deviation_column))
        log_probability += compute_log_probability_below(limit.sign * mean, deviation**2, limit.sign * limit.value)
    return pd.DataFrame(columns | ({LIMITS_MET: np.exp(log_probability)} if search.limits else {}))


def _make_tensor(values: Array) -> Any:
    """Make a tensor in double precision, as Gaussian processes need it."""
    import torch

    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.double)


@dataclass(frozen=True)
class _Outcome:
    """What is known of one outcome, standardised.

    Attributes:
        inputs: of different designs, shape (n, n_inputs).
        mean: of each, shape (n,).
        noise: variance of each mean; None where the library fits one for all.
        scale: centre and spread in the outcome's unit.
    """

    inputs: Array
    mean: Array
    noise: Array | None
    scale: tuple[float, float]


def _combine_measured(search: Search, known: pd.DataFrame, name: str, rng: np.random.Generator) -> _Outcome:
    """Combine the measurements of one outcome; their noise is that of errors, of replicates or of an evaluator."""
    replicates, values, errors = select_measured(search.space, known, name)
    inputs = search.space.inputs(replicates.codes)
    mean, noise = replicates.combine(values, errors) if search.is_noisy else (replicates.mean(values), None)
    if not search.is_noisy:
        noise = np.zeros(len(mean))
    shape = mean if errors is None or noise is None else shrink_values(mean, noise)
    warp = fit_standardisation(shape)
    clipped = winsorise_values(mean, search.get_bad_side(name), search.find_window(name))
    scaled = (clipped - warp.centre) / warp.spread
    variance = None if noise is None else np.maximum(noise / warp.spread**2, EXACT)
    if variance is not None and np.isnan(variance).any():
        # the library fits one noise for all or none, so that of values without an error is taken from our process
        variance = fit_process(inputs, scaled, variance, rng).noise
    return _Outcome(inputs, scaled, variance, (warp.centre, warp.spread))


def _fit_models(outcomes: Sequence[_Outcome]) -> "Model":
    """Fit a Gaussian process per outcome, each to the designs that have it."""
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from gpytorch.mlls import SumMarginalLogLikelihood

    models = []
    for outcome in outcomes:
        inputs, mean = _make_tensor(outcome.inputs), _make_tensor(outcome.mean[:, None])
        variance = None if outcome.noise is None else _make_tensor(outcome.noise[:, None])
        # values are standardised above; BoTorch must not do it again
        models.append(SingleTaskGP(inputs, mean, train_Yvar=variance, outcome_transform=None))
    joint = ModelListGP(*models)
    fit_gpytorch_mll(SumMarginalLogLikelihood(joint.likelihood, joint))
    return joint


def _make_acquisition(
    search: Search,
    model: "Model",
    scales: dict[str, tuple[float, float]],
    baseline: Any,
    waiting: Any,
    rng: np.random.Generator,
) -> Any:
    """Make the acquisition function, larger for better designs."""
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.acquisition.multi_objective import logei
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective
    from botorch.acquisition.objective import GenericMCObjective
    from botorch.sampling import SobolQMCNormalSampler

    names = list(scales)
    several = len(search.optimised) > 1

    def gains(samples: Any, X: Any = None) -> Any:  # noqa: N803 - the library calls it by this name
        columns = []
        for objective in search.optimised:
            centre, spread = scales[objective.name]
            outcome = centre + spread * samples[..., names.index(objective.name)]
            columns.append(-_compute_costs(objective, outcome) / objective.scale)
        return torch.stack(columns, dim=-1) if several else columns[0]

    constraints = [
        _make_constraint(names.index(limit.objective), limit, scales[limit.objective]) for limit in search.limits
    ]
    # BoTorch would compile a kernel for this processor, whose last digits differ between machines; and a compilation
    # that was killed leaves a lock in the home folder, for which every later process waits forever
    logei._load_attempted = True
    if len(waiting) > MAX_PENDING and not several:
        # the improvement over them is the same, but their samples are drawn once and not with each candidate
        baseline, waiting = torch.cat([baseline, waiting]), waiting[:0]
    sampler = SobolQMCNormalSampler(torch.Size([N_DRAWS_FRONT if several else N_DRAWS]), seed=int(rng.integers(2**31)))
    shared = {
        "model": model,
        "X_baseline": baseline,
        "sampler": sampler,
        "constraints": constraints or None,
        "X_pending": waiting if len(waiting) else None,
        # saves time: designs that are almost surely not the best drop out of the baseline
        "prune_baseline": True,
    }
    if several:
        # costs are minimised, BoTorch maximises
        reference = _make_tensor(-search.reference_costs)
        return qLogNoisyExpectedHypervolumeImprovement(
            ref_point=reference, objective=GenericMCMultiOutputObjective(gains), **shared
        )
    return qLogNoisyExpectedImprovement(objective=GenericMCObjective(gains), **shared)


def _compute_costs(objective: Objective, samples: Any) -> Any:
    """Return what samples of an outcome cost, as a tensor; see `Objective.compute_cost`."""
    if (window := objective.window) is None:
        return objective.sign * samples
    return (window.low - samples).clamp(min=0) + (samples - window.high).clamp(min=0)


def _make_constraint(column: int, limit: Limit, scale: tuple[float, float]) -> Any:
    """Return a limit as the library takes it: negative where it is met."""
    centre, spread = scale
    return lambda samples: limit.sign * (samples[..., column] - (limit.value - centre) / spread)
