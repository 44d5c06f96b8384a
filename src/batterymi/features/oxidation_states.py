"""Oxidation states and electronegativities of elements as SMACT lists them (Davies 2019, doi:10.21105/joss.01361)."""

from functools import lru_cache

STATE_LISTS = {
    "icsd24": "oxidation_states_icsd24",
    "icsd16": "oxidation_states_icsd16",
    "smact14": "oxidation_states_smact14",
    "pymatgen_sp": "oxidation_states_sp",
}


@lru_cache(maxsize=1000)
def find_element_data(symbol: str, listed_in: str) -> tuple[tuple[int, ...], float] | None:
    """Find the oxidation states of an element, without zero, and its Pauling electronegativity.

    Args:
        symbol: the element.
        listed_in: key of `STATE_LISTS`.

    Returns:
        None if SMACT lacks the element, its states or its electronegativity.
    """
    from smact import Element

    try:
        element = Element(symbol)
    except KeyError:  # beyond the elements that SMACT lists
        return None
    listed = sorted({int(state) for state in getattr(element, STATE_LISTS[listed_in]) or []} - {0})
    return (tuple(listed), float(element.pauling_eneg)) if listed and element.pauling_eneg else None
