"""The chapter's exercises, answered with what the studies of this run found.

Takes   tables, scores and transfer of the studies that the exercises are about
Makes   <results>/exercises/
"""

from batterymi.config.slices.exercises import ConductorSettings, ExerciseSettings

EXERCISE_FILES = {
    "conductors": ("solid_electrolytes_measured", "table.parquet"),
    "hosts": ("lithium_sulfur", "table.parquet"),
    "host_importances": ("lithium_sulfur", "surrogate/importances.csv"),
    "host_metrics": ("lithium_sulfur", "surrogate/metrics.csv"),
    "charges": ("fast_charging", "table.parquet"),
    "transfer": ("sodium_ion_measured", "transfer/transfer.json"),
}


def exercise_settings(wildcards):
    """A param: what the answers need to know of the studies that are in this run."""
    known = {name: STUDIES.get(study) for name, (study, _) in EXERCISE_FILES.items()}
    electrolytes, hosts, charges = known["conductors"], known["hosts"], known["charges"]
    return ExerciseSettings(
        conductors=electrolytes and ConductorSettings.take_from(electrolytes),
        hosts=hosts and hosts.constraints,
        charges=charges and charges.objectives,
    ).model_dump(mode="json")


def exercise_code(wildcards):
    """An input: code of the stage, and of the electrolytes' descriptors."""
    study = STUDIES.get(EXERCISE_FILES["conductors"][0])
    return list_code("answer_exercises.py", *(study.list_lookups("descriptor") if study else ()))


rule answer_exercises:
    """Answer the chapter's five exercises."""
    input:
        **{
            name: f"<results>/{study}/{path}"
            for name, (study, path) in EXERCISE_FILES.items()
            if study in STUDIES
        },
        code=exercise_code,
    output:
        answers="<results>/exercises/answers.json",
        markdown="<results>/exercises/answers.md",
        page="<results>/exercises/answers.html",
    log:
        "<logs>/answer_exercises/all.log",
    benchmark:
        "<benchmarks>/answer_exercises/all.tsv"
    params:
        settings=exercise_settings,
    script:
        "../scripts/answer_exercises.py"


rule exercises:
    """Answer the chapter's five exercises."""
    input:
        "<results>/exercises/answers.html",
