"""One row per study, one table for all, and the chapter's claims beside what was measured.

Takes   every study's results
Makes   <results>/{study}/summary.json, <results>/summary.{csv,md,html,txt}, <results>/claims.{csv,html}
"""

import re

from batterymi.files import compute_sha256
from batterymi.reporting.other_results import OTHER_RESULTS, RUN


rule summarise_study:
    """Collect what a study found, each number with the file that it is read from."""
    input:
        unpack(results_for("summary")),
        code=code("summarise_study.py"),
    output:
        summary="<results>/{study}/summary.json",
    log:
        "<logs>/summarise_study/{study}.log",
    benchmark:
        "<benchmarks>/summarise_study/{study}.tsv"
    params:
        settings=slice_of(ReportedStudy),
    script:
        "../scripts/summarise_study.py"


rule build_summary:
    """Join the studies' summaries into one table, one row per study."""
    input:
        summaries=expand("<results>/{study}/summary.json", study=PROJECT.selected),
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


CLAIMS = ["<results>/claims.csv", "<results>/claims.html"] if CONFIG.claims else []


def other_results():
    """A param: folders of results that belong to no study, with the digests of what claims read there.

    They come from targets of their own, so they are no input: a plain run takes what is there, and makes none of it.
    """
    files = {
        name: [Path(PROJECT.folder("results")) / name / file for file in files]
        for name, files in OTHER_RESULTS.items()
        if name != RUN  # inputs, which a plain run makes
    }
    return {
        name: {"folder": str(paths[0].parent), "sha256": [compute_sha256(path) for path in paths]}
        for name, paths in files.items()
        if all(path.is_file() for path in paths)
    }


if CONFIG.claims:

    localrules:
        build_claims,

    rule build_claims:
        """Compare each number that the chapter states with its own recipe, and with what the pipeline found."""
        input:
            claims=CONFIG.claims,
            summaries=expand("<results>/{study}/summary.json", study=PROJECT.selected),
            # targets of the pointers in the claims
            results=[
                f"<results>/{study}/{path}"
                for study in PROJECT.selected_studies
                for path in list_results(STUDIES[study], "claims").values()
            ],
            calculated=CALCULATED,
            code=code("build_claims.py"),
        output:
            csv="<results>/claims.csv",
            html=report(
                "<results>/claims.html", caption="../report/claims.rst", category="1 Summary"
            ),
        log:
            "<logs>/build_claims.log",
        benchmark:
            "<benchmarks>/build_claims.tsv"
        params:
            others=other_results(),
            digests={CONFIG.claims: DIGESTS[CONFIG.claims]},
        script:
            "../scripts/build_claims.py"

    rule claims:
        """Make the claims table."""
        input:
            rules.build_claims.output,


def patterns_of_run():
    """A param: regular expressions of what a plain run makes, relative to the folder of the results.

    Left out are targets of their own, and the shards of a screen, whose number does not matter.
    """
    not_in_a_plain_run = (
        "compare_fidelities",
        "plot_fidelities",
        "list_candidates",
        "score_candidates",
    )
    outputs = [
        made
        for rule in workflow.rules
        if rule.name not in not_in_a_plain_run
        for made in rule.output
    ]
    folder = re.escape(PROJECT.folder("results")) + "/"
    patterns = {made.regex().pattern for made in outputs}
    return sorted(
        pattern.removeprefix(folder) for pattern in patterns if pattern.startswith(folder)
    )


rule write_manifest:
    """Write the digests of every output, setting and table of the run; `make verify` rebuilds and compares."""
    input:
        rules.build_report.output,
        rules.build_summary.output,
        CLAIMS,
        rules.cite_datasets.output,
        expand("<results>/{study}/figures/index.json", study=PROJECT.selected),
        expand("<results>/{study}/screen/funnel.svg", study=PROJECT.screened),
        code=list_code("write_manifest.py"),
    output:
        manifest="<results>/MANIFEST.json",
    log:
        "<logs>/write_manifest.log",
    benchmark:
        "<benchmarks>/write_manifest.tsv"
    params:
        studies=PROJECT.selected,
        settings=PROJECT.plain_settings(),
        digests={
            path: DIGESTS[path]
            for path in sorted(set(PROJECT.list_run_inputs()))
            # a file of settings that came while this run began is not part of it
            if DIGESTS.get(path)
        },
        ledgers=PROJECT.ledgers,
        made=patterns_of_run(),
    script:
        "../scripts/write_manifest.py"


rule summary:
    """Make the summary table."""
    input:
        rules.build_summary.output,
