"""Draw a study's figures.

Takes   the study's table, models' scores and campaigns
Makes   <results>/{study}/figures/: data, parity, importances, validation, convergence, and the study's own figure, as SVG and PNG

All figures of a study come from one job: importing a plotting library takes longer than drawing with it.
"""

from batterymi.config.slices.reporting import ReportedStudy

FIGURES = ("data", "parity", "importances", "validation", "convergence", "study")


rule plot_study:
    """Data overview, parity, importances, validation, convergence, and the study's own figure."""
    input:
        unpack(results_for("figures")),
        code=code("plot_study.py", "figure", "constraint"),
    output:
        index="<results>/{study}/figures/index.json",
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
        settings=slice_of(ReportedStudy),
    script:
        "../scripts/plot_study.py"
