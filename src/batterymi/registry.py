"""Registry of objects that settings look up by name.

Each entry maps a name used in a study's YAML to `module:attribute`. Modules are imported only when
their name is used, and `find_modules` tells the workflow which files a name refers to, so that editing one of them
reruns just the studies that use it.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from batterymi.spelling import did_you_mean

REGISTRY: dict[str, dict[str, str]] = {
    "engine": {
        "gaussian_process": "batterymi.optimise.engines.gaussian_process:propose_designs",
        "botorch": "batterymi.optimise.engines.botorch_engine:propose_designs",
        "scikit-optimize": "batterymi.optimise.engines.skopt_engine:propose_designs",
        "enumerate": "batterymi.optimise.engines.enumerate:propose_designs",
        "sobol": "batterymi.optimise.engines.random_search:propose_sobol",
        "random": "batterymi.optimise.engines.random_search:propose_random",
    },
    "evaluator": {
        "surrogate": "batterymi.evaluators.surrogate:SurrogateEvaluator",
        "ncm_formulas": "batterymi.evaluators.ncm_formulas:NcmFormulas",
        "charging": "batterymi.evaluators.charging:ChargingEvaluator",
        "electrolyte": "batterymi.evaluators.electrolyte:ElectrolyteEvaluator",
    },
    "loader": {
        "obelix": "batterymi.data.loaders.obelix:load_rows",
        "liion_database": "batterymi.data.loaders.liion_database:load_rows",
        "lis_adsorption": "batterymi.data.loaders.lis_adsorption:load_rows",
        "severson_cycle_life": "batterymi.data.loaders.severson_cycle_life:load_rows",
        "mp_electrodes": "batterymi.data.loaders.mp_electrodes:load_rows",
    },
    "converter": {"units": "batterymi.vocabulary.unit_table:convert_units"},
    "derivation": {"li_electrode_graphs": "batterymi.data.derivations.li_electrode_graphs:derive_graphs"},
    "candidates": {"lis_adsorption": "batterymi.data.loaders.lis_adsorption:load_candidates"},
    "model": {
        "dummy": "batterymi.surrogates.families.plain:Dummy",
        "ridge": "batterymi.surrogates.families.plain:Ridge",
        "nearest_neighbour": "batterymi.surrogates.families.plain:NearestNeighbour",
        "nearest_composition": "batterymi.surrogates.families.composition:NearestComposition",
        "gaussian_process": "batterymi.surrogates.families.kernels:GaussianProcess",
        "support_vector": "batterymi.surrogates.families.kernels:SupportVector",
        "random_forest": "batterymi.surrogates.families.trees:RandomForest",
        "extra_trees": "batterymi.surrogates.families.trees:ExtraTrees",
        "gradient_boosting": "batterymi.surrogates.families.trees:GradientBoosting",
        "histogram_boosting": "batterymi.surrogates.families.trees:HistogramBoosting",
        "blend": "batterymi.surrogates.families.blend:Blend",
        "graph_net": "batterymi.surrogates.families.graph_net:GraphNet",
    },
    "descriptor": {
        "magpie": "batterymi.features.descriptors:compute_magpie",
        "element_fractions": "batterymi.features.descriptors:compute_fractions",
        "lattice": "batterymi.features.lattice:compute_lattice_descriptors",
        "electrode": "batterymi.features.electrode:compute_electrode_descriptors",
        "structure": "batterymi.features.structures:compute_structure_descriptors",
        "occupancy": "batterymi.features.occupancy:compute_occupancy_descriptors",
        "site_graph": "batterymi.features.site_graphs:list_site_graphs",
        "host_magpie": "batterymi.features.electrode:compute_host_magpie",
        "formula_net": "batterymi.features.formula_net:compute_formula_net",
    },
    # of descriptors by name: which rows they have nothing for
    "row_check": {
        "electrode": "batterymi.features.ion_steps:find_electrode_problems",
        "host_magpie": "batterymi.features.ion_steps:find_host_problems",
        "formula_net": "batterymi.features.formula_net:find_unfit_electrodes",
    },
    "constraint": {"sulfur_fits_pores": "batterymi.features.pores:compute_sulfur_margin"},
    "cell": {
        "power_cell": "batterymi.charging.cells:POWER_CELL",
        "Marquis2019": "batterymi.charging.cells:MARQUIS2019",
        "Chen2020": "batterymi.charging.cells:CHEN2020",
        "Ai2020": "batterymi.charging.cells:AI2020",
        "OKane2022": "batterymi.charging.cells:OKANE2022",
    },
    "recipe": {
        "fast_charging": "batterymi.chapter.fast_charging:run_recipe",
        "lithium_sulfur": "batterymi.chapter.lithium_sulfur:run_recipe",
        "ncm_cathodes": "batterymi.chapter.ncm_cathodes:run_recipe",
        "sodium_ion": "batterymi.chapter.sodium_ion:run_recipe",
        "solid_electrolytes": "batterymi.chapter.solid_electrolytes:run_recipe",
    },
    "lookup": {
        "conductivities": "batterymi.chapter.conductivities:look_up_facts",
        "cycle_lives": "batterymi.chapter.cycle_lives:look_up_facts",
        "sodium_electrodes": "batterymi.chapter.sodium_electrodes:look_up_facts",
    },
    "figure": {
        "official_test": "batterymi.figures.official_test:plot_official_test",
        "policies": "batterymi.figures.policies:plot_policies",
        "energy": "batterymi.figures.energy:plot_energy",
        "transfer": "batterymi.figures.transfer:plot_transfer",
        "overview": "batterymi.figures.overview:plot_overview",
        "conductivity": "batterymi.figures.conductivity:plot_conductivity",
        "carbon_host": "batterymi.figures.carbon_host:plot_carbon_host",
        "charging": "batterymi.figures.charging:plot_charging",
        "ternary": "batterymi.figures.ternary:plot_ternary",
        "capacity_voltage": "batterymi.figures.capacity_voltage:plot_capacity_voltage",
    },
}

BASELINES = ("dummy", "ridge")  # models that every comparison holds


def list_names(kind: str) -> list[str]:
    """Return all names of one kind."""
    return sorted(REGISTRY[kind])


def find_module(kind: str, name: str) -> str:
    """Return the dotted name of the module of a registered name.

    Raises:
        KeyError: if there is no such name; the message suggests one.
    """
    known = REGISTRY[kind]
    if name not in known:
        raise KeyError(f"'{name}' is not a known {kind}; {did_you_mean(name, known)}")
    return known[name].partition(":")[0]


def find_modules(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the modules behind several (kind, name) pairs, without repeats."""
    return sorted({find_module(kind, name) for kind, name in pairs})


def look_up(kind: str, name: str) -> Any:
    """Import and return the object registered under a name.

    Raises:
        KeyError: if there is no such name; the message suggests one.
    """
    # imported on demand, since BoTorch takes five seconds to import
    module = import_module(find_module(kind, name))
    return getattr(module, REGISTRY[kind][name].partition(":")[2])
