"""The best value of a costly study that is known: `campaign.best_known` of its YAML, or that of its last level.

python benchmarks/campaigns/best_known.py fast_charging [--seeds 3] [--generations 25] [--last-level]

Limits are those with reserves; at the last level (`campaign.fidelities.best_known`) those without, which hold there.

Differential evolution (Storn and Price 1997, doi:10.1023/A:1008202821328) over the bounds, violations as a penalty: it
knows nothing of the project's engines. The best of all seeds counts; a campaign that finds a better one says so.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import differential_evolution
from threadpoolctl import threadpool_limits

from batterymi.config.load import load_study
from batterymi.evaluators.make import make_evaluator
from batterymi.optimise.space.score import compute_score, compute_violation, get_planned_limits

PENALTY = 100.0  # score of one scale of violation


def find_best(name: str, seed: int, generations: int, is_last: bool) -> tuple[float, list[float], float]:
    """Return the best score of one seed, its design and its violation."""
    study = load_study(Path(f"config/studies/{name}.yaml"))
    choice = study.fidelities.levels[-1].evaluator if is_last and study.fidelities else study.evaluator
    assert choice is not None
    evaluator = make_evaluator(choice, study.objectives)
    bare = tuple(limit for objective in study.objectives for limit in objective.limits)
    names = [feature.name for feature in study.designable]
    limits = bare if is_last else get_planned_limits(study.objectives)

    def cost(columns: np.ndarray) -> np.ndarray:
        outcomes = evaluator.evaluate(pd.DataFrame(np.atleast_2d(columns.T), columns=names))
        broken = compute_violation(outcomes, study.objectives, limits)
        return np.nan_to_num(compute_score(outcomes, study.objectives) + PENALTY * broken, nan=1e6)

    found = differential_evolution(
        cost,
        [feature.bounds for feature in study.designable],
        popsize=10,
        maxiter=generations,
        tol=0,
        polish=False,
        rng=np.random.default_rng(seed),
        vectorized=True,
        updating="deferred",
    )
    outcomes = evaluator.evaluate(pd.DataFrame([found.x], columns=names))
    broken = float(compute_violation(outcomes, study.objectives, limits)[0])
    return float(found.fun), [float(value) for value in found.x], broken


def main() -> None:
    """Print the best of each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--generations", type=int, default=25)
    parser.add_argument("--last-level", action="store_true")
    options = parser.parse_args()
    with threadpool_limits(1):
        for seed in range(options.seeds):
            score, design, broken = find_best(options.study, seed, options.generations, options.last_level)
            values = ", ".join(f"{value:.4g}" for value in design)
            sys.stdout.write(f"seed {seed}: score {score:.4f} at [{values}], violation {broken:.2g}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
