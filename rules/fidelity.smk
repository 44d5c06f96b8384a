"""Campaigns over levels of fidelity, for studies that declare them.

Takes   <results>/{study}/table.parquet, campaign/benchmark.json
Makes   <results>/{study}/fidelities/: the ledger of costs, the comparison and its figure
"""

from batterymi.config.slices.campaign import FidelityFigureSettings, FidelitySettings

WITH_LEVELS = [name for name, study in STUDIES.items() if study.fidelities]


def levels_code(wildcards):
    """An input: code of the stage, of the evaluators of all levels with the study's models, and of both engines."""
    study = STUDIES[wildcards.study]
    evaluators = sorted({("evaluator", level.evaluator.name) for level in study.fidelities.levels})
    engines = [("engine", "gaussian_process"), ("engine", "random")]
    return list_code("compare_fidelities.py", *evaluators, *study.list_lookups("model"), *engines)


rule compare_fidelities:
    """Spend the same cost over all levels, on the last alone, and at random."""
    input:
        table="<results>/{study}/table.parquet",
        benchmark="<results>/{study}/campaign/benchmark.json",
        pool=pool_file,
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
        settings=slice_of(FidelitySettings),
        digests=digest_pool,
    script:
        "../scripts/compare_fidelities.py"


rule plot_fidelities:
    """Draw the best result so far over the cost."""
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
        settings=slice_of(FidelityFigureSettings),
    script:
        "../scripts/plot_fidelities.py"


rule fidelities:
    """Compare levels of fidelity, for every study that declares them."""
    input:
        expand("<results>/{study}/fidelities/cost.svg", study=WITH_LEVELS),
