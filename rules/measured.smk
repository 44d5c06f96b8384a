"""What only studies on data sets have: transfer from related tasks.

Takes   <results>/{study}/table.parquet
Makes   <results>/{study}/transfer/
"""

from batterymi.config.slices.transfer import TransferSettings


rule compare_transfer:
    """Compare ways to learn from related tasks, by the study's own folds and over the number of own rows."""
    input:
        table="<results>/{study}/table.parquet",
        code=code("compare_transfer.py", "descriptor", "model"),
    output:
        predictions="<results>/{study}/transfer/predictions.parquet",
        result="<results>/{study}/transfer/transfer.json",
    log:
        "<logs>/compare_transfer/{study}.log",
    benchmark:
        "<benchmarks>/compare_transfer/{study}.tsv"
    priority: 9
    params:
        settings=slice_of(TransferSettings),
    script:
        "../scripts/compare_transfer.py"
