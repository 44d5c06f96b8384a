"""What is known of listed candidates beside their prediction: stability in full, and measurements elsewhere."""

import numpy as np
import pandas as pd

from batterymi.config.parts import Objective
from batterymi.features.formulas import identify_compositions, parse_formula
from batterymi.stability.assess import FULL, JOIN, NOTHING, Assessor
from batterymi.stability.equilibrium import find_equilibrium
from batterymi.stability.phases import PhaseTable, StabilityError

COOLEST_C, WARMEST_C = 15.0, 35.0  # room temperature; ions are slower in the cold, and faster in the heat
ELSEWHERE = ("measured_elsewhere", "measured_at_c", "measured_in", "known_bad")


def add_stability(listed: pd.DataFrame, formulas: pd.Series, assessor: Assessor) -> pd.DataFrame:
    """Return candidates with all numbers, phases and products of their stability.

    Args:
        listed: candidates; columns of the same names are replaced.
        formulas: of each.
        assessor: the phases, with their draws.
    """
    rows = []
    for formula in formulas:
        try:
            rows.append(assessor.assess(parse_formula(formula), FULL).as_row())
        except StabilityError:
            rows.append(NOTHING.as_row())
    found = pd.DataFrame(rows, columns=list(NOTHING.as_row()), index=listed.index)
    return pd.concat([listed.drop(columns=[name for name in found if name in listed]), found], axis=1)


def find_measured(formulas: pd.Series, rows: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    """Find the best measurement of each candidate's composition: at room temperature, or hotter where there is none.

    Args:
        formulas: the candidates.
        rows: measurements: columns composition, temperature_c, doi, and the objective's.
        objective: what was measured, with its threshold.

    Returns:
        Columns measured_elsewhere (in the objective's unit), measured_at_c (°C), measured_in (the reference), NaN or
        empty without one, and known_bad: whether even the best measurement misses the threshold; index as `formulas`.
    """
    warm = rows[rows["temperature_c"] >= COOLEST_C]
    both = pd.factorize(identify_compositions([*formulas, *warm["composition"]]))[0]
    own, theirs = both[: len(formulas)], both[len(formulas) :]
    cost = objective.compute_cost(warm[objective.name].to_numpy(float))
    found = []
    for composition in own:
        places = np.flatnonzero(theirs == composition)
        if not len(places):
            found.append((np.nan, np.nan, "", False))
            continue
        at_room = places[warm["temperature_c"].to_numpy(float)[places] <= WARMEST_C]
        places = at_room if len(at_room) else places
        best = warm.iloc[int(places[np.argmin(cost[places])])]
        value = float(best[objective.name])
        limit = objective.threshold
        is_bad = limit is not None and bool(objective.sign * (value - limit) > 0)
        found.append((value, float(best["temperature_c"]), str(best["doi"]), is_bad))
    return pd.DataFrame(found, columns=list(ELSEWHERE), index=formulas.index)


def add_competitors(listed: pd.DataFrame, formulas: pd.Series, table: PhaseTable) -> pd.DataFrame:
    """Return candidates with the phases of lowest energy at their composition, other than themselves.

    Args:
        listed: candidates.
        formulas: of each.
        table: the phases.

    Returns:
        Columns competes_with (formulas, the largest share first) and e_form_of_others (eV/atom): a compound of the
        composition is stable if its formation energy is lower; NaN and empty where an element has no energy.
    """
    rows: list[tuple[str, float]] = []
    for formula in formulas:
        amounts = parse_formula(formula)
        try:
            system = table.select_system(frozenset(amounts))
            composition = system.vector(amounts)
            own = system.find(composition)
            others = find_equilibrium(system, composition, None if own is None else system.all_but(own))
            rows.append((JOIN.join(others.list_phases(system)), others.energy))
        except StabilityError:
            rows.append(("", np.nan))
    found = pd.DataFrame(rows, columns=["competes_with", "e_form_of_others"], index=listed.index)
    return pd.concat([listed, found], axis=1)
