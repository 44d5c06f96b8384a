"""Whether the graph network gains by pre-training on computed formation energies.

Takes   <results>/{study}/table.parquet, <results>/{study}/structures/, the data sets mp_structures and mp20_mini
Makes   <results>/{study}/structures/pretrained/

Partitions are those of rules/structures.smk, and each is a job of its own.
"""

from batterymi.config.slices.structures import GainSettings, PretrainingSettings, StructureSettings


def pretrained_code(wildcards):
    """An input: the code, with that of the study's descriptors and of the graph network."""
    lookups = STUDIES[wildcards.study].list_lookups("descriptor")
    return list_code("compare_pretrained.py", *lookups, ("model", "graph_net"))


def pretrained_results(ending):
    """Inputs: what the jobs of the partitions write."""

    def files(wildcards):
        numbers = range(1, STUDIES[wildcards.study].structures.partitions + 1)
        return [f"<results>/{wildcards.study}/structures/pretrained/{n}.{ending}" for n in numbers]

    return files


rule pretrain_graph_net:
    """Train the graph network on formation energies of crystals of other compositions than the study's."""
    input:
        table="<results>/{study}/table.parquet",
        structures=PROJECT.receipt("mp_structures"),
        small=PROJECT.receipt("mp20_mini"),
        code=list_code("pretrain_graph_net.py"),
    output:
        weights="<results>/{study}/structures/pretrained/weights.safetensors",
        report="<results>/{study}/structures/pretrained/pretraining.json",
    log:
        "<logs>/pretrain_graph_net/{study}.log",
    benchmark:
        "<benchmarks>/pretrain_graph_net/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_STRUCTURES),
    params:
        settings=slice_of(PretrainingSettings),
        digests=digest_shared("mp_structures") | digest_shared("mp20_mini"),
    script:
        "../scripts/pretrain_graph_net.py"


rule compare_pretrained:
    """Predict rows by the pre-trained network, by one random partition into folds."""
    input:
        table="<results>/{study}/table.parquet",
        graphs="<results>/{study}/structures/graphs.npz",
        described="<results>/{study}/structures/rows.csv",
        weights="<results>/{study}/structures/pretrained/weights.safetensors",
        code=pretrained_code,
    output:
        predictions="<results>/{study}/structures/pretrained/{partition}.parquet",
        times="<results>/{study}/structures/pretrained/{partition}.json",
    log:
        "<logs>/compare_pretrained/{study}/{partition}.log",
    benchmark:
        "<benchmarks>/compare_pretrained/{study}/{partition}.tsv"
    wildcard_constraints:
        study=one_of(WITH_STRUCTURES),
        partition=r"[1-9]\d*",
    params:
        settings=slice_of(StructureSettings),
    script:
        "../scripts/compare_pretrained.py"


rule gather_pretrained:
    """Score what the network gains by pre-training, over itself from scratch and over the blend."""
    input:
        compared=partition_results("parquet"),
        predictions=pretrained_results("parquet"),
        times=pretrained_results("json"),
        pretraining="<results>/{study}/structures/pretrained/pretraining.json",
        code=list_code("gather_pretrained.py"),
    output:
        gains="<results>/{study}/structures/pretrained/gains.csv",
        report="<results>/{study}/structures/pretrained/report.json",
    log:
        "<logs>/gather_pretrained/{study}.log",
    benchmark:
        "<benchmarks>/gather_pretrained/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_STRUCTURES),
    params:
        settings=slice_of(GainSettings),
    script:
        "../scripts/gather_pretrained.py"


rule graph_pretraining:
    """Show what the graph network gains by pre-training, for studies that declare an archive of structures."""
    input:
        expand("<results>/{study}/structures/pretrained/gains.csv", study=WITH_STRUCTURES),
