"""Fit and validate the surrogates of a study.

Takes   <results>/{study}/table.parquet
Makes   <results>/{study}/surrogate/
"""


rule train_surrogate:
    """Cross-validate every candidate model, keep the best, refit it on all rows."""
    input:
        table="<results>/{study}/table.parquet",
        code=code("train_surrogate.py"),
    output:
        metrics="<results>/{study}/surrogate/metrics.csv",
        predictions="<results>/{study}/surrogate/predictions.parquet",
        importances="<results>/{study}/surrogate/importances.csv",
        model="<results>/{study}/surrogate/model.skops",
        card="<results>/{study}/surrogate/card.md",
    log:
        "<logs>/train_surrogate/{study}.log",
    benchmark:
        "<benchmarks>/train_surrogate/{study}.tsv"
    params:
        title=setting("title"),
        table=setting("table"),
        features=setting("features"),
        objectives=setting("objectives"),
        ablations=setting("ablations"),
        surrogate=setting("surrogate"),
        seed=setting("seed"),
    script:
        "../scripts/train_surrogate.py"
