"""From a CSV file, a data set or an evaluator to a checked table.

Takes   the study's CSV file, its data set from a mirror or the network, or its evaluator
Makes   data/raw/{dataset}/, <results>/{study}/table.parquet, table.json, <results>/CITATIONS.md
"""

from batterymi.config.slices.sampling import SamplingSettings


def dataset_entry(wildcards):
    """A param: a data set as the catalogue describes it."""
    return PROJECT.datasets[wildcards.dataset].model_dump(mode="json")


rule fetch_dataset:
    """Bring the files of a data set, each with the digest that the catalogue gives."""
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
        dataset=dataset_entry,
    script:
        "../scripts/fetch_dataset.py"


rule cite_datasets:
    """Licences and works to cite, for the data sets behind the results."""
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
        datasets={name: PROJECT.datasets[name].model_dump(mode="json") for name in PROJECT.used},
    script:
        "../scripts/cite_datasets.py"


rule sample_table:
    """Evaluate space-filling designs, where no measured table exists."""
    input:
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
        code=code("prepare_table.py", "loader"),
    output:
        table="<results>/{study}/table.parquet",
        report="<results>/{study}/table.json",
    log:
        "<logs>/prepare_table/{study}.log",
    benchmark:
        "<benchmarks>/prepare_table/{study}.tsv"
    priority: 5
    params:
        source=source_name,
        table=setting("table"),
        features=setting("features"),
        objectives=setting("objectives"),
        simplex=setting("simplex"),
        descriptors=setting("descriptors"),
        dataset=dataset_of_study,
    script:
        "../scripts/prepare_table.py"


if PROJECT.rejected:

    def rejected_problems(wildcards):
        """A param: what is wrong with the YAML of a study."""
        return PROJECT.rejected[wildcards.study].problems

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
