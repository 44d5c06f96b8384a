"""The charging arena: controllers tuned or trained on a coarse model, judged by a finer one on the same scenarios.

Takes   the settings of config/arena.yaml
Makes   <results>/arena/: charges, the table, comparisons, the feasibility map, claims and figures
"""

ARENA_FIGURES = ("traces", "minutes_and_margin", "violations", "feasibility")


wildcard_constraints:
    cell=r"\w+",
    condition=r"\w+",
    group=r"\w+",


rule tune_controllers:
    """The fastest safe constant current, and the plating-limited charge, on validation scenarios."""
    input:
        code=code_of("tune_controllers.py"),
    output:
        tuned="<results>/arena/tuned/{cell}/{condition}.json",
    log:
        "<logs>/tune_controllers/{cell}/{condition}.log",
    benchmark:
        "<benchmarks>/tune_controllers/{cell}/{condition}.tsv"
    params:
        situation=situation,
        reserve=ARENA.reserve.model_dump(),
        n_scenarios=ARENA.scenarios.validation,
        seed=ARENA.scenarios.seed,
    script:
        "../scripts/tune_controllers.py"


rule optimise_protocols:
    """Bayesian optimisation of protocols, for the nominal scenario and for all validation scenarios."""
    input:
        code=code_of("optimise_protocols.py"),
    output:
        protocols="<results>/arena/protocols/{cell}/{condition}.json",
        history="<results>/arena/protocols/{cell}/{condition}.csv",
    log:
        "<logs>/optimise_protocols/{cell}/{condition}.log",
    benchmark:
        "<benchmarks>/optimise_protocols/{cell}/{condition}.tsv"
    params:
        situation=situation,
        reserve=ARENA.reserve.model_dump(),
        search=ARENA.search.model_dump(),
        n_scenarios=ARENA.scenarios.validation,
        seed=ARENA.scenarios.seed,
    script:
        "../scripts/optimise_protocols.py"


rule judge_controllers:
    """Held-out scenarios on the finer model, the same for everyone."""
    input:
        tuned=needs_tuning("tuned"),
        protocols=needs_tuning("protocols"),
        policies=policies_here,
        code=code_of("judge_controllers.py"),
    output:
        charges="<results>/arena/judged/{cell}/{condition}/{group}/charges.parquet",
        traces="<results>/arena/judged/{cell}/{condition}/{group}/traces.parquet",
    log:
        "<logs>/judge_controllers/{cell}/{condition}/{group}.log",
    benchmark:
        "<benchmarks>/judge_controllers/{cell}/{condition}/{group}.tsv"
    params:
        situation=situation,
        controllers=controllers_here,
        reserve=ARENA.reserve.model_dump(),
        n_scenarios=n_held_out,
        n_ladder=ARENA.scenarios.ladder,
        seed=ARENA.scenarios.seed,
    script:
        "../scripts/judge_controllers.py"


rule compare_controllers:
    """The table, controllers in pairs, who exploits the coarse model, and what feedback is worth."""
    input:
        charges=every_job("charges.parquet"),
        tuned=tuned_situations("tuned"),
        protocols=tuned_situations("protocols"),
        records=every_training("training.json"),
        code=code_of("compare_controllers.py"),
    output:
        charges="<results>/arena/charges.parquet",
        table="<results>/arena/table.csv",
        html=report("<results>/arena/table.html", category="3 Arena"),
        comparisons="<results>/arena/comparisons.csv",
        ladder="<results>/arena/ladder.csv",
        feedback="<results>/arena/feedback.json",
    log:
        "<logs>/compare_controllers.log",
    benchmark:
        "<benchmarks>/compare_controllers.tsv"
    script:
        "../scripts/compare_controllers.py"


rule charging_arena:
    """Every controller on every cell at every temperature; not part of the default run."""
    input:
        rules.compare_controllers.output,
