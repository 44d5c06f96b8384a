"""The closed loop of Attia et al. 2020 over 224 ten-minute protocols.

Takes   nothing but the settings `closed_loop` of the configuration
Makes   <results>/closed_loop/: true lives, what loops recommend, the comparison and its figure
"""


rule close_loop:
    """Run every way to choose tests from the same seeds."""
    input:
        code=code_of("close_loop.py"),
    output:
        lives="<results>/closed_loop/lives.csv",
        runs="<results>/closed_loop/runs.csv",
        comparison="<results>/closed_loop/comparison.json",
    log:
        "<logs>/close_loop.log",
    benchmark:
        "<benchmarks>/close_loop.tsv"
    params:
        batches=CONFIG.closed_loop.batches,
        rounds=CONFIG.closed_loop.rounds,
        seeds=CONFIG.closed_loop.seeds,
        seed=CONFIG.closed_loop.seed,
    script:
        "../scripts/close_loop.py"


rule plot_closed_loop:
    """The life of what is recommended, round by round."""
    input:
        runs="<results>/closed_loop/runs.csv",
        comparison="<results>/closed_loop/comparison.json",
        code=code_of("plot_closed_loop.py"),
    output:
        svg=report(
            "<results>/closed_loop/rounds.svg", category="2 Studies", subcategory="closed_loop"
        ),
        png="<results>/closed_loop/rounds.png",
    log:
        "<logs>/plot_closed_loop.log",
    benchmark:
        "<benchmarks>/plot_closed_loop.tsv"
    script:
        "../scripts/plot_closed_loop.py"


rule closed_loop:
    """What adaptive choice of fast-charging tests adds over random batches with the same model."""
    input:
        rules.plot_closed_loop.output.svg,
