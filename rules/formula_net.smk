"""The network over formulas: its pre-training on compounds, and what it adds to transfer between working ions.

Takes   the data sets mp_compositions and mp_electrodes; <results>/{study}/table.parquet
Makes   <results>/pretrained/, as it is shipped in the package, and <results>/{study}/transfer_curve/

Each encoder, and each partition and draw of own rows, is a job of its own; an interrupted training of an encoder goes
on after its last epoch. The curve takes the shipped encoders.
"""

from batterymi.config.slices.formula_net import (
    ChainSettings,
    CurveSettings,
    GatheringSettings,
    PretrainingSettings,
)

WITH_NETWORKS = [name for name, study in STUDIES.items() if study.fine_tuning]
N_ENCODERS = CONFIG.formula_net.encoders


def pretraining_settings(wildcards):
    """A param: how one encoder is trained."""
    return PretrainingSettings.dump_from(CONFIG.formula_net, encoder=int(wildcards.encoder))


def digest_pretraining(wildcards):
    """A param: the digests of both data sets, so that content decides what runs again."""
    return digest_shared("mp_compositions") | digest_shared("mp_electrodes")


rule pretrain_formula_net:
    """Train one encoder of formulas on compounds whose elements are those of no electrode's host."""
    input:
        compositions=PROJECT.receipt("mp_compositions"),
        electrodes=PROJECT.receipt("mp_electrodes"),
        code=list_code("pretrain_formula_net.py"),
    output:
        weights="<results>/pretrained/encoders/{encoder}.safetensors",
        report="<results>/pretrained/encoders/{encoder}.json",
    log:
        "<logs>/pretrain_formula_net/{encoder}.log",
    benchmark:
        "<benchmarks>/pretrain_formula_net/{encoder}.tsv"
    wildcard_constraints:
        encoder=r"[1-9]\d*",
    params:
        settings=pretraining_settings,
        digests=digest_pretraining,
    script:
        "../scripts/pretrain_formula_net.py"


rule gather_formula_net:
    """Join the encoders in one file with its receipt, and find the principal components of their embeddings."""
    input:
        compositions=PROJECT.receipt("mp_compositions"),
        electrodes=PROJECT.receipt("mp_electrodes"),
        encoders=expand("<results>/pretrained/encoders/{n}.safetensors", n=range(1, N_ENCODERS + 1)),
        reports=expand("<results>/pretrained/encoders/{n}.json", n=range(1, N_ENCODERS + 1)),
        code=list_code("gather_formula_net.py"),
    output:
        weights="<results>/pretrained/formula_net.safetensors",
        receipt="<results>/pretrained/formula_net.json",
        left_out="<results>/pretrained/left_out.csv",
    log:
        "<logs>/gather_formula_net.log",
    benchmark:
        "<benchmarks>/gather_formula_net.tsv"
    params:
        settings=GatheringSettings.dump_from(CONFIG.formula_net),
        digests=digest_pretraining,
    script:
        "../scripts/gather_formula_net.py"


rule pretrained:
    """Make the encoders that the package ships, from the start."""
    input:
        rules.gather_formula_net.output,


rule teach_voltages:
    """Teach networks over formulas the voltages of other ions, in one partition into folds."""
    input:
        table="<results>/{study}/table.parquet",
        code=code("teach_voltages.py", "descriptor", "model"),
    output:
        weights="<results>/{study}/transfer_curve/taught/{partition}.safetensors",
        predictions="<results>/{study}/transfer_curve/taught/{partition}.parquet",
    log:
        "<logs>/teach_voltages/{study}/{partition}.log",
    benchmark:
        "<benchmarks>/teach_voltages/{study}/{partition}.tsv"
    wildcard_constraints:
        study=one_of(WITH_NETWORKS),
        partition=r"[1-9]\d*",
    params:
        settings=slice_of(ChainSettings),
    script:
        "../scripts/teach_voltages.py"


rule fine_tune:
    """Predict own rows by every strategy, from one draw of them, in one partition into folds."""
    input:
        table="<results>/{study}/table.parquet",
        taught="<results>/{study}/transfer_curve/taught/{partition}.safetensors",
        code=code("fine_tune.py", "descriptor", "model"),
    output:
        predictions="<results>/{study}/transfer_curve/{partition}/{draw}.parquet",
        times="<results>/{study}/transfer_curve/{partition}/{draw}.json",
    log:
        "<logs>/fine_tune/{study}/{partition}/{draw}.log",
    benchmark:
        "<benchmarks>/fine_tune/{study}/{partition}/{draw}.tsv"
    wildcard_constraints:
        study=one_of(WITH_NETWORKS),
        partition=r"[1-9]\d*",
        draw=r"[1-9]\d*",
    priority: 5  # a partition's curve before the next partition is taught
    params:
        settings=slice_of(ChainSettings),
    script:
        "../scripts/fine_tune.py"


def curve_files(pattern):
    """Inputs: files of every partition, and of every draw if the pattern has one."""

    def files(wildcards):
        tuning = STUDIES[wildcards.study].fine_tuning
        numbers = {
            "partition": range(1, tuning.partitions + 1),
            "draw": range(1, tuning.draws + 1),
        }
        used = {name: values for name, values in numbers.items() if f"{{{name}}}" in pattern}
        return expand(f"<results>/{wildcards.study}/transfer_curve/{pattern}", **used)

    return files


rule gather_curve:
    """Score the learning curve of transfer over all partitions and draws."""
    input:
        table="<results>/{study}/table.parquet",
        untaught=curve_files("taught/{partition}.parquet"),
        predictions=curve_files("{partition}/{draw}.parquet"),
        times=curve_files("{partition}/{draw}.json"),
        code=list_code("gather_curve.py"),
    output:
        scores="<results>/{study}/transfer_curve/scores.csv",
        report="<results>/{study}/transfer_curve/report.json",
    log:
        "<logs>/gather_curve/{study}.log",
    benchmark:
        "<benchmarks>/gather_curve/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_NETWORKS),
    params:
        settings=slice_of(CurveSettings),
    script:
        "../scripts/gather_curve.py"


rule transfer_curve:
    """Show what networks over formulas add to transfer, for studies that declare a fine-tuning."""
    input:
        expand("<results>/{study}/transfer_curve/scores.csv", study=WITH_NETWORKS),
