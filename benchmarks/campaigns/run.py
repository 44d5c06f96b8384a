"""Run engines and libraries on problems with known optima: same starts, paired seeds.

python benchmarks/campaigns/run.py --out campaigns.csv [--problems ...] [--methods ...] [--seeds 20]

A campaign that is in the file is not run again, so that a run can be stopped and taken up.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from methods import METHODS, SINGLE
from problems import BenchmarkCase, make_problems
from threadpoolctl import threadpool_limits


def run_campaign(case: BenchmarkCase, name: str, seed: int) -> pd.DataFrame:
    """Run one campaign: regret and CPU seconds after each evaluation."""
    rng = np.random.default_rng([seed, 7])
    history = case.observe(case.start(seed), rng)
    spent = [0.0] * len(history)
    while len(history) < case.budget:
        began = time.process_time()
        proposed = METHODS[name](case, history, min(case.batch, case.budget - len(history)), seed)
        took = time.process_time() - began
        evaluated = case.observe(proposed[case.space.names].reset_index(drop=True), rng)
        history = pd.concat([history, evaluated], ignore_index=True)
        spent += [spent[-1] + took * (i + 1) / len(evaluated) for i in range(len(evaluated))]
    return pd.DataFrame(
        {
            "problem": case.name,
            "method": name,
            "seed": seed,
            "evaluation": np.arange(1, len(history) + 1),
            "regret": case.regrets(history[case.space.names]),
            "cpu_s": spent,
        }
    )


def main() -> None:
    """Run the chosen campaigns that are not in the file yet."""
    problems = make_problems()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--problems", nargs="*", default=list(problems), choices=list(problems))
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    done: set[tuple[str, str, int]] = set()
    if options.out.is_file():
        there = pd.read_csv(options.out)
        done = set(there[["problem", "method", "seed"]].itertuples(index=False, name=None))
    for problem in options.problems:
        case = problems[problem]
        for method in options.methods:
            if len(case.problem.optimised) > 1 and method in SINGLE:
                continue
            for seed in range(options.seeds):
                if (problem, method, seed) in done:
                    continue
                part = run_campaign(case, method, seed)
                part.to_csv(options.out, mode="a", header=not options.out.is_file(), index=False)
                sys.stderr.write(
                    f"{problem}: {method}: seed {seed}: regret {part['regret'].iloc[-1]:.3g}, "
                    f"{part['cpu_s'].iloc[-1]:.1f} CPU s\n"
                )


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
