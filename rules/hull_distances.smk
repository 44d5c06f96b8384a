"""Hull distances by CHGNet of structures without an entry in the table of phases; an extra, skipped where it is absent.

Takes   <results>/stability/phases.parquet, the data sets mp_structures and mp20_mini, archives of CIF files of studies
Makes   <results>/stability/chgnet/, <results>/{study}/hull_distances/

A shard of structures is a job of its own, so that an interrupted run goes on with the others. Once CHGNet is installed,
the jobs that were skipped run again, since its version is a param.
"""

from batterymi.config.slices.stability import CalibrationSettings, EstimateSettings
from batterymi.stability.potential import find_version

OF_STRUCTURES = [name for name in ("mp_structures", "mp20_mini") if name in PROJECT.datasets]


def shard_name(wildcards):
    """A param: number and count of the shard, as 2-of-4."""
    return wildcards.scatteritem


def estimate_settings(wildcards):
    """A param: whose structures are estimated, and how."""
    study = STUDIES[wildcards.study]
    return EstimateSettings.dump_from(
        study,
        hull_estimates=CONFIG.stability.hull_estimates,
        formula_column=study.structures.columns.cell_content,
    )


scattergather:
    hull=4,


rule fit_element_references:
    """Fit the elements' energies in CHGNet's terms, and measure the error of its hull distances."""
    input:
        structures=PROJECT.receipt("mp_structures"),
        small=PROJECT.receipt("mp20_mini"),
        phases="<results>/stability/phases.parquet",
        code=list_code("fit_element_references.py"),
    output:
        references="<results>/stability/chgnet/references.json",
        calibration="<results>/stability/chgnet/calibration.csv",
        citations="<results>/stability/chgnet/CITATIONS.md",
    log:
        "<logs>/fit_element_references.log",
    benchmark:
        "<benchmarks>/fit_element_references.tsv"
    params:
        settings=CalibrationSettings.dump_from(
            CONFIG.stability, datasets={name: PROJECT.datasets[name] for name in OF_STRUCTURES}
        ),
        digests={
            file: digest
            for name in OF_STRUCTURES
            for file, digest in PROJECT.digest_dataset(name, DIGESTS).items()
        },
        version=find_version(),
    script:
        "../scripts/fit_element_references.py"


rule estimate_hull_distances:
    """Estimate the hull distances of a shard of a study's structures."""
    input:
        table="<results>/{study}/table.parquet",
        receipt=structure_receipt,
        phases="<results>/stability/phases.parquet",
        references="<results>/stability/chgnet/references.json",
        code=list_code("estimate_hull_distances.py"),
    output:
        estimates="<results>/{study}/hull_distances/shards/{scatteritem}.csv",
    log:
        "<logs>/estimate_hull_distances/{study}/{scatteritem}.log",
    benchmark:
        "<benchmarks>/estimate_hull_distances/{study}/{scatteritem}.tsv"
    wildcard_constraints:
        study=one_of(WITH_STRUCTURES),
    params:
        settings=estimate_settings,
        shard=shard_name,
        version=find_version(),
    script:
        "../scripts/estimate_hull_distances.py"


rule gather_hull_distances:
    """Merge the shards, and answer gates that tell more than the base rate."""
    input:
        shards=gather.hull("<results>/{{study}}/hull_distances/shards/{scatteritem}.csv"),
        references="<results>/stability/chgnet/references.json",
        code=list_code("gather_hull_distances.py"),
    output:
        estimates="<results>/{study}/hull_distances/estimates.csv",
        report="<results>/{study}/hull_distances/report.json",
    log:
        "<logs>/gather_hull_distances/{study}.log",
    benchmark:
        "<benchmarks>/gather_hull_distances/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_STRUCTURES),
    script:
        "../scripts/gather_hull_distances.py"


rule hull_distances:
    """Estimate hull distances of structures without an entry, for studies that declare an archive of them."""
    input:
        expand("<results>/{study}/hull_distances/report.json", study=WITH_STRUCTURES),
