"""From a CSV file or an evaluator to a checked table.

Takes   the study's CSV file, or its evaluator
Makes   <results>/{study}/table.parquet, table.json
"""


rule sample_table:
    """Ask the evaluator for space-filling designs, where no measured table exists."""
    input:
        code=code("sample_table.py", "evaluator", "constraint"),
    output:
        rows="<results>/{study}/sampled.parquet",
        failures="<results>/{study}/failures.json",
    log:
        "<logs>/sample_table/{study}.log",
    benchmark:
        "<benchmarks>/sample_table/{study}.tsv"
    priority: 10
    threads: worker_threads
    params:
        designs=setting("table", "sample", "designs"),
        features=setting("features"),
        objectives=setting("objectives"),
        simplex=setting("simplex"),
        constraints=setting("constraints"),
        evaluator=setting("campaign", "evaluator"),
        seed=setting("seed"),
    script:
        "../scripts/sample_table.py"


rule prepare_table:
    """Check every row against the declared columns, units and ranges."""
    input:
        source=table_source,
        code=code("prepare_table.py"),
    output:
        table="<results>/{study}/table.parquet",
        report="<results>/{study}/table.json",
    log:
        "<logs>/prepare_table/{study}.log",
    benchmark:
        "<benchmarks>/prepare_table/{study}.tsv"
    priority: 5
    params:
        source=source_name,
        table=setting("table"),
        features=setting("features"),
        objectives=setting("objectives"),
        simplex=setting("simplex"),
    script:
        "../scripts/prepare_table.py"


if REJECTED:

    rule reject_study:
        """Fail for a study whose YAML is wrong, so that --keep-going can finish the others."""
        output:
            summary="<results>/{study}/summary.json",
            figures="<results>/{study}/figures/index.json",
        log:
            "<logs>/reject_study/{study}.log",
        wildcard_constraints:
            study="|".join(REJECTED),
        params:
            problems=rejected_problems,
        script:
            "../scripts/reject_study.py"
