"""One row per study, one table for all, and the chapter's claims beside what was measured.

Takes   every study's results
Makes   <results>/{study}/summary.json, <results>/summary.{csv,md,html,txt}, <results>/claims.{csv,html}
"""


rule summarise_study:
    """Collect what a study found, each number with the file it stands in."""
    input:
        table="<results>/{study}/table.json",
        metrics="<results>/{study}/surrogate/metrics.csv",
        suggestions="<results>/{study}/campaign/suggestions.csv",
        benchmark="<results>/{study}/campaign/benchmark.json",
        named="<results>/{study}/campaign/named_designs.csv",
        validation="<results>/{study}/surrogate/validation.json",
        transfer=extra("transfer", "transfer/transfer.json"),
        ranking=extra("candidates", "candidates/ranking.json"),
        screen=extra("screen", "screen/report.json"),
        replay=replayed("replay.json"),
        earlier=earlier,
        code=code("summarise_study.py"),
    output:
        summary="<results>/{study}/summary.json",
    log:
        "<logs>/summarise_study/{study}.log",
    benchmark:
        "<benchmarks>/summarise_study/{study}.tsv"
    params:
        study=setting(),
        primary_variant=primary_variant,
    script:
        "../scripts/summarise_study.py"


rule build_summary:
    """One row per study."""
    input:
        summaries=expand("<results>/{study}/summary.json", study=SELECTED),
        code=code("build_summary.py"),
    output:
        csv="<results>/summary.csv",
        md="<results>/summary.md",
        txt="<results>/summary.txt",
        html=report("<results>/summary.html", caption="../report/summary.rst", category="1 Summary"),
    log:
        "<logs>/build_summary.log",
    benchmark:
        "<benchmarks>/build_summary.tsv"
    script:
        "../scripts/build_summary.py"


rule build_claims:
    """Each number that the chapter states, beside what the pipeline measured."""
    input:
        claims=CONFIG.claims,
        summaries=expand("<results>/{study}/summary.json", study=SELECTED),
        # what the pointers of the claims lead to
        metrics=expand("<results>/{study}/surrogate/metrics.csv", study=SELECTED),
        rows=expand("<results>/{study}/table.parquet", study=SELECTED),
        predictions=expand("<results>/{study}/surrogate/predictions.parquet", study=SELECTED),
        named=expand("<results>/{study}/campaign/named_designs.csv", study=SELECTED),
        suggestions=expand("<results>/{study}/campaign/suggestions.csv", study=SELECTED),
        benchmarks=expand("<results>/{study}/campaign/benchmark.json", study=SELECTED),
        tables=expand("<results>/{study}/table.json", study=SELECTED),
        replays=expand(
            "<results>/{study}/charging/replay.json", study=filter(is_charging, SELECTED_STUDIES)
        ),
        transfers=expand(
            "<results>/{study}/transfer/transfer.json",
            study=filter(has_transfer, SELECTED_STUDIES),
        ),
        code=code("build_claims.py"),
    output:
        csv="<results>/claims.csv",
        html=report("<results>/claims.html", caption="../report/claims.rst", category="1 Summary"),
    log:
        "<logs>/build_claims.log",
    benchmark:
        "<benchmarks>/build_claims.tsv"
    script:
        "../scripts/build_claims.py"


rule write_manifest:
    """Digests of every output, setting and table of the run; `make verify` rebuilds and compares."""
    input:
        rules.build_summary.output,
        rules.build_claims.output,
        rules.cite_datasets.output,
        expand("<results>/{study}/figures/index.json", study=SELECTED),
        expand("<results>/{study}/screen/funnel.svg", study=screened_here()),
        code=code_of("write_manifest.py"),
    output:
        manifest="<results>/MANIFEST.json",
    log:
        "<logs>/write_manifest.log",
    benchmark:
        "<benchmarks>/write_manifest.tsv"
    params:
        studies=SELECTED,
        settings=plain_settings(),
        inputs=made_from(),
        memories=ledgers(),
        made=made_by_run(),
    script:
        "../scripts/write_manifest.py"


rule summary:
    """The summary table."""
    input:
        rules.build_summary.output,


rule claims:
    """The claims table."""
    input:
        rules.build_claims.output,
