"""Run engines and libraries on problems with known answers: same starts, paired seeds.

python benchmarks/campaigns/run.py --out campaigns.csv [--problems ...] [--methods ...] [--seeds 20]

A campaign that stands in the file is not run again, so that a run can be stopped and taken up.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from methods import METHODS, SINGLE
from problems import Bench, make_problems
from threadpoolctl import threadpool_limits


def run_one(bench: Bench, name: str, seed: int) -> pd.DataFrame:
    """One campaign: regret and CPU seconds after each evaluation."""
    rng = np.random.default_rng([seed, 7])
    history = bench.observed(bench.start(seed), rng)
    spent = [0.0] * len(history)
    while len(history) < bench.budget:
        began = time.process_time()
        proposed = METHODS[name](bench, history, min(bench.batch, bench.budget - len(history)), seed)
        took = time.process_time() - began
        answers = bench.observed(proposed[bench.space.names].reset_index(drop=True), rng)
        history = pd.concat([history, answers], ignore_index=True)
        spent += [spent[-1] + took * (i + 1) / len(answers) for i in range(len(answers))]
    return pd.DataFrame(
        {
            "problem": bench.name,
            "method": name,
            "seed": seed,
            "evaluation": np.arange(1, len(history) + 1),
            "regret": bench.regrets(history[bench.space.names]),
            "cpu_s": spent,
        }
    )


def main() -> None:
    """Run what is asked for and not yet there."""
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
        bench = problems[problem]
        for method in options.methods:
            if len(bench.problem.optimised) > 1 and method in SINGLE:
                continue
            for seed in range(options.seeds):
                if (problem, method, seed) in done:
                    continue
                part = run_one(bench, method, seed)
                part.to_csv(options.out, mode="a", header=not options.out.is_file(), index=False)
                sys.stderr.write(
                    f"{problem}: {method}: seed {seed}: regret {part['regret'].iloc[-1]:.3g}, "
                    f"{part['cpu_s'].iloc[-1]:.1f} CPU s\n"
                )


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
