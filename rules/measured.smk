"""What only studies on data sets have: transfer from related tasks.

Takes   <results>/{study}/table.parquet; of electrodes the data set mp_compositions, too
Makes   <results>/{study}/transfer/
"""

from batterymi.config.slices.transfer import TransferSettings


def transfer_compositions(wildcards):
    """An input: formation energies, in which voltages of electrodes can be looked up."""
    dataset = STUDIES[wildcards.study].table.dataset
    is_known = dataset and dataset.name == "mp_electrodes" and "mp_compositions" in PROJECT.datasets
    return PROJECT.receipt("mp_compositions") if is_known else []


def digest_compositions(wildcards):
    """A param: the digests of their files, so that content decides what runs again."""
    return digest_shared("mp_compositions") if transfer_compositions(wildcards) else {}


rule compare_transfer:
    """Compare ways to learn from related tasks, by the study's own folds and over the number of own rows."""
    input:
        table="<results>/{study}/table.parquet",
        compositions=transfer_compositions,
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
        digests=digest_compositions,
    script:
        "../scripts/compare_transfer.py"
