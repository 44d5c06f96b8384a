"""Draw a study's figures.

Takes   the study's table, models' scores and campaigns
Makes   <results>/{study}/figures/: data, parity, importances, validation, convergence, and the study's own picture, as SVG and PNG

All figures of a study come from one job: importing a plotting library takes longer than drawing with it.
"""

FIGURES = ("data", "parity", "importances", "validation", "convergence", "picture")


rule plot_study:
    """Data overview, parity, importances, validation, convergence, and the study's own picture."""
    input:
        table="<results>/{study}/table.parquet",
        metrics="<results>/{study}/surrogate/metrics.csv",
        predictions="<results>/{study}/surrogate/predictions.parquet",
        importances="<results>/{study}/surrogate/importances.csv",
        history="<results>/{study}/campaign/history.parquet",
        suggestions="<results>/{study}/campaign/suggestions.csv",
        benchmark="<results>/{study}/campaign/benchmark.json",
        named="<results>/{study}/campaign/reference_designs.csv",
        validation="<results>/{study}/surrogate/validation.json",
        traces=replayed("traces.parquet"),
        transfer=extra("transfer", "transfer/transfer.json"),
        ranking=extra("candidates", "candidates/ranking.csv"),
        earlier=earlier,
        code=code("plot_study.py", "picture", "constraint"),
    output:
        done="<results>/{study}/figures/index.json",
        svg=report(
            expand("<results>/{{study}}/figures/{name}.svg", name=FIGURES),
            caption="../report/figures.rst",
            category="2 Studies",
            subcategory="{study}",
        ),
        png=expand("<results>/{{study}}/figures/{name}.png", name=FIGURES),
    log:
        "<logs>/plot_study/{study}.log",
    benchmark:
        "<benchmarks>/plot_study/{study}.tsv"
    params:
        study=setting(),
        headline=headline,
    script:
        "../scripts/plot_study.py"
