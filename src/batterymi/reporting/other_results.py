"""Results that belong to no study, and that claims are compared with where they are there: folders, files, rules."""

RUN = "results"  # in pointers, the folder of all results; a plain run makes these
OTHER_RESULTS: dict[str, dict[str, str]] = {
    "arena": {"claims.csv": "check_arena_claims"},
    RUN: {
        "cell_facts.json": "compute_cell_facts",
        "conductivities.csv": "fit_conductivities",
        "conductivities.json": "fit_conductivities",
    },
}
