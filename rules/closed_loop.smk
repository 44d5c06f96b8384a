"""The closed loop of Attia et al. 2020 over 224 ten-minute protocols, on two models of their cycle lives.

Takes   nothing but the settings `closed_loop` of the configuration
Makes   <results>/closed_loop/{lives}/: true lives, recommendations of the loops, the comparison and its figure
"""

from batterymi.config.slices.closed_loop import LivesSettings, LoopSettings


rule compute_thermal_lives:
    """Compute cycle lives by the thermal model with which the loop was published."""
    input:
        code=list_code("compute_thermal_lives.py"),
    output:
        lives="<results>/closed_loop/thermal/lives.csv",
        about="<results>/closed_loop/thermal/lives.json",
    log:
        "<logs>/compute_thermal_lives.log",
    benchmark:
        "<benchmarks>/compute_thermal_lives.tsv"
    script:
        "../scripts/compute_thermal_lives.py"


rule simulate_lives:
    """Compute cycle lives from the capacity that simulated charges cost a declared cell."""
    input:
        code=list_code("simulate_lives.py"),
    output:
        lives="<results>/closed_loop/simulated/lives.csv",
        about="<results>/closed_loop/simulated/lives.json",
    log:
        "<logs>/simulate_lives.log",
    benchmark:
        "<benchmarks>/simulate_lives.tsv"
    threads: 2
    params:
        settings=LivesSettings.dump_from(CONFIG.closed_loop, model="SPMe"),
    script:
        "../scripts/simulate_lives.py"


rule close_loop:
    """Run every method of choosing tests from the same seeds."""
    input:
        lives="<results>/closed_loop/{lives}/lives.csv",
        about="<results>/closed_loop/{lives}/lives.json",
        code=list_code("close_loop.py"),
    output:
        runs="<results>/closed_loop/{lives}/runs.csv",
        comparison="<results>/closed_loop/{lives}/comparison.json",
    log:
        "<logs>/close_loop/{lives}.log",
    benchmark:
        "<benchmarks>/close_loop/{lives}.tsv"
    wildcard_constraints:
        lives="thermal|simulated",
    params:
        settings=LoopSettings.dump_from(CONFIG.closed_loop),
    script:
        "../scripts/close_loop.py"


rule plot_closed_loop:
    """Draw the life of the recommended protocol, round by round."""
    input:
        runs="<results>/closed_loop/{lives}/runs.csv",
        comparison="<results>/closed_loop/{lives}/comparison.json",
        code=list_code("plot_closed_loop.py"),
    output:
        svg=report(
            "<results>/closed_loop/{lives}/rounds.svg",
            category="2 Studies",
            subcategory="closed_loop",
        ),
        png="<results>/closed_loop/{lives}/rounds.png",
    log:
        "<logs>/plot_closed_loop/{lives}.log",
    benchmark:
        "<benchmarks>/plot_closed_loop/{lives}.tsv"
    wildcard_constraints:
        lives="thermal|simulated",
    script:
        "../scripts/plot_closed_loop.py"


rule closed_loop:
    """Measure the gain of adaptive tests over random batches with the same model."""
    input:
        expand("<results>/closed_loop/{lives}/rounds.svg", lives=["thermal", "simulated"]),
