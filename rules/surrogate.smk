"""Fit and validate the surrogates of a study.

Takes   <results>/{study}/table.parquet, the data set of an external test
Makes   <results>/{study}/surrogate/

Where models are tuned within folds, each partition of the rows into folds is a job of its own; a short cross-validation
is done by the job that gathers them.
"""

from batterymi.config.slices.training import PartitionSettings, TrainingSettings


rule validate_partition:
    """Cross-validate every candidate model by one random partition into folds."""
    input:
        table="<results>/{study}/table.parquet",
        code=code("validate_partition.py", "descriptor", "model"),
    output:
        predictions="<results>/{study}/surrogate/partitions/{partition}.parquet",
        choices="<results>/{study}/surrogate/partitions/{partition}.json",
    log:
        "<logs>/validate_partition/{study}/{partition}.log",
    benchmark:
        "<benchmarks>/validate_partition/{study}/{partition}.tsv"
    wildcard_constraints:
        partition=r"[1-9]\d*",
    priority: 8
    params:
        settings=slice_of(PartitionSettings),
    script:
        "../scripts/validate_partition.py"


def partition_files(ending):
    """Inputs: what the jobs of single partitions write; nothing where they are no jobs of their own."""

    def files(wildcards):
        numbers = STUDIES[wildcards.study].surrogate.job_partitions
        return [f"<results>/{wildcards.study}/surrogate/partitions/{n}.{ending}" for n in numbers]

    return files


def external_receipt(wildcards):
    """An input: the receipt of the data set of the external test, if the study has one."""
    test = STUDIES[wildcards.study].external_test
    return PROJECT.receipt(test.dataset.name) if test else []


def external_digests(wildcards):
    """A param: digests of that data set, so that content decides what runs again."""
    test = STUDIES[wildcards.study].external_test
    return PROJECT.digest_dataset(test.dataset.name, DIGESTS) if test else {}


def training_code(wildcards):
    """An input: the code, with that of the study's descriptors and models, and of the external test's loader."""
    study = STUDIES[wildcards.study]
    test = study.external_test
    loader = [("loader", test.dataset.name)] if test else []
    return list_code("train_surrogate.py", *study.list_lookups("descriptor", "model"), *loader)


rule train_surrogate:
    """Compare every candidate model over all partitions, keep the best, refit it on all rows."""
    input:
        table="<results>/{study}/table.parquet",
        report="<results>/{study}/table.json",
        predicted=partition_files("parquet"),
        choices=partition_files("json"),
        external=external_receipt,
        code=training_code,
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
        digests=external_digests,
    script:
        "../scripts/train_surrogate.py"
