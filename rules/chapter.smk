"""What the chapter's numbers are compared with: its own recipes, run again, and what rows and models of studies say.

Takes   <results>/{study}/table.parquet, and the study's models
Makes   <results>/{study}/recipe.json, <results>/{study}/facts.json
"""

from batterymi.config.slices.chapter import LookupSettings, RecipeSettings

WITH_RECIPE = [name for name, study in STUDIES.items() if study.claimed and study.claimed.recipe]
WITH_LOOKUPS = [name for name, study in STUDIES.items() if study.claimed and study.claimed.lookups]


def chapter_table(wildcards):
    """An input: the chapter's table, where it has one."""
    has_table = STUDIES[wildcards.study].table.file is not None
    return f"<results>/{wildcards.study}/table.parquet" if has_table else []


rule run_recipe:
    """Run the chapter's own recipe for a study: its estimator, split, start, bounds and number of calls."""
    input:
        table=chapter_table,
        code=code("run_recipe.py", "recipe"),
    output:
        numbers="<results>/{study}/recipe.json",
    log:
        "<logs>/run_recipe/{study}.log",
    benchmark:
        "<benchmarks>/run_recipe/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_RECIPE),
    params:
        settings=slice_of(RecipeSettings),
    script:
        "../scripts/run_recipe.py"


rule look_up_facts:
    """Look up in a study's rows, and predict by its model, what the chapter's numbers can be compared with."""
    input:
        table="<results>/{study}/table.parquet",
        metrics="<results>/{study}/surrogate/metrics.csv",
        model="<results>/{study}/surrogate/model.skops",
        code=code("look_up_facts.py", "lookup", "descriptor", "model"),
    output:
        facts="<results>/{study}/facts.json",
    log:
        "<logs>/look_up_facts/{study}.log",
    benchmark:
        "<benchmarks>/look_up_facts/{study}.tsv"
    wildcard_constraints:
        study=one_of(WITH_LOOKUPS),
    params:
        settings=slice_of(LookupSettings),
    script:
        "../scripts/look_up_facts.py"
