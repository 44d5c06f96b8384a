"""What cells weigh, store and cost, for the chapter's claims, and Arrhenius fits of conductivities.

Takes   sourced inputs of the package; where a run has studies on data sets, mp_electrodes and liion_database too
Makes   <results>/cell_facts.{json,csv}, <results>/conductivities.{csv,json,svg,png}, <results>/activation_energies/
"""

from batterymi.config import activation


def shared_receipt(dataset):
    """Return an input: a data set that the claims need beside those of studies, where a run reads data sets."""
    return PROJECT.receipt(dataset) if dataset in PROJECT.shared_datasets else []


def digest_shared(dataset):
    """Return a param: the digests of its files, so that content decides what runs again."""
    return PROJECT.digest_dataset(dataset, DIGESTS) if dataset in PROJECT.datasets else {}


rule compute_cell_facts:
    """Compute energies, costs and ranges of cells, each with the inputs that it rests on."""
    input:
        electrodes=shared_receipt("mp_electrodes"),
        code=list_code("compute_cell_facts.py"),
    output:
        facts="<results>/cell_facts.json",
        table="<results>/cell_facts.csv",
    log:
        "<logs>/compute_cell_facts.log",
    benchmark:
        "<benchmarks>/compute_cell_facts.tsv"
    params:
        digests=digest_shared("mp_electrodes"),
    script:
        "../scripts/compute_cell_facts.py"


rule fit_conductivities:
    """Fit activation energies of materials that one paper measured at several temperatures."""
    input:
        conductivities=PROJECT.receipt("liion_database"),
        code=list_code("fit_conductivities.py"),
    output:
        fits="<results>/conductivities.csv",
        summary="<results>/conductivities.json",
        svg=report(
            "<results>/conductivities.svg",
            caption="../report/conductivities.rst",
            category="2 Studies",
            subcategory="conductivities",
        ),
        png="<results>/conductivities.png",
    log:
        "<logs>/fit_conductivities.log",
    benchmark:
        "<benchmarks>/fit_conductivities.tsv"
    params:
        digests=digest_shared("liion_database"),
    script:
        "../scripts/fit_conductivities.py"


rule predict_activation_energies:
    """Predict activation energies from composition, for papers that a model has not seen."""
    input:
        fits="<results>/conductivities.csv",
        code=list_code(
            "predict_activation_energies.py",
            *(("descriptor", name) for name in activation.DESCRIPTORS),
            *(("model", name) for name in activation.METHOD.models),
        ),
    output:
        scores="<results>/activation_energies/scores.csv",
        predictions="<results>/activation_energies/predictions.parquet",
    log:
        "<logs>/predict_activation_energies/all.log",
    benchmark:
        "<benchmarks>/predict_activation_energies/all.tsv"
    script:
        "../scripts/predict_activation_energies.py"


rule activation_energies:
    """Show how well composition predicts the activation energy of a new paper's material."""
    input:
        "<results>/activation_energies/scores.csv",


# what the claims are compared with beside the results of studies
CALCULATED = ["<results>/cell_facts.json"]
if "liion_database" in PROJECT.shared_datasets:
    CALCULATED += ["<results>/conductivities.json", "<results>/conductivities.csv"]
