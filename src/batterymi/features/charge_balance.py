"""Whether the charges of a formula can balance: a quick check that finds typing errors, not a theory of bonding.

The ranges of oxidation states are those of pymatgen (common ones, and those found in the ICSD; Ong et al. 2013,
doi:10.1016/j.commatsci.2012.10.028). A mean state within the range counts as possible, since real compounds have mixed
valences.
"""

from collections.abc import Mapping

FAR = 0.1  # of all positive charge: imbalances of real compositions, rounded and with vacancies, are smaller
EXACT = 0.004  # within rounding of amounts
RANGES = {
    (-4, 4): "C Si Ge Sn",
    (-3, 3): "B",
    (-3, 5): "N P As Sb",
    (-2, 6): "S Se Te",
    (-1, 7): "Cl Br I",
    (-2, -2): "O",
    (-1, -1): "F",
    (-1, 1): "H At",
    (1, 1): "Li Na K Rb Cs Fr",
    (1, 2): "Hg",
    (1, 3): "Cu Ag In Tl",
    (1, 4): "Co Ni",
    (1, 5): "Bi",
    (2, 2): "Be Mg Ca Sr Ba Zn Cd Ra",
    (2, 3): "Sc Sm Eu Yb Nd Ga La",
    (2, 4): "Fe Ti Zr Pd Pt Pb Kr",
    (2, 5): "V Nb",
    (2, 6): "Cr Mo W Ru Xe",
    (2, 7): "Mn",
    (3, 3): "Al Y Pm Gd Dy Ho Er Tm Lu Au Ac Am Cm Bk Cf Es Fm Md No Lr",
    (3, 4): "Ce Pr Tb Rh",
    (3, 5): "Ta Ir",
    (3, 6): "U",
    (3, 7): "Re",
    (4, 4): "Hf Th Os",
    (4, 7): "Tc",
    (5, 5): "Pa Np",
}
STATES = {symbol: span for span, symbols in RANGES.items() for symbol in symbols.split()}
# the states of elements that are anions in one compound and centres of polyanions in another, without what lies between
COMMON = {"N": (-3, 3, 5), "P": (-3, 3, 5), "As": (-3, 3, 5), "Sb": (-3, 3, 5), "C": (-4, 2, 3, 4), "Si": (-4, 4)}
COMMON |= {"S": (-2, 4, 6), "Se": (-2, 4, 6), "Te": (-2, 4, 6), "Cl": (-1, 3, 5, 7), "Br": (-1, 5), "I": (-1, 5, 7)}
COMMON |= {"B": (3,), "H": (-1, 1), "Ge": (2, 4), "Sn": (2, 4)}
STRONGEST = ("F", "O")  # that oxidise all others
HALOGENS, CHALCOGENS = ("Cl", "Br", "I"), ("S", "Se", "Te")
ANIONS = frozenset(("O", "F", "N", *HALOGENS, *CHALCOGENS))
ALKALINE = frozenset(["Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "H"])


def is_complete(symbols: Mapping[str, float] | frozenset[str] | set[str]) -> bool:
    """Return whether elements can make up a compound by themselves: an anion, and something else than hydrogen."""
    found = set(symbols)
    return bool(found & ANIONS) and bool(found - ANIONS - {"H"})


def compute_imbalance(amounts: Mapping[str, float]) -> float:
    """Compute how far charges are from balance with the most favourable oxidation states.

    Args:
        amounts: of each element.

    Returns:
        The charge that is left, over all positive or all negative charge, whichever is more; 0 where charges can
        balance, and for an element by itself.
    """
    if len(amounts) < 2:
        return 0.0
    low = high = total = 0.0
    for symbol, amount in amounts.items():
        least, most = _find_range(symbol, amounts)
        low, high = low + amount * least, high + amount * most
        total += amount * max(abs(least), abs(most))
    left = max(low, -high, 0.0)
    return 2 * left / total if total else 0.0


def is_neutral(amounts: Mapping[str, float]) -> bool:
    """Return whether charges balance but for rounding, with common oxidation states."""
    if len(amounts) < 2 or compute_imbalance(amounts) > EXACT:
        return False
    fixed = [(amount, COMMON[symbol]) for symbol, amount in amounts.items() if symbol in COMMON]
    ranges = [(a, *_find_range(s, amounts)) for s, a in amounts.items() if s not in COMMON]
    low, high = (sum(amount * span[side] for amount, *span in ranges) for side in (0, 1))
    sums = {0.0}
    for amount, states in fixed:
        sums = {total + amount * state for total in sums for state in states}
    slack = EXACT * sum(amounts.values())
    return any(low - slack <= -total <= high + slack for total in sums)


def describe_imbalance(amounts: Mapping[str, float]) -> str:
    """Return what is odd about the charges of a formula, an empty text if nothing is."""
    if len(amounts) < 2 or compute_imbalance(amounts) <= FAR:
        return ""
    if not set(amounts) & (ANIONS | {"H", "P", "As", "C", "Si", "Ge", "Sn", "Sb"}):
        return "no element in it can be the anion, so that its charges do not balance"
    return "its charges do not balance with the usual oxidation states"


def _find_range(symbol: str, amounts: Mapping[str, float]) -> tuple[float, float]:
    """Return the lowest and the highest oxidation state of an element beside others."""
    low, high = STATES.get(symbol, (0, 8))
    if any(strong in amounts for strong in STRONGEST):
        if symbol == "O" and set(amounts) <= ALKALINE | {"O"}:
            return -2.0, -0.5  # peroxides and superoxides
        return low, high
    if symbol in HALOGENS:
        return -1.0, -1.0
    if symbol in CHALCOGENS:
        return -2.0, -0.5 if not set(amounts) & set(HALOGENS) else 6.0
    if symbol == "N":
        return -3.0, -1 / 3
    return low, high
