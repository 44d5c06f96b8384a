"""One page for readers: what to do next in each study, and how far to trust it.

Takes   summaries, claims, and what the studies wrote
Makes   <results>/report.html
"""

from batterymi.config.slices.reporting import ReportedStudy, ReportSettings


def report_settings():
    """A param: what the report needs to know of the run."""
    studies = PROJECT.selected_studies
    return ReportSettings(
        studies={name: ReportedStudy.take_from(STUDIES[name]) for name in studies},
        files={name: list_results(STUDIES[name], "report") for name in studies},
        datasets={name: PROJECT.datasets[name] for name in PROJECT.cited},
        logs=PROJECT.folder("logs"),
    ).model_dump(mode="json")


rule build_report:
    """Write the answer of each study, and what it rests on, as one page that opens from disk."""
    input:
        summaries=expand("<results>/{study}/summary.json", study=PROJECT.selected),
        claims=["<results>/claims.csv"] if CONFIG.claims else [],
        figures=expand("<results>/{study}/figures/{name}.svg", study=PROJECT.selected, name=FIGURES),
        results=[
            f"<results>/{study}/{path}"
            for study in PROJECT.selected_studies
            for path in list_results(STUDIES[study], "report").values()
        ],
        code=code("build_report.py"),
    output:
        page="<results>/report.html",
    log:
        "<logs>/build_report.log",
    benchmark:
        "<benchmarks>/build_report.tsv"
    params:
        settings=report_settings(),
    script:
        "../scripts/build_report.py"
