"""From a CSV file, a data set or an evaluator to a checked table.

Takes   the study's CSV file, its data set from a mirror or the network, or its evaluator
Makes   data/raw/{dataset}/, <results>/{study}/table.parquet, table.json, <results>/CITATIONS.md
"""

from batterymi.config.slices.data import CitationSettings, FetchSettings, TableSettings
from batterymi.config.slices.sampling import SamplingSettings
from batterymi.data.header_units import has_other_units
from batterymi.workflow.launch import mark_changed_sources


def dataset_files(wildcards):
    """A param: the files of a data set as the catalogue describes them."""
    return FetchSettings.dump_from(PROJECT.datasets[wildcards.dataset])


def table_source(wildcards):
    """An input: the rows a study starts from, its file, or the table that its evaluator makes.

    A file that is missing is left to the job, so that the other studies still run.
    """
    table = STUDIES[wildcards.study].table
    if table.sample:
        return f"<results>/{wildcards.study}/sampled.parquet"
    if table.dataset:
        return PROJECT.receipt(table.dataset.name)
    return table.file if Path(table.file).exists() else []


def table_settings(wildcards):
    """A param: where the rows of a study are, also if nothing is there, and what its columns may hold.

    It does not take the input: Snakemake keeps no record of params that do, and would not see a setting change.
    """
    study = STUDIES[wildcards.study]
    dataset = study.table.dataset.name if study.table.dataset else None
    return TableSettings.dump_from(
        study,
        path=f"{RAW}/{dataset}" if dataset else study.table.file or "",
        dataset=PROJECT.datasets[dataset] if dataset else None,
    )


if IS_FIRST:
    mark_changed_sources(PROJECT, DIGESTS, creates=not makes_nothing(read_options()))


def source_marker(wildcards):
    """An input: newer than the table if that was made from other content than its source has now."""
    marker = PROJECT.marker(wildcards.study)
    return str(marker) if marker.exists() else []


def digest_source(wildcards):
    """A param: digests of the files that the rows come from, so that content decides what runs again."""
    table = STUDIES[wildcards.study].table
    if table.dataset:
        return PROJECT.digest_dataset(table.dataset.name, DIGESTS)
    files = [table.file, *PROJECT.list_structures([wildcards.study])] if table.file else []
    return {file: DIGESTS[file] for file in files}


def table_code(wildcards):
    """An input: the code, with the units if the header of the study's file names others than its columns."""
    study = STUDIES[wildcards.study]
    columns = (*study.features, *study.objectives)
    is_converted = has_other_units(study.table, columns)
    converter = [("converter", "units")] if is_converted else []
    return list_code("prepare_table.py", *study.list_lookups("loader", "row_check"), *converter)


def needed_datasets(wildcards):
    """An input: receipts of the data sets that files of this one are derived from."""
    files = PROJECT.datasets[wildcards.dataset].files.values()
    return [PROJECT.receipt(name) for file in files if file.derived for name in file.derived.needs]


rule fetch_dataset:
    """Fetch the files of a data set, and check each against the digest in the catalogue."""
    input:
        needed=needed_datasets,
    output:
        receipt="data/raw/{dataset}/receipt.json",
    log:
        "<logs>/fetch_dataset/{dataset}.log",
    benchmark:
        "<benchmarks>/fetch_dataset/{dataset}.tsv"
    priority: 20
    resources:
        # not a param: where files come from does not change what they hold
        mirror=CONFIG.mirror or "",
    params:
        settings=dataset_files,
    script:
        "../scripts/fetch_dataset.py"


rule cite_datasets:
    """List the licences and the works to cite of the data sets behind the results."""
    input:
        code=code("cite_datasets.py"),
    output:
        citations=report(
            "<results>/CITATIONS.md", caption="../report/citations.rst", category="1 Summary"
        ),
    log:
        "<logs>/cite_datasets.log",
    benchmark:
        "<benchmarks>/cite_datasets.tsv"
    params:
        settings=CitationSettings.dump_from(
            PROJECT, datasets={name: PROJECT.datasets[name] for name in PROJECT.cited}
        ),
    script:
        "../scripts/cite_datasets.py"


def evaluator_model(wildcards):
    """An input: the models by which designs are evaluated, the study's own or another one's."""
    name = getattr(STUDIES[wildcards.study].evaluator, "name", None)
    owner = {
        "surrogate": wildcards.study,
        "electrolyte": getattr(STUDIES[wildcards.study].evaluator, "model_of", None),
    }.get(name)
    return f"<results>/{owner}/surrogate/model.skops" if owner else []


def evaluator_phases(wildcards):
    """An input: formation energies of phases, for studies whose designs are compositions of electrolytes."""
    is_electrolyte = getattr(STUDIES[wildcards.study].evaluator, "name", None) == "electrolyte"
    return "<results>/stability/phases.parquet" if is_electrolyte else []


rule sample_table:
    """Evaluate space-filling designs, where no measured table exists."""
    input:
        model=evaluator_model,
        phases=evaluator_phases,
        code=code("sample_table.py", "evaluator", "constraint"),
    output:
        rows="<results>/{study}/sampled.parquet",
        failures="<results>/{study}/failures.json",
    log:
        "<logs>/sample_table/{study}.log",
    benchmark:
        "<benchmarks>/sample_table/{study}.tsv"
    priority: 10
    threads: worker_threads
    params:
        settings=slice_of(SamplingSettings),
    script:
        "../scripts/sample_table.py"


rule prepare_table:
    """Check every row against the declared columns, units and ranges."""
    input:
        source=table_source,
        marker=source_marker,
        code=table_code,
    output:
        table="<results>/{study}/table.parquet",
        report="<results>/{study}/table.json",
    log:
        "<logs>/prepare_table/{study}.log",
    benchmark:
        "<benchmarks>/prepare_table/{study}.tsv"
    priority: 5
    params:
        settings=table_settings,
        digests=digest_source,
    script:
        "../scripts/prepare_table.py"


if PROJECT.rejected:

    def rejected_problems(wildcards):
        """A param: what is wrong with the YAML of a study."""
        return PROJECT.rejected[wildcards.study].problems

    localrules:
        reject_study,

    rule reject_study:
        """Fail for a study whose YAML is wrong, so that --keep-going can finish the others."""
        output:
            summary="<results>/{study}/summary.json",
            figures="<results>/{study}/figures/index.json",
        log:
            "<logs>/reject_study/{study}.log",
        wildcard_constraints:
            study="|".join(PROJECT.rejected),
        params:
            problems=rejected_problems,
        script:
            "../scripts/reject_study.py"
