"""A table and a figure of what `run.py` wrote.

python benchmarks/campaigns/analyse.py campaigns.csv [--figure campaigns.svg]
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from problems import make_problems
from scipy.stats import wilcoxon

OURS = "gaussian_process (ours)"
MIN_SEEDS = 8
SHOWN = 1e-4  # the smallest regret that the figure shows


def compare_methods(final: pd.DataFrame) -> pd.DataFrame:
    """Return per method: quartiles of the final regret, CPU per suggestion, and the paired test against ours."""
    wide = final.pivot(index="seed", columns="method", values="regret")
    cpu = final.groupby("method")["cpu_s"].median()
    rows, tests = [], {}
    for method in wide:
        pair = wide[[OURS, method]].dropna() if method != OURS else wide[[OURS]].dropna()
        gap = (pair[method] - pair[OURS]).to_numpy()
        if method != OURS and (np.abs(gap) > 1e-12).any():
            tests[method] = (float(wilcoxon(gap).pvalue), float(np.median(gap)))
        low, middle, high = np.quantile(wide[method].dropna(), [0.25, 0.5, 0.75])
        rows.append((method, len(wide[method].dropna()), middle, low, high, cpu[method]))
    verdicts = {OURS: "", **apply_holm(tests)}
    frame = pd.DataFrame(rows, columns=["method", "seeds", "median", "lower", "upper", "cpu_s"])
    return frame.assign(ours_is=[verdicts.get(method, "ties") for method in frame["method"]]).sort_values("median")


def apply_holm(tests: dict[str, tuple[float, float]]) -> dict[str, str]:
    """Return verdicts at 5 % after Holm's correction; "ahead" means that ours is."""
    verdicts, still = {}, True
    for rank, (method, (p, gap)) in enumerate(sorted(tests.items(), key=lambda item: item[1][0])):
        still = still and p * (len(tests) - rank) < 0.05
        verdicts[method] = ("ahead" if gap >= 0 else "behind") if still else "ties"
    return verdicts


def format_table(runs: pd.DataFrame) -> str:
    """Return Markdown, one block per problem."""
    lines = []
    for problem, part in runs.groupby("problem", sort=False):
        final = part.sort_values("evaluation").groupby(["method", "seed"]).last().reset_index()
        n_suggested = part["evaluation"].max() - int(
            (part["cpu_s"] == 0).groupby([part["method"], part["seed"]]).sum().max()
        )
        lines += ["", f"**{problem}**", "", "| method | seeds | regret [quartiles] | CPU s per suggestion | ours is |"]
        lines.append("|---|---|---|---|---|")
        for row in compare_methods(final).itertuples():
            lines.append(
                f"| {row.method} | {row.seeds} | {row.median:.3g} [{row.lower:.2g}, {row.upper:.2g}] "
                f"| {row.cpu_s / max(n_suggested, 1):.3f} | {row.ours_is} |"
            )
    return "\n".join(lines)


def cut_at_comparisons(runs: pd.DataFrame) -> pd.DataFrame:
    """Return runs up to each evaluation at which a problem's campaigns are compared, under a name with their number."""
    parts = []
    for case in make_problems().values():
        mine = runs[runs["problem"] == case.name]
        ends = case.compared_at or (case.budget,)
        parts += [mine[mine["evaluation"] <= n].assign(problem=f"{case.name}, {n} evaluations") for n in ends]
    return pd.concat(parts, ignore_index=True)


def drop_few_seeds(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs without methods that have fewer than eight seeds on a problem: too few for a test."""
    return runs[runs.groupby(["problem", "method"])["seed"].transform("nunique") >= MIN_SEEDS]


def draw_regrets(runs: pd.DataFrame, path: Path) -> None:
    """Draw median and quartiles of the regret over evaluations, one panel per problem."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    problems = list(dict.fromkeys(runs["problem"]))
    methods = [*(method for method in dict.fromkeys(runs["method"]) if method != OURS), OURS]  # drawn last, on top
    figure, axes = plt.subplots(
        -(-len(problems) // 2), 2, figsize=(7, 2.3 * -(-len(problems) // 2)), layout="constrained", squeeze=False
    )
    for axis, problem in zip(axes.ravel(), problems, strict=False):
        for colour, method in enumerate(methods):
            part = runs[(runs["problem"] == problem) & (runs["method"] == method)]
            if part.empty:
                continue
            wide = part.pivot(index="evaluation", columns="seed", values="regret").clip(lower=SHOWN)
            low, middle, high = (wide.quantile(q, axis=1) for q in (0.25, 0.5, 0.75))
            hue, dashes = ("black", (4, 1.5)) if method == OURS else (f"C{colour}", (1, 0))
            axis.plot(middle.index, middle, color=hue, lw=1.2, dashes=dashes, label=method, zorder=3)
            axis.fill_between(low.index, low, high, color=hue, alpha=0.12, lw=0)
        axis.set_yscale("log")
        axis.set_title(problem, fontsize=8)
        axis.set_xlabel("Evaluations", fontsize=8)
        axis.set_ylabel("Share of volume missed" if "front" in problem else "Regret", fontsize=8)
        axis.tick_params(labelsize=7)
    for axis in axes.ravel()[len(problems) :]:
        axis.set_axis_off()
    handles = dict(zip(*reversed(axes[0, 0].get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, fontsize=7)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    """Print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    runs = drop_few_seeds(pd.concat([pd.read_csv(path) for path in options.runs], ignore_index=True))
    sys.stdout.write(format_table(cut_at_comparisons(runs)) + "\n")
    if options.figure:
        draw_regrets(runs, options.figure)


if __name__ == "__main__":
    main()
