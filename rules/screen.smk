"""Score candidate compositions in shards: scatter, score, gather.

Takes   <results>/{study}/table.parquet, the study's models, and a source of candidates
Makes   <results>/{study}/screen/: candidates and scores in shards, the best of them, and the funnel

The number of shards changes no result: `snakemake --set-scatter screen=64`.
"""

from batterymi.config.slices.screening import (
    FunnelSettings,
    GatheringSettings,
    ListingSettings,
    ScoringSettings,
)
from batterymi.config.slices.stability import AssessmentSettings

SCREENED = [name for name, study in STUDIES.items() if study.screen]


def screen_source(wildcards):
    """What a screen reads: the receipt of its data set, its file, or nothing.

    A file that is missing is left to the job, so that the other studies still run.
    """
    source = STUDIES[wildcards.study].screen.source
    if source.dataset:
        return PROJECT.receipt(source.dataset)
    file = getattr(source, "file", None)
    return file if file and Path(file).exists() else []


def digest_candidates(wildcards):
    """A param: digests of the files that candidates come from, so that content decides what runs again."""
    source = STUDIES[wildcards.study].screen.source
    if source.dataset:
        return PROJECT.digest_dataset(source.dataset, DIGESTS)
    file = getattr(source, "file", None)
    return {file: DIGESTS[file]} if file else {}


def screen_stability(wildcards):
    """An input: quick numbers of all formulas, if a gate of the screen uses windows or reactions."""
    if not STUDIES[wildcards.study].screen.needs_stability:
        return []
    return gather.stability("<results>/stability/assessed/{scatteritem}.parquet")


def slow_phases(wildcards):
    """An input: formation energies of phases, if a gate uses numbers that are computed for candidates past others."""
    slow = STUDIES[wildcards.study].screen.slow_columns
    return "<results>/stability/phases.parquet" if slow else []


def scoring_settings(wildcards):
    """A param: what is predicted, from what, and the gates, with the draws of energies where gates use such numbers."""
    study = STUDIES[wildcards.study]
    draws = AssessmentSettings.take_from(CONFIG.stability) if study.screen.slow_columns else None
    return ScoringSettings.dump_from(study, stability=draws)


def screen_phases(wildcards):
    """An input: formation energies of phases, which the listed candidates compete with."""
    needs_phases = STUDIES[wildcards.study].screen.needs_phases
    return "<results>/stability/phases.parquet" if needs_phases else []


def screen_elsewhere(wildcards):
    """An input: the receipt of the data set in which listed candidates are looked up."""
    name = STUDIES[wildcards.study].screen.measured_elsewhere
    return PROJECT.receipt(name) if name else []


def digest_elsewhere(wildcards):
    """A param: digests of its files, so that content decides what runs again."""
    name = STUDIES[wildcards.study].screen.measured_elsewhere
    return PROJECT.digest_dataset(name, DIGESTS) if name else {}


scattergather:
    screen=4,


rule list_candidates:
    """List all candidates of a source, in blocks dealt to the shards."""
    input:
        source=screen_source,
        stability=screen_stability,
        code=code("list_candidates.py", "candidates"),
    output:
        shards=scatter.screen("<results>/{{study}}/screen/candidates/{scatteritem}.parquet"),
        listing="<results>/{study}/screen/candidates.json",
    log:
        "<logs>/list_candidates/{study}.log",
    benchmark:
        "<benchmarks>/list_candidates/{study}.tsv"
    wildcard_constraints:
        study=one_of(SCREENED),
    params:
        settings=slice_of(ListingSettings),
        digests=digest_candidates,
    script:
        "../scripts/list_candidates.py"


rule score_candidates:
    """Predict every candidate of a shard that passes the gates before the model."""
    input:
        candidates="<results>/{study}/screen/candidates/{scatteritem}.parquet",
        table="<results>/{study}/table.parquet",
        model="<results>/{study}/surrogate/model.skops",
        predictions="<results>/{study}/surrogate/predictions.parquet",
        phases=slow_phases,
        code=code("score_candidates.py", "descriptor", "model"),
    output:
        scored="<results>/{study}/screen/scored/{scatteritem}.parquet",
        report="<results>/{study}/screen/scored/{scatteritem}.json",
    log:
        "<logs>/score_candidates/{study}/{scatteritem}.log",
    benchmark:
        "<benchmarks>/score_candidates/{study}/{scatteritem}.tsv"
    wildcard_constraints:
        study=one_of(SCREENED),
    params:
        settings=scoring_settings,
    script:
        "../scripts/score_candidates.py"


rule gather_screen:
    """Merge the best of all shards exactly, and count the candidates that passed each gate."""
    input:
        scored=gather.screen("<results>/{{study}}/screen/scored/{scatteritem}.parquet"),
        reports=gather.screen("<results>/{{study}}/screen/scored/{scatteritem}.json"),
        listing="<results>/{study}/screen/candidates.json",
        table="<results>/{study}/table.parquet",
        metrics="<results>/{study}/surrogate/metrics.csv",
        phases=screen_phases,
        elsewhere=screen_elsewhere,
        code=list_code("gather_screen.py"),
    output:
        top="<results>/{study}/screen/top.csv",
        unknown="<results>/{study}/screen/unknown.csv",
        report="<results>/{study}/screen/report.json",
    log:
        "<logs>/gather_screen/{study}.log",
    benchmark:
        "<benchmarks>/gather_screen/{study}.tsv"
    wildcard_constraints:
        study=one_of(SCREENED),
    params:
        settings=slice_of(GatheringSettings),
        stability=AssessmentSettings.dump_from(CONFIG.stability),
        digests=digest_elsewhere,
    script:
        "../scripts/gather_screen.py"


rule plot_screen:
    """Draw the funnel, and the best candidates with their intervals."""
    input:
        top="<results>/{study}/screen/top.csv",
        report="<results>/{study}/screen/report.json",
        code=list_code("plot_screen.py"),
    output:
        svg=report(
            "<results>/{study}/screen/funnel.svg",
            caption="../report/screen.rst",
            category="2 Studies",
            subcategory="{study}",
        ),
        png="<results>/{study}/screen/funnel.png",
    log:
        "<logs>/plot_screen/{study}.log",
    benchmark:
        "<benchmarks>/plot_screen/{study}.tsv"
    wildcard_constraints:
        study=one_of(SCREENED),
    params:
        settings=slice_of(FunnelSettings),
    script:
        "../scripts/plot_screen.py"


rule screens:
    """Run every screen of candidate compositions that a study declares."""
    input:
        expand("<results>/{study}/screen/funnel.svg", study=SCREENED),
