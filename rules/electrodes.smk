"""What structures say of voltages, and which NASICON compositions form: targets of their own.

Takes   the data sets mp_li_electrode_graphs, mp_electrodes, nasicon_ehull, mp_structures and mp20_mini, from a mirror or the
        network; <results>/sodium_ion_measured/
Makes   <results>/electrode_graphs/, <results>/nasicon/, <results>/structure_types/

Each partition is a job of its own where networks are trained, so that an interrupted run goes on with the others.
"""

from batterymi.config import bonds, nasicon


rule compare_bonds:
    """Predict voltages with and without bonds of the discharged structure, by one random partition into folds."""
    input:
        graphs=PROJECT.receipt("mp_li_electrode_graphs"),
        electrodes=PROJECT.receipt("mp_electrodes"),
        code=list_code(
            "compare_bonds.py",
            *(("descriptor", name) for name in ("electrode", "host_magpie", "magpie")),
            *(("model", name) for name in (*bonds.METHOD.models, bonds.NETWORK)),
        ),
    output:
        predictions="<results>/electrode_graphs/{kind}/{partition}.parquet",
        times="<results>/electrode_graphs/{kind}/{partition}.json",
    log:
        "<logs>/compare_bonds/{kind}-{partition}.log",
    benchmark:
        "<benchmarks>/compare_bonds/{kind}-{partition}.tsv"
    wildcard_constraints:
        kind=one_of(bonds.KINDS),
        partition=r"[1-9]\d*",
    script:
        "../scripts/compare_bonds.py"


def bond_results(kind, ending):
    """Return inputs: what the jobs of the partitions write."""
    numbers = range(1, bonds.PARTITIONS + 1)
    return [f"<results>/electrode_graphs/{kind}/{n}.{ending}" for n in numbers]


rule gather_bonds:
    """Score what voltages gain by bonds of the structure, over all partitions."""
    input:
        trees=bond_results("trees", "parquet"),
        network=bond_results("network", "parquet"),
        control=bond_results("control", "parquet"),
        times=[path for kind in bonds.KINDS for path in bond_results(kind, "json")],
        code=list_code("gather_bonds.py"),
    output:
        gains="<results>/electrode_graphs/gains.csv",
        report="<results>/electrode_graphs/report.json",
    log:
        "<logs>/gather_bonds/all.log",
    benchmark:
        "<benchmarks>/gather_bonds/all.tsv"
    script:
        "../scripts/gather_bonds.py"


rule predict_hull_distances:
    """Predict distances from the hull of NASICON compositions whose cations no model has seen together."""
    input:
        source=PROJECT.receipt("nasicon_ehull"),
        code=list_code(
            "predict_hull_distances.py",
            *(("descriptor", name) for name in nasicon.DESCRIPTORS),
            *(("model", name) for name in nasicon.METHOD.models),
        ),
    output:
        scores="<results>/nasicon/scores.csv",
        predictions="<results>/nasicon/predictions.parquet",
        report="<results>/nasicon/report.json",
    log:
        "<logs>/predict_hull_distances/all.log",
    benchmark:
        "<benchmarks>/predict_hull_distances/all.tsv"
    script:
        "../scripts/predict_hull_distances.py"


rule type_structures:
    """Label the structures of electrodes by their type, and score transfer within and across types."""
    input:
        table="<results>/sodium_ion_measured/table.parquet",
        large=PROJECT.receipt("mp_structures"),
        small=PROJECT.receipt("mp20_mini"),
        predictions="<results>/sodium_ion_measured/transfer/predictions.parquet",
        code=list_code("type_structures.py"),
    output:
        types="<results>/structure_types/types.csv",
        gains="<results>/structure_types/gains.csv",
        report="<results>/structure_types/report.json",
    log:
        "<logs>/type_structures/all.log",
    benchmark:
        "<benchmarks>/type_structures/all.tsv"
    script:
        "../scripts/type_structures.py"


rule electrode_graphs:
    """Show what voltages of Li electrodes gain by bonds of the discharged structure."""
    input:
        "<results>/electrode_graphs/gains.csv",


rule structure_types:
    """Show whether transfer from Li to Na gains within structure types and across them."""
    input:
        "<results>/structure_types/gains.csv",


rule nasicon:
    """Show how well composition predicts which NASICON compositions form."""
    input:
        "<results>/nasicon/scores.csv",
