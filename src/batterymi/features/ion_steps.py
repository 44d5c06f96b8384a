"""The ions that electrodes take up, what makes two formulas an electrode, and the voltage of two formation energies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.features.electrode import IONS, split_ion
from batterymi.features.formulas import Compositions, FormulaError, parse_formulas, shorten_formula
from batterymi.vocabulary.elements import INDEX, SYMBOLS

LOWEST_V, HIGHEST_V = -5.0, 10.0  # beyond, an error of the energies is divided by a small difference of ions
FORMATION = 0  # place of the formation energy among the quantities of the pre-training
# of 4,401 electrodes of the Materials Project the smallest share is 0.007, and the steps lie between 0.007 and 149
LEAST_SHARE = 1e-6  # of an element among the atoms of a formula
MOST_ATOMS = 1e9  # of a formula as written
LEAST_STEP, MOST_STEP = 1e-3, 1e3  # ions taken up per host atom
HOST_SLACK = 0.01  # of atomic fractions, so that rounded amounts are one host
Problem = tuple[int, str, str]


@dataclass(frozen=True)
class IonStep:
    """The ions that electrodes take up.

    Attributes:
        before: working ions per host atom of the charged formula, shape (n,).
        after: of the discharged one.
        charge: of the ion.
    """

    before: Array
    after: Array
    charge: Array


def count_ions(charged: Sequence[str], discharged: Sequence[str], ion: Sequence[str]) -> IonStep:
    """Count the working ions per host atom before and after.

    Raises:
        FormulaError: if a formula cannot be read, or two are no electrode, see `find_electrode_problems`.
    """
    columns = {"charged": charged, "discharged": discharged, "ion": ion}
    for place, argument, reason in find_electrode_problems(**{name: pd.Series(v) for name, v in columns.items()}):
        what = argument if argument == "ion" else f"{argument} formula"
        raise FormulaError(f"the {what} '{shorten_formula(str(columns[argument][place]))}': {reason}")
    ions = pd.Series(ion, dtype=str)
    (empty, host_empty), (full, host_full) = (split_ion(parse_formulas(part), ions) for part in (charged, discharged))
    return IonStep(empty / host_empty, full / host_full, np.array([IONS[symbol][0] for symbol in ion], dtype=float))


def compute_voltage(step: IonStep, charged: Array, discharged: Array) -> Array:
    """Compute the mean voltage against the metal of the ion from two formation energies.

    Per host atom the discharged compound lies (1 + x) E, with x ions, below the elements, of which the metal of the ion
    is one (Aydinol et al. 1997, doi:10.1103/PhysRevB.56.1354).

    Args:
        step: the ions taken up.
        charged: formation energies of the charged formulas, eV/atom, shape (..., n).
        discharged: of the discharged formulas.

    Returns:
        V, cut off at `LOWEST_V` and `HIGHEST_V`; NaN where an energy is unknown.
    """
    released = (1 + step.before) * charged - (1 + step.after) * discharged
    voltage: Array = np.clip(released / ((step.after - step.before) * step.charge), LOWEST_V, HIGHEST_V)
    return voltage


def find_electrode_problems(*, charged: pd.Series, discharged: pd.Series, ion: pd.Series) -> Iterator[Problem]:
    """Yield what is wrong with rows that are no electrode: place, argument and reason, of each row the first.

    Args:
        charged: formulas with few or no working ions.
        discharged: formulas of the same hosts with more.
        ion: the working ion, one of `IONS`.

    Raises:
        FormulaError: if a formula cannot be read.
    """
    sides = [_list_amounts(parse_formulas(map(str, part))) for part in (charged, discharged)]
    for place, (symbol, first, before, after) in enumerate(zip(ion, charged, *sides, strict=True)):
        if symbol not in IONS:
            yield place, "ion", f"no working ion that is known; these are: {', '.join(IONS)}"
        elif problem := _find_problem(str(symbol), str(first), before, after):
            yield place, *problem


def find_host_problems(*, formula: pd.Series, ion: pd.Series) -> Iterator[Problem]:
    """Yield the rows whose ion is no element: place, argument and reason."""
    for place, symbol in enumerate(ion):
        if symbol not in INDEX:
            yield place, "ion", "no element; give the working ion as its symbol, as Na"


def _list_amounts(compositions: Compositions) -> list[dict[str, float]]:
    """Return the amounts of each formula by symbol."""
    symbols = [SYMBOLS[element] for element in compositions.elements.tolist()]
    amounts, ends = compositions.amounts.tolist(), [*compositions.starts.tolist()[1:], len(symbols)]
    return [
        dict(zip(symbols[start:end], amounts[start:end], strict=True))
        for start, end in zip(compositions.starts.tolist(), ends, strict=True)
    ]


def _find_problem(
    ion: str, charged: str, before: Mapping[str, float], after: Mapping[str, float]
) -> tuple[str, str] | None:
    """Return the argument and the reason why two formulas are no electrode; None if they are one."""
    for argument, amounts in (("charged", before), ("discharged", after)):
        total = sum(amounts.values())
        # negated comparisons, so that NaN is refused
        if not 1 / MOST_ATOMS <= total <= MOST_ATOMS:
            return argument, f"its amounts add up to {total:.3g} atoms; write it with some atoms of each element"
        least = min(amounts, key=lambda symbol: amounts[symbol])
        if not amounts[least] / total >= LEAST_SHARE:
            return argument, f"{least} is {amounts[least] / total:.1g} of its atoms, which is next to nothing"
        if set(amounts) == {ion}:
            return argument, f"holds nothing but {ion}, and no host"
    hosts = [{symbol: n for symbol, n in side.items() if symbol != ion} for side in (before, after)]
    sizes = [sum(host.values()) for host in hosts]
    shares = [{symbol: n / size for symbol, n in host.items()} for host, size in zip(hosts, sizes, strict=True)]
    if any(abs(shares[0].get(symbol, 0) - shares[1].get(symbol, 0)) > HOST_SLACK for symbol in {*hosts[0], *hosts[1]}):
        return "discharged", f"its host, all but {ion}, is not that of the charged formula '{charged}'"
    step = after.get(ion, 0.0) / sizes[1] - before.get(ion, 0.0) / sizes[0]
    if not step > 0:
        return "discharged", f"holds no more {ion} than the charged formula '{charged}', so it has no voltage"
    if not LEAST_STEP <= step <= MOST_STEP:
        return "discharged", (
            f"takes up {step:.1g} {ion} per host atom; an electrode takes up {LEAST_STEP:g} to {MOST_STEP:g}"
        )
    return None
