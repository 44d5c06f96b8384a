"""Which model for how many rows, on subsamples of the studies on data sets.

Takes   <results>/{study}/table.parquet
Makes   <results>/{study}/methods/, <results>/methods/
"""

from batterymi.config.slices.methods import MODELS, MethodSettings

ON_DATA = [name for name, study in STUDIES.items() if study.table.dataset]


def methods_code(wildcards):
    """An input: code of the stage, of the study's descriptors, and of every model that is compared."""
    lookups = STUDIES[wildcards.study].list_lookups("descriptor")
    return list_code("compare_methods.py", *lookups, *(("model", name) for name in MODELS))


rule compare_methods:
    """Measure every model on subsamples of a study's rows."""
    input:
        table="<results>/{study}/table.parquet",
        code=methods_code,
    output:
        measured="<results>/{study}/methods/sizes.csv",
    log:
        "<logs>/compare_methods/{study}.log",
    benchmark:
        "<benchmarks>/compare_methods/{study}.tsv"
    wildcard_constraints:
        study=one_of(ON_DATA),
    params:
        settings=slice_of(MethodSettings),
    script:
        "../scripts/compare_methods.py"


rule gather_methods:
    """Compare models over the number of rows."""
    input:
        measured=expand("<results>/{study}/methods/sizes.csv", study=ON_DATA),
        code=code("gather_methods.py"),
    output:
        compared="<results>/methods/by_study.csv",
        ranked="<results>/methods/by_rows.csv",
        report="<results>/methods/report.json",
        svg=report(
            "<results>/methods/methods.svg", caption="../report/figures.rst", category="1 Overview"
        ),
        png="<results>/methods/methods.png",
    log:
        "<logs>/gather_methods/all.log",
    benchmark:
        "<benchmarks>/gather_methods/all.tsv"
    script:
        "../scripts/gather_methods.py"


rule methods:
    """Show which model learns best from how many rows; needs the studies on data sets."""
    input:
        "<results>/methods/by_rows.csv",
