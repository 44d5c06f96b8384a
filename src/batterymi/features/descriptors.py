"""Descriptors that a study's YAML can name: features computed from columns of its table.

Each function takes the columns that the YAML gives it as keyword arguments, and returns a frame of numbers with the
same index, one column per feature.
"""

import inspect
from collections.abc import Callable, Sequence

import pandas as pd

from batterymi import registry
from batterymi.config.parts import Descriptor
from batterymi.errors import ConfigError
from batterymi.features.composition import (
    compute_element_fractions,
    compute_magpie_features,
    list_fraction_labels,
    list_magpie_labels,
)
from batterymi.features.formulas import parse_formulas


def compute_descriptors(rows: pd.DataFrame, descriptors: Sequence[Descriptor]) -> dict[str, pd.DataFrame]:
    """Compute all descriptors of a study for some rows.

    Args:
        rows: a table, or candidates with the columns that the descriptors need.
        descriptors: their settings.

    Returns:
        By name of the descriptor, a frame whose columns begin with that name.
    """
    computed = {}
    for descriptor in descriptors:
        function = registry.look_up("descriptor", descriptor.function)
        _check_arguments(function, descriptor)
        frame = function(**{argument: rows[column] for argument, column in descriptor.columns.items()})
        # by the prefix a column is traced to its descriptor, and two of one function stay distinct
        computed[descriptor.name] = frame.add_prefix(f"{descriptor.name}: ")
    return computed


def _check_arguments(function: Callable[..., pd.DataFrame], descriptor: Descriptor) -> None:
    """Refuse columns that the function has no argument for, or lacks.

    Raises:
        ConfigError: which names the arguments.
    """
    known = inspect.signature(function).parameters
    needed = {name for name, parameter in known.items() if parameter.default is parameter.empty}
    if set(descriptor.columns) - set(known) or needed - set(descriptor.columns):
        found = ", ".join(descriptor.columns)
        raise ConfigError(
            [f"descriptors: {descriptor.name}: columns: found {found}; {descriptor.function} takes {', '.join(known)}"]
        )


def compute_magpie(*, formula: pd.Series) -> pd.DataFrame:
    """Compute Magpie's 132 statistics of 22 properties of the elements, see `compute_magpie_features`.

    Minimum, maximum, range, mean, average deviation and mode, weighted by amount (Ward et al. 2016,
    doi:10.1038/npjcompumats.2016.28); as matminer's preset "magpie" (Ward et al. 2018,
    doi:10.1016/j.commatsci.2018.05.018).

    Args:
        formula: formulas.
    """
    return pd.DataFrame(compute_magpie_features(parse_formulas(formula)), formula.index, list_magpie_labels())


def compute_fractions(*, formula: pd.Series) -> pd.DataFrame:
    """Compute the atomic fraction of each element from hydrogen to lawrencium, see `compute_element_fractions`.

    Args:
        formula: formulas.
    """
    return pd.DataFrame(compute_element_fractions(parse_formulas(formula)), formula.index, list_fraction_labels())
