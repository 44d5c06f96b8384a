"""Stability of every Li composition of the Materials Project, from formation energies alone.

Takes   the data set mp_compositions, from a mirror or the network
Makes   <results>/stability/: phases, shards of formulas, windows and reactions of all, known electrolytes and a figure

The number of shards changes no result: `snakemake stability --set-scatter stability=32`.
"""

from batterymi.config.slices.data import CitationSettings
from batterymi.config.slices.stability import AssessmentSettings, ComparisonSettings


scattergather:
    stability=8,


rule list_phases:
    """List the formation energies of all compounds, and deal the formulas with lithium to shards."""
    input:
        source=PROJECT.receipt("mp_compositions"),
        code=list_code("list_phases.py"),
    output:
        phases="<results>/stability/phases.parquet",
        shards=scatter.stability("<results>/stability/formulas/{scatteritem}.parquet"),
        listing="<results>/stability/listing.json",
        citations=report(
            "<results>/stability/CITATIONS.md",
            caption="../report/citations.rst",
            category="2 Studies",
            subcategory="stability",
        ),
    log:
        "<logs>/list_phases.log",
    benchmark:
        "<benchmarks>/list_phases.tsv"
    params:
        settings=CitationSettings.dump_from(
            PROJECT,
            datasets={
                name: PROJECT.datasets[name]
                for name in ["mp_compositions"]
                if name in PROJECT.datasets
            },
        ),
        digests=digest_shared("mp_compositions"),
    script:
        "../scripts/list_phases.py"


rule assess_stability:
    """Compute the quick numbers of a shard's formulas: hull, window, lithium, one cathode and water."""
    input:
        phases="<results>/stability/phases.parquet",
        formulas="<results>/stability/formulas/{scatteritem}.parquet",
        code=list_code("assess_stability.py"),
    output:
        assessed="<results>/stability/assessed/{scatteritem}.parquet",
    log:
        "<logs>/assess_stability/{scatteritem}.log",
    benchmark:
        "<benchmarks>/assess_stability/{scatteritem}.tsv"
    script:
        "../scripts/assess_stability.py"


rule refine_stability:
    """Compute all cathodes, and edges with their spread, of the formulas that pass the first gates."""
    input:
        phases="<results>/stability/phases.parquet",
        assessed="<results>/stability/assessed/{scatteritem}.parquet",
        code=list_code("refine_stability.py"),
    output:
        refined="<results>/stability/refined/{scatteritem}.parquet",
    log:
        "<logs>/refine_stability/{scatteritem}.log",
    benchmark:
        "<benchmarks>/refine_stability/{scatteritem}.tsv"
    params:
        settings=AssessmentSettings.dump_from(CONFIG.stability),
    script:
        "../scripts/refine_stability.py"


rule gather_stability:
    """Merge the shards, and compare known electrolytes with published windows."""
    input:
        shards=gather.stability("<results>/stability/refined/{scatteritem}.parquet"),
        phases="<results>/stability/phases.parquet",
        listing="<results>/stability/listing.json",
        code=list_code("gather_stability.py"),
    output:
        assessed="<results>/stability/assessed.parquet",
        known="<results>/stability/known.csv",
        report="<results>/stability/report.json",
    log:
        "<logs>/gather_stability.log",
    benchmark:
        "<benchmarks>/gather_stability.tsv"
    params:
        settings=ComparisonSettings.dump_from(CONFIG.stability),
    script:
        "../scripts/gather_stability.py"


rule plot_stability:
    """Draw the windows of known electrolytes."""
    input:
        known="<results>/stability/known.csv",
        code=list_code("plot_stability.py"),
    output:
        svg=report(
            "<results>/stability/windows.svg",
            caption="../report/stability.rst",
            category="2 Studies",
            subcategory="stability",
        ),
        png="<results>/stability/windows.png",
    log:
        "<logs>/plot_stability.log",
    benchmark:
        "<benchmarks>/plot_stability.tsv"
    script:
        "../scripts/plot_stability.py"


rule stability:
    """Compute the stability of every Li composition of the Materials Project."""
    input:
        "<results>/stability/report.json",
        "<results>/stability/windows.svg",
