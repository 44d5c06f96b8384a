"""Fit and validate the surrogates of a study.

Takes   <results>/{study}/table.parquet
Makes   <results>/{study}/surrogate/
"""

from batterymi.config.slices.training import TrainingSettings


rule train_surrogate:
    """Cross-validate every candidate model, keep the best, refit it on all rows."""
    input:
        table="<results>/{study}/table.parquet",
        report="<results>/{study}/table.json",
        code=code("train_surrogate.py", "descriptor", "model"),
    output:
        metrics="<results>/{study}/surrogate/metrics.csv",
        predictions="<results>/{study}/surrogate/predictions.parquet",
        importances="<results>/{study}/surrogate/importances.csv",
        validation="<results>/{study}/surrogate/validation.json",
        model="<results>/{study}/surrogate/model.skops",
        card="<results>/{study}/surrogate/card.md",
    log:
        "<logs>/train_surrogate/{study}.log",
    benchmark:
        "<benchmarks>/train_surrogate/{study}.tsv"
    priority: 8
    params:
        settings=slice_of(TrainingSettings),
    script:
        "../scripts/train_surrogate.py"
