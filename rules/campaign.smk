"""Search for better designs, beside random search from the same starts.

Takes   <results>/{study}/table.parquet, and the study's models if they answer the designs
Makes   <results>/{study}/campaign/
"""


rule run_campaign:
    """Check that the problem has an answer, then ask, evaluate and tell until the budget is spent."""
    input:
        table="<results>/{study}/table.parquet",
        model=campaign_model,
        code=code("run_campaign.py", "engine", "evaluator", "constraint"),
    output:
        history="<results>/{study}/campaign/history.parquet",
        suggestions="<results>/{study}/campaign/suggestions.csv",
        benchmark="<results>/{study}/campaign/benchmark.json",
        named="<results>/{study}/campaign/named_designs.csv",
    log:
        "<logs>/run_campaign/{study}.log",
    benchmark:
        "<benchmarks>/run_campaign/{study}.tsv"
    priority: 3
    threads: worker_threads
    params:
        features=designable,
        objectives=setting("objectives"),
        simplex=setting("simplex"),
        constraints=setting("constraints"),
        campaign=setting("campaign"),
        designs=setting("designs"),
        derived=setting("derived"),
        seed=setting("seed"),
    script:
        "../scripts/run_campaign.py"
