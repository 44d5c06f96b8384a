"""Search for better designs, beside random search from the same starts.

Takes   <results>/{study}/table.parquet, and the study's models if they answer the designs
Makes   <results>/{study}/campaign/
"""


rule run_campaign:
    """Check that the problem has an answer, then ask, evaluate and tell until the budget is spent."""
    input:
        table="<results>/{study}/table.parquet",
        model=campaign_model,
        pool=pool_file,
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
    wildcard_constraints:
        study=one_of(study for study in STUDIES if not is_pool(study) and not is_experiment(study)),
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


def ledger(wildcards):
    """A param: the ledger of a campaign of experiments."""
    return PROJECT.ledger(wildcards.study)


rule suggest_batch:
    """Suggest what to measure next, and hold earlier suggestions against what was measured."""
    input:
        table="<results>/{study}/table.parquet",
        model="<results>/{study}/surrogate/model.skops",
        pool=pool_file,
        code=code("suggest_batch.py", "engine", "evaluator", "constraint"),
    output:
        history="<results>/{study}/campaign/history.parquet",
        suggestions="<results>/{study}/campaign/suggestions.csv",
        benchmark="<results>/{study}/campaign/benchmark.json",
        named="<results>/{study}/campaign/named_designs.csv",
        earlier="<results>/{study}/campaign/earlier_suggestions.csv",
    log:
        "<logs>/suggest_batch/{study}.log",
    benchmark:
        "<benchmarks>/suggest_batch/{study}.tsv"
    wildcard_constraints:
        study=one_of(study for study in STUDIES if is_experiment(study)),
    priority: 3
    params:
        features=designable,
        objectives=setting("objectives"),
        simplex=setting("simplex"),
        constraints=setting("constraints"),
        campaign=setting("campaign"),
        designs=setting("designs"),
        derived=setting("derived"),
        ledger_path=ledger,
        seed=setting("seed"),
    script:
        "../scripts/suggest_batch.py"


rule replay_pool:
    """Replay campaigns over a table whose rows are all known, and count the measurements they would have taken."""
    input:
        table="<results>/{study}/table.parquet",
        predictions="<results>/{study}/surrogate/predictions.parquet",
        code=code("replay_pool.py", "descriptor"),
    output:
        history="<results>/{study}/campaign/history.parquet",
        suggestions="<results>/{study}/campaign/suggestions.csv",
        benchmark="<results>/{study}/campaign/benchmark.json",
        named="<results>/{study}/campaign/named_designs.csv",
    log:
        "<logs>/replay_pool/{study}.log",
    benchmark:
        "<benchmarks>/replay_pool/{study}.tsv"
    wildcard_constraints:
        study=one_of(study for study in STUDIES if is_pool(study)),
    priority: 3
    params:
        features=setting("features"),
        descriptors=setting("descriptors"),
        ablations=setting("ablations"),
        objectives=setting("objectives"),
        campaign=setting("campaign"),
        id_column=setting("table", "id_column"),
        seed=setting("seed"),
    script:
        "../scripts/replay_pool.py"
