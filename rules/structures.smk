"""Whether models gain by crystal structures: read them, compare by several partitions, gather.

Takes   <results>/{study}/table.parquet, the archive of CIF files of the study's data set
Makes   <results>/{study}/structures/

Each partition is a job of its own, so that an interrupted run goes on with the others.
"""

from batterymi.config.slices.structures import GainSettings, ReadingSettings, StructureSettings

WITH_STRUCTURES = [name for name, study in STUDIES.items() if study.structures]


def structure_receipt(wildcards):
    """An input: the receipt of the data set whose archive holds the structures."""
    return PROJECT.receipt(STUDIES[wildcards.study].table.dataset.name)


def structure_code(wildcards):
    """An input: the code, with that of the study's descriptors, of the blend's members and of the graph network."""
    study = STUDIES[wildcards.study]
    models = [
        ("model", name) for name in ("blend", "graph_net", "extra_trees", *study.surrogate.blend)
    ]
    return list_code("compare_structures.py", *study.list_lookups("descriptor"), *models)


def partition_results(ending):
    """Inputs: what the jobs of the partitions write."""

    def files(wildcards):
        numbers = range(1, STUDIES[wildcards.study].structures.partitions + 1)
        return [f"<results>/{wildcards.study}/structures/partitions/{n}.{ending}" for n in numbers]

    return files


rule read_structures:
    """Read the structures of a data set's rows, and find analogues for rows without one."""
    input:
        table="<results>/{study}/table.parquet",
        receipt=structure_receipt,
        code=code("read_structures.py"),
    output:
        graphs="<results>/{study}/structures/graphs.npz",
        described="<results>/{study}/structures/rows.csv",
        report="<results>/{study}/structures/found.json",
    log:
        "<logs>/read_structures/{study}.log",
    benchmark:
        "<benchmarks>/read_structures/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_STRUCTURES),
    params:
        settings=slice_of(ReadingSettings),
        digests=digest_source,
    script:
        "../scripts/read_structures.py"


rule compare_structures:
    """Predict rows with and without structures, by one random partition into folds."""
    input:
        table="<results>/{study}/table.parquet",
        graphs="<results>/{study}/structures/graphs.npz",
        described="<results>/{study}/structures/rows.csv",
        code=structure_code,
    output:
        predictions="<results>/{study}/structures/partitions/{partition}.parquet",
        times="<results>/{study}/structures/partitions/{partition}.json",
    log:
        "<logs>/compare_structures/{study}/{partition}.log",
    benchmark:
        "<benchmarks>/compare_structures/{study}/{partition}.tsv"
    wildcard_constraints:
        study=one_of(WITH_STRUCTURES),
        partition=r"[1-9]\d*",
    params:
        settings=slice_of(StructureSettings),
    script:
        "../scripts/compare_structures.py"


rule gather_structures:
    """Score what models gain by structures, over all partitions."""
    input:
        predictions=partition_results("parquet"),
        times=partition_results("json"),
        found="<results>/{study}/structures/found.json",
        code=list_code("gather_structures.py"),
    output:
        gains="<results>/{study}/structures/gains.csv",
        report="<results>/{study}/structures/report.json",
    log:
        "<logs>/gather_structures/{study}.log",
    benchmark:
        "<benchmarks>/gather_structures/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_STRUCTURES),
    params:
        settings=slice_of(GainSettings),
    script:
        "../scripts/gather_structures.py"


rule structures:
    """Show what models gain by crystal structures, for studies that declare an archive of them."""
    input:
        expand("<results>/{study}/structures/gains.csv", study=WITH_STRUCTURES),
