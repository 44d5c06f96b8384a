"""The charging arena: controllers tuned or trained on a coarse model, tested on a finer one in the same scenarios.

Takes   the settings of config/arena.yaml
Makes   <results>/arena/: charges, the table, comparisons, the feasibility map, claims and figures
"""

from batterymi.config.slices.arena import (
    ArenaClaimSettings,
    FigureSettings,
    MapSettings,
    ProtocolSettings,
    ReferenceSettings,
    TuningSettings,
)


wildcard_constraints:
    cell=r"\w+",
    condition=r"\w+",
    group=r"\w+",


rule tune_controllers:
    """Find the fastest safe constant current and tune the plating-limited charge, on validation scenarios."""
    input:
        code=list_code("tune_controllers.py"),
    output:
        tuned="<results>/arena/tuned/{cell}/{condition}.json",
    log:
        "<logs>/tune_controllers/{cell}/{condition}.log",
    benchmark:
        "<benchmarks>/tune_controllers/{cell}/{condition}.tsv"
    params:
        settings=slice_of_place(TuningSettings),
    script:
        "../scripts/tune_controllers.py"


rule optimise_protocols:
    """Optimise protocols by Bayesian optimisation, for the nominal and for all validation scenarios."""
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
        settings=slice_of_place(ProtocolSettings),
    script:
        "../scripts/optimise_protocols.py"


def needs_tuning(name):
    """Return an input: the tuned parameters, for the group of tuned controllers only."""

    def file(wildcards):
        path = f"<results>/arena/{name}/{wildcards.cell}/{wildcards.condition}.json"
        return path if wildcards.group == "tuned" else []

    return file


def policies_here(wildcards):
    """Return an input: the trained policies of a group of agents, one for each seed."""
    is_agent = wildcards.group in ARENA.agent_names
    return trained(wildcards.cell, wildcards.group, "policy.json") if is_agent else []


rule simulate_controllers:
    """Held-out scenarios on the reference model, the same for every controller."""
    input:
        tuned=needs_tuning("tuned"),
        protocols=needs_tuning("protocols"),
        policies=policies_here,
        code=list_code("simulate_controllers.py"),
    output:
        charges="<results>/arena/reference/{cell}/{condition}/{group}/charges.parquet",
        traces="<results>/arena/reference/{cell}/{condition}/{group}/traces.parquet",
        steps="<results>/arena/reference/{cell}/{condition}/{group}/steps.parquet",
    log:
        "<logs>/simulate_controllers/{cell}/{condition}/{group}.log",
    benchmark:
        "<benchmarks>/simulate_controllers/{cell}/{condition}/{group}.tsv"
    params:
        settings=slice_of_place(ReferenceSettings),
    script:
        "../scripts/simulate_controllers.py"


def tuned_situations(folder):
    """List the files of the tuning jobs, for cells with tuned controllers."""
    return [
        f"<results>/arena/{folder}/{cell.name}/{condition}.json"
        for cell in ARENA.cells
        if "tuned" in ARENA.list_groups(cell.name)
        for condition in ARENA.list_conditions(cell.name)
    ]


def list_training_files(name):
    """List a file of each training whose agent takes part."""
    return [
        path
        for cell in ARENA.cells
        for agent in cell.agents
        for path in trained(cell.name, agent, name)
    ]


rule compare_controllers:
    """Make the table, and compare controllers in pairs, the two models, and feedback with fixed protocols."""
    input:
        parts=list_job_files("charges.parquet"),
        tuned=tuned_situations("tuned"),
        protocols=tuned_situations("protocols"),
        records=list_training_files("training.json"),
        code=list_code("compare_controllers.py"),
    output:
        charges="<results>/arena/charges.parquet",
        table="<results>/arena/table.csv",
        html=report("<results>/arena/table.html", category="3 Arena"),
        comparisons="<results>/arena/comparisons.csv",
        discrepancy="<results>/arena/discrepancy.csv",
        feedback="<results>/arena/feedback.json",
    log:
        "<logs>/compare_controllers.log",
    benchmark:
        "<benchmarks>/compare_controllers.tsv"
    script:
        "../scripts/compare_controllers.py"


def map_settings(wildcards):
    """A param: a cell at every starting temperature of the map, and budgets."""
    return MapSettings.dump_from(
        ARENA.map,
        situations=ARENA.map_situations(wildcards.cell),
        search=ARENA.map_search,
        seed=ARENA.scenarios.seed,
    )


rule map_feasibility:
    """Find the fastest safe charge of a cell at each starting temperature."""
    input:
        code=list_code("map_feasibility.py", ("engine", "gaussian_process")),
    output:
        table="<results>/arena/feasibility/{cell}.csv",
    log:
        "<logs>/map_feasibility/{cell}.log",
    benchmark:
        "<benchmarks>/map_feasibility/{cell}.tsv"
    params:
        settings=map_settings,
    script:
        "../scripts/map_feasibility.py"


rule plot_arena:
    """Draw the first cell's charges, learning and policies, and the feasibility map of all cells."""
    input:
        traces=list_job_files("traces.parquet"),
        steps=list_job_files("steps.parquet"),
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
        settings=FigureSettings(
            cell=ARENA.drawn_cell,
            condition=ARENA.drawn_condition.name,
            margin_mv=ARENA.rules.margin_mv,
            temperature_c=ARENA.compute_temperature_limit(ARENA.drawn_condition),
            wanted_min=ARENA.map.wanted_min,
        ).model_dump(),
    script:
        "../scripts/plot_arena.py"


if CONFIG.claims:

    rule check_arena_claims:
        """The chapter's numbers on fast charging, compared with the arena."""
        input:
            chapter=CONFIG.claims,
            charges="<results>/arena/charges.parquet",
            maps=expand("<results>/arena/feasibility/{cell}.csv", cell=ARENA.map.cells),
            code=list_code("check_arena_claims.py"),
        output:
            claims=report("<results>/arena/claims.csv", category="3 Arena"),
        log:
            "<logs>/check_arena_claims.log",
        benchmark:
            "<benchmarks>/check_arena_claims.tsv"
        params:
            settings=ArenaClaimSettings(
                cell=ARENA.drawn_cell, condition=ARENA.drawn_condition.name
            ).model_dump(),
            digests={CONFIG.claims: DIGESTS[CONFIG.claims]},
        script:
            "../scripts/check_arena_claims.py"


rule charging_arena:
    """Evaluate every controller on every cell at every temperature; not part of the default run."""
    input:
        rules.compare_controllers.output,
        "<results>/arena/claims.csv" if CONFIG.claims else [],
        weights_table(),
        rules.plot_arena.output,
