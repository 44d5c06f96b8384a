"""The charging arena: controllers tuned or trained on a coarse model, judged by a finer one on the same scenarios.

Takes   the settings of config/arena.yaml
Makes   <results>/arena/: charges, the table, comparisons, the feasibility map, claims and figures
"""


wildcard_constraints:
    cell=r"\w+",
    condition=r"\w+",
    group=r"\w+",


rule tune_controllers:
    """The fastest safe constant current, and the plating-limited charge, on validation scenarios."""
    input:
        code=list_code("tune_controllers.py"),
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
        code=list_code("optimise_protocols.py", ("engine", "gaussian_process")),
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
        code=list_code("judge_controllers.py"),
    output:
        charges="<results>/arena/judged/{cell}/{condition}/{group}/charges.parquet",
        traces="<results>/arena/judged/{cell}/{condition}/{group}/traces.parquet",
        steps="<results>/arena/judged/{cell}/{condition}/{group}/steps.parquet",
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
        code=list_code("compare_controllers.py"),
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


rule map_feasibility:
    """The fastest safe charge that anything finds, for a cell at each starting temperature."""
    input:
        code=list_code("map_feasibility.py", ("engine", "gaussian_process")),
    output:
        map="<results>/arena/feasibility/{cell}.csv",
    log:
        "<logs>/map_feasibility/{cell}.log",
    benchmark:
        "<benchmarks>/map_feasibility/{cell}.tsv"
    params:
        situations=map_situations,
        search=map_search(),
        wanted_min=ARENA.map.wanted_min,
        seed=ARENA.scenarios.seed,
    script:
        "../scripts/map_feasibility.py"


rule plot_arena:
    """The first cell's charges, learning and policies, and the feasibility map of all."""
    input:
        traces=every_job("traces.parquet"),
        steps=every_job("steps.parquet"),
        curves=drawn_curves(),
        maps=expand("<results>/arena/feasibility/{cell}.csv", cell=ARENA.map.cells),
        table="<results>/arena/table.csv",
        code=list_code("plot_arena.py"),
    output:
        svg=report(
            expand("<results>/arena/figures/{name}.svg", name=ARENA.figures),
            caption="../report/arena.rst",
            category="3 Arena",
        ),
        png=expand("<results>/arena/figures/{name}.png", name=ARENA.figures),
    log:
        "<logs>/plot_arena.log",
    benchmark:
        "<benchmarks>/plot_arena.tsv"
    params:
        cell=ARENA.drawn_cell,
        condition=ARENA.drawn_condition.name,
        margin_mv=ARENA.rules()["margin_mv"],
        temperature_c=ARENA.temperature_limit(ARENA.drawn_condition),
        wanted_min=ARENA.map.wanted_min,
    script:
        "../scripts/plot_arena.py"


rule judge_claims:
    """The chapter's numbers on fast charging, held against the arena."""
    input:
        claims=CONFIG.claims,
        charges="<results>/arena/charges.parquet",
        maps=expand("<results>/arena/feasibility/{cell}.csv", cell=ARENA.map.cells),
        code=list_code("judge_claims.py"),
    output:
        claims=report("<results>/arena/claims.csv", category="3 Arena"),
    log:
        "<logs>/judge_claims.log",
    benchmark:
        "<benchmarks>/judge_claims.tsv"
    params:
        cell=ARENA.drawn_cell,
        condition=ARENA.drawn_condition.name,
    script:
        "../scripts/judge_claims.py"


rule charging_arena:
    """Every controller on every cell at every temperature; not part of the default run."""
    input:
        rules.compare_controllers.output,
        rules.judge_claims.output,
        weights_table(),
        rules.plot_arena.output,
