"""Campaigns over levels of fidelity, for studies that declare them.

Takes   <results>/{study}/table.parquet, campaign/benchmark.json
Makes   <results>/{study}/fidelities/: the ledger of costs, the comparison and its figure
"""

WITH_LEVELS = [name for name, study in STUDIES.items() if study.campaign.fidelities]


rule compare_fidelities:
    """Spend the same cost over all levels, on the last alone, and at random."""
    input:
        table="<results>/{study}/table.parquet",
        benchmark="<results>/{study}/campaign/benchmark.json",
        code=levels_code,
    output:
        ledger="<results>/{study}/fidelities/ledger.csv",
        comparison="<results>/{study}/fidelities/comparison.json",
    log:
        "<logs>/compare_fidelities/{study}.log",
    benchmark:
        "<benchmarks>/compare_fidelities/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_LEVELS),
    threads: 2
    params:
        features=designable,
        objectives=setting("objectives"),
        simplex=setting("simplex"),
        constraints=setting("constraints"),
        derived=setting("derived"),
        campaign=setting("campaign"),
        seed=setting("seed"),
    script:
        "../scripts/compare_fidelities.py"


rule plot_fidelities:
    """The best result so far over the cost."""
    input:
        ledger="<results>/{study}/fidelities/ledger.csv",
        comparison="<results>/{study}/fidelities/comparison.json",
        code=code("plot_fidelities.py"),
    output:
        svg=report(
            "<results>/{study}/fidelities/cost.svg",
            caption="../report/figures.rst",
            category="2 Studies",
            subcategory="{study}",
        ),
        png="<results>/{study}/fidelities/cost.png",
    log:
        "<logs>/plot_fidelities/{study}.log",
    benchmark:
        "<benchmarks>/plot_fidelities/{study}.tsv"
    params:
        study=setting(),
    script:
        "../scripts/plot_fidelities.py"


rule fidelities:
    """What cheaper levels are worth, for every study that declares them."""
    input:
        expand("<results>/{study}/fidelities/cost.svg", study=WITH_LEVELS),
