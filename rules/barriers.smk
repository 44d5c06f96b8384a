"""Migration barriers: what the path of an ion says of them, for hosts that a model has not seen.

Takes   the data set migration_barriers, from a mirror or the network
Makes   <results>/barriers/
"""

from batterymi.config import barriers


rule describe_barriers:
    """Read computed barriers, and describe the path of the ion that each belongs to."""
    input:
        source=PROJECT.receipt("migration_barriers"),
        code=list_code("describe_barriers.py"),
    output:
        barriers="<results>/barriers/barriers.parquet",
        described="<results>/barriers/paths.parquet",
        report="<results>/barriers/rows.json",
    log:
        "<logs>/describe_barriers/all.log",
    benchmark:
        "<benchmarks>/describe_barriers/all.tsv"
    params:
        digests=digest_shared("migration_barriers"),
    script:
        "../scripts/describe_barriers.py"


rule predict_barriers:
    """Predict barriers of hosts that a model has not seen, and of the official test part."""
    input:
        barriers="<results>/barriers/barriers.parquet",
        described="<results>/barriers/paths.parquet",
        code=list_code("predict_barriers.py", *(("model", name) for name in barriers.METHOD.models)),
    output:
        scores="<results>/barriers/scores.csv",
        kinds="<results>/barriers/kinds.csv",
        official="<results>/barriers/official.csv",
        predictions="<results>/barriers/predictions.parquet",
        report="<results>/barriers/report.json",
    log:
        "<logs>/predict_barriers/all.log",
    benchmark:
        "<benchmarks>/predict_barriers/all.tsv"
    script:
        "../scripts/predict_barriers.py"


rule plot_barriers:
    """Draw predicted over computed barriers."""
    input:
        predictions="<results>/barriers/predictions.parquet",
        scores="<results>/barriers/scores.csv",
        official="<results>/barriers/official.csv",
        code=list_code("plot_barriers.py"),
    output:
        svg=report(
            "<results>/barriers/parity.svg",
            caption="../report/barriers.rst",
            category="2 Studies",
            subcategory="barriers",
        ),
        png="<results>/barriers/parity.png",
    log:
        "<logs>/plot_barriers/all.log",
    benchmark:
        "<benchmarks>/plot_barriers/all.tsv"
    script:
        "../scripts/plot_barriers.py"


rule barriers:
    """Show how well the path of an ion predicts its migration barrier."""
    input:
        "<results>/barriers/scores.csv",
        "<results>/barriers/parity.svg",
