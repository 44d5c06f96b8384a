"""What only studies on data sets have: transfer from related tasks, and candidates to rank.

Takes   <results>/{study}/table.parquet, and the study's models
Makes   <results>/{study}/transfer/, <results>/{study}/candidates/
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


rule rank_candidates:
    """Rank candidates that nobody has measured, each with an interval and an applicability flag."""
    input:
        table="<results>/{study}/table.parquet",
        model="<results>/{study}/surrogate/model.skops",
        validation="<results>/{study}/surrogate/validation.json",
        receipt=candidates_receipt,
        code=code("rank_candidates.py", "candidates", "descriptor", "model"),
    output:
        ranking="<results>/{study}/candidates/ranking.csv",
        report="<results>/{study}/candidates/ranking.json",
    log:
        "<logs>/rank_candidates/{study}.log",
    benchmark:
        "<benchmarks>/rank_candidates/{study}.tsv"
    params:
        candidates=setting("candidates"),
        folder=candidates_folder,
        features=setting("features"),
        objectives=setting("objectives"),
        variant=primary_variant,
        validation_path=validation_path,
    script:
        "../scripts/rank_candidates.py"
