"""battery-mi: battery materials-informatics studies from raw data to one summary.

snakemake                      every study of config/config.yaml, then the summary, the claims and the report
snakemake solid_electrolytes   one study
snakemake summary              the summary table alone, with its inputs
snakemake closed_loop          gain of adaptive choice in rounds of fast-charging tests
snakemake charging_arena       who charges fastest within all limits on the reference model; one to two hours
snakemake screens              candidate compositions, scored in shards and passed through gates
snakemake stability            windows and reactions of all Li compositions from formation energies; needs mp_compositions
snakemake fidelities           gain by cheaper evaluations, where a study declares them
snakemake exercises            the chapter's five exercises, answered with what the studies found
snakemake structures           what models gain by crystal structures, over several partitions
snakemake electrode_graphs     what voltages gain by bonds of the structure, and by a graph network
snakemake structure_types      whether transfer from Li to Na gains within structure types and across them
snakemake nasicon              how well composition predicts which NASICON compositions form
snakemake activation_energies  how well composition predicts activation energies of new papers
snakemake barriers             how well the path of an ion predicts its migration barrier; needs migration_barriers
snakemake computed_sets        what models of conductivities gain by computed sets; needs mp_compositions, ionnet, barriers
snakemake transfer_curve       what a network over formulas adds to transfer, over partitions and draws; needs mp_compositions
snakemake pretrained           the encoders of formulas that the package ships, from the start; 12 min
snakemake methods              which model for how many rows, on the studies on data sets
snakemake -n                   what would run, and why
batterymi status               what is done, runs, or has failed, and where its log is
"""

import sys

from batterymi.workflow.failures import record_failures, show_failures
from batterymi.workflow.interrupt import catch_signals, end_on_signals
from batterymi.workflow.launch import list_own_rules, report_changes, report_rows, skip_grammars
from batterymi.workflow.module import adopt_handlers
from batterymi.workflow.reasons import describe_reasons
from batterymi.workflow.run_progress import follow_run

skip_grammars()
if workflow.exec_mode == workflow.exec_mode.DEFAULT:  # not the process of a single job
    end_on_signals()
    describe_reasons()
    # Ctrl-C reaches jobs that are still importing, too; this process ends them, without a traceback of each
    shell.prefix("set -euo pipefail; trap '' INT; ")
FAILURES = record_failures()


configfile: "config/config.yaml"


pathvars:
    results="results",
    logs="logs",
    benchmarks="logs/benchmarks",


include: "rules/common.smk"
include: "rules/arena_inputs.smk"
include: "rules/data.smk"
include: "rules/surrogate.smk"
include: "rules/campaign.smk"
include: "rules/charging.smk"
include: "rules/fidelity.smk"
include: "rules/closed_loop.smk"
include: "rules/agents.smk"
include: "rules/arena.smk"
include: "rules/measured.smk"
include: "rules/methods.smk"
include: "rules/structures.smk"
include: "rules/screen.smk"
include: "rules/chapter.smk"
include: "rules/figures.smk"
include: "rules/costing.smk"
include: "rules/barriers.smk"
include: "rules/computed_sets.smk"
include: "rules/electrodes.smk"
include: "rules/formula_net.smk"
include: "rules/stability.smk"
include: "rules/hull_distances.smk"
include: "rules/report.smk"
include: "rules/summary.smk"
include: "rules/exercises.smk"


# on a cluster, these stay on the login node: nodes often have no network, and the others take seconds
localrules:
    fetch_dataset,
    cite_datasets,
    summarise_study,
    build_summary,
    build_report,
    write_manifest,


rule all:
    """Make the report, the summary, the claims and every figure of the studies that config/config.yaml names."""
    default_target: True
    input:
        rules.build_report.output,
        rules.build_summary.output,
        CLAIMS,
        rules.cite_datasets.output,
        expand("<results>/{study}/figures/index.json", study=PROJECT.selected),
        expand("<results>/{study}/screen/funnel.svg", study=PROJECT.screened),
        rules.write_manifest.output,


for study in [*STUDIES, *PROJECT.rejected]:

    rule:
        name:
            study
        input:
            f"<results>/{study}/summary.json",
            f"<results>/{study}/figures/index.json",
            f"<results>/{study}/screen/funnel.svg" if study in SCREENED else [],


if problems := find_target_problems(
    read_options().targets or [],
    [*STUDIES, *PROJECT.rejected],
    [*(rule.name for rule in workflow.rules), *list_own_rules(workflow.main_snakefile)],
):
    stop(problems)
if IS_FIRST and not makes_nothing(read_options()):
    take_folders(PROJECT.folder("results"))
    follow_run(Path(PROJECT.folder("benchmarks")), shows=sys.stderr.isatty())


onstart:
    catch_signals()
    if KEEPS_GOING:  # a study whose YAML is wrong fails as a job, and stops no other
        workflow.scheduler.keepgoing = True


onsuccess:
    report_rows(PROJECT)
    report_changes(DIGESTS)


onerror:
    report_rows(PROJECT)
    report_changes(DIGESTS)
    show_failures(FAILURES.list_failures())


adopt_handlers(workflow, globals())
