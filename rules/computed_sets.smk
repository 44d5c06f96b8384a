"""Whether models gain by computed sets: learn these, compare by several partitions, gather.

Takes   <results>/{study}/table.parquet, <results>/barriers/, the data sets mp_compositions and ionnet
Makes   <results>/{study}/computed_sets/

Each partition is a job of its own, so that an interrupted run goes on with the others.
"""

from batterymi.config import computed
from batterymi.config.slices.computed import ComputedSettings
from batterymi.config.slices.methods import MethodSettings
from batterymi.config.slices.structures import GainSettings

WITH_COMPUTED = [name for name, study in STUDIES.items() if study.computed_sets]


def computed_code(wildcards):
    """An input: the code, with that of the study's descriptors and of the blend's members."""
    study = STUDIES[wildcards.study]
    models = [("model", name) for name in ("blend", *study.surrogate.blend)]
    return list_code("compare_computed_sets.py", *study.list_lookups("descriptor"), *models)


def computed_results(ending):
    """Inputs: what the jobs of the partitions write."""

    def files(wildcards):
        numbers = range(1, STUDIES[wildcards.study].computed_sets.partitions + 1)
        folder = f"<results>/{wildcards.study}/computed_sets/partitions"
        return [f"{folder}/{n}.{ending}" for n in numbers]

    return files


rule learn_computed_sets:
    """Learn properties of compositions from computed sets, and predict them for a study's rows."""
    input:
        table="<results>/{study}/table.parquet",
        sources=[PROJECT.receipt("mp_compositions"), PROJECT.receipt("ionnet")],
        barriers="<results>/barriers/barriers.parquet",
        code=list_code(
            "learn_computed_sets.py",
            ("model", computed.LEARNER),
            *(("descriptor", name) for name in computed.DESCRIPTORS),
        ),
    output:
        known="<results>/{study}/computed_sets/known.csv",
        report="<results>/{study}/computed_sets/learned.json",
    log:
        "<logs>/learn_computed_sets/{study}.log",
    benchmark:
        "<benchmarks>/learn_computed_sets/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_COMPUTED),
    params:
        settings=slice_of(ComputedSettings),
        digests=digest_shared("mp_compositions") | digest_shared("ionnet"),
    script:
        "../scripts/learn_computed_sets.py"


rule compare_computed_sets:
    """Predict rows with and without computed sets, by one random partition into folds."""
    input:
        table="<results>/{study}/table.parquet",
        known="<results>/{study}/computed_sets/known.csv",
        code=computed_code,
    output:
        predictions="<results>/{study}/computed_sets/partitions/{partition}.parquet",
        times="<results>/{study}/computed_sets/partitions/{partition}.json",
    log:
        "<logs>/compare_computed_sets/{study}/{partition}.log",
    benchmark:
        "<benchmarks>/compare_computed_sets/{study}/{partition}.tsv"
    wildcard_constraints:
        study=one_of(WITH_COMPUTED),
        partition=r"[1-9]\d*",
    params:
        settings=slice_of(MethodSettings),
    script:
        "../scripts/compare_computed_sets.py"


rule gather_computed_sets:
    """Score what models gain by computed sets, over all partitions."""
    input:
        predictions=computed_results("parquet"),
        times=computed_results("json"),
        known="<results>/{study}/computed_sets/known.csv",
        learned="<results>/{study}/computed_sets/learned.json",
        code=list_code("gather_computed_sets.py"),
    output:
        gains="<results>/{study}/computed_sets/gains.csv",
        report="<results>/{study}/computed_sets/report.json",
    log:
        "<logs>/gather_computed_sets/{study}.log",
    benchmark:
        "<benchmarks>/gather_computed_sets/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_COMPUTED),
    params:
        settings=slice_of(GainSettings),
    script:
        "../scripts/gather_computed_sets.py"


rule computed_sets:
    """Show what models gain by computed sets, for studies that declare them."""
    input:
        expand("<results>/{study}/computed_sets/gains.csv", study=WITH_COMPUTED),
