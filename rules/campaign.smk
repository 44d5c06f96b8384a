"""Optimise designs, and compare with random search from the same starts.

Takes   <results>/{study}/table.parquet, what the evaluator reads, hull distances if a pool uses them
Makes   <results>/{study}/campaign/
"""

from batterymi.config.slices.campaign import CampaignSettings, ReplaySettings, SuggestionSettings
from batterymi.config.worth import HULL_DATASET


def in_mode(mode):
    """A constraint of the wildcard: only studies whose campaign is of that mode."""
    return one_of(name for name, study in STUDIES.items() if study.campaign.mode == mode)


rule run_campaign:
    """Check that the problem has a solution, then propose, evaluate and learn until the budget is spent."""
    input:
        table="<results>/{study}/table.parquet",
        model=evaluator_model,
        phases=evaluator_phases,
        pool=pool_file,
        code=code("run_campaign.py", "engine", "evaluator", "constraint"),
    output:
        history="<results>/{study}/campaign/history.parquet",
        suggestions="<results>/{study}/campaign/suggestions.csv",
        benchmark="<results>/{study}/campaign/benchmark.json",
        reference_designs="<results>/{study}/campaign/reference_designs.csv",
    log:
        "<logs>/run_campaign/{study}.log",
    benchmark:
        "<benchmarks>/run_campaign/{study}.tsv"
    wildcard_constraints:
        study=in_mode("search"),
    priority: 3
    threads: worker_threads
    params:
        settings=slice_of(CampaignSettings),
        digests=digest_pool,
    script:
        "../scripts/run_campaign.py"


def ledger(wildcards):
    """A param: the ledger of a campaign of experiments."""
    return PROJECT.ledger(wildcards.study)


rule suggest_batch:
    """Suggest what to measure next, and compare earlier suggestions with what was measured."""
    input:
        table="<results>/{study}/table.parquet",
        model="<results>/{study}/surrogate/model.skops",
        pool=pool_file,
        code=code("suggest_batch.py", "engine", "constraint"),
    output:
        history="<results>/{study}/campaign/history.parquet",
        suggestions="<results>/{study}/campaign/suggestions.csv",
        benchmark="<results>/{study}/campaign/benchmark.json",
        reference_designs="<results>/{study}/campaign/reference_designs.csv",
        earlier="<results>/{study}/campaign/earlier_suggestions.csv",
    log:
        "<logs>/suggest_batch/{study}.log",
    benchmark:
        "<benchmarks>/suggest_batch/{study}.tsv"
    wildcard_constraints:
        study=in_mode("experiment"),
    priority: 3
    params:
        ledger=ledger,
        settings=slice_of(SuggestionSettings),
        digests=digest_pool,
    script:
        "../scripts/suggest_batch.py"


def hull_distances(wildcards):
    """An input: the data set with hull distances, for pools whose conditions use them."""
    return PROJECT.receipt(HULL_DATASET) if STUDIES[wildcards.study].campaign.hull_of else []


def digest_hulls(wildcards):
    """A param: digests of its files."""
    return (
        PROJECT.digest_dataset(HULL_DATASET, DIGESTS)
        if STUDIES[wildcards.study].campaign.hull_of
        else {}
    )


rule replay_pool:
    """Replay campaigns over a table whose rows are all known, and count the measurements they would have taken."""
    input:
        table="<results>/{study}/table.parquet",
        predictions="<results>/{study}/surrogate/predictions.parquet",
        hulls=hull_distances,
        code=code("replay_pool.py", "descriptor"),
    output:
        history="<results>/{study}/campaign/history.parquet",
        suggestions="<results>/{study}/campaign/suggestions.csv",
        benchmark="<results>/{study}/campaign/benchmark.json",
        reference_designs="<results>/{study}/campaign/reference_designs.csv",
    log:
        "<logs>/replay_pool/{study}.log",
    benchmark:
        "<benchmarks>/replay_pool/{study}.tsv"
    wildcard_constraints:
        study=in_mode("replay"),
    priority: 3
    params:
        settings=slice_of(ReplaySettings),
        digests=digest_hulls,
    script:
        "../scripts/replay_pool.py"
