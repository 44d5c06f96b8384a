"""The text of `batterymi assess`."""

import math
from collections.abc import Sequence

import pandas as pd

from batterymi.stability.assess import JOIN, Assessment
from batterymi.stability.read_composition import Composition
from batterymi.stability.window import Edge
from batterymi.text_safety import show_in_line
from batterymi.vocabulary.electrolyte import CHANCE, CONDUCTIVITY
from batterymi.vocabulary.stability import PARTNERS

SHOWN = (
    CONDUCTIVITY,
    CHANCE,
    "e_decomposition",
    "v_reduction",
    "v_oxidation",
    "e_lithium",
    *(f"e_{name}" for name in PARTNERS),
)
NARROW_V = 0.01
CAVEAT = (
    "Equilibria of phases at 0 K from the Materials Project of 2018 to 2020; slow reactions and passivating layers are "
    "not in it (docs/reference/stability.md)."
)


def format_assessment(text: str, composition: Composition, found: Assessment, conductivity: Sequence[str]) -> str:
    """Format what is known of one formula for a terminal; `conductivity` are lines of their own."""
    lines = [show_in_line(text)]
    if composition.note:
        lines.append(f"  {composition.note}")
    lines += conductivity
    lines.append(f"  hull distance    {_format_hull(found)}")
    lines += [
        f"  reduction edge   {_format_edge(found.reduction)}",
        f"  oxidation edge   {_format_edge(found.oxidation, 'no lithium to give off')}",
    ]
    if found.oxidation.volts - found.reduction.volts < NARROW_V:
        lines.append("  no stable range: the equilibrium exchanges lithium at every voltage")
    lines.append(f"  with Li metal    {_format_energy(found.lithium.energy, found.lithium.products)}")
    for name, formula in PARTNERS.items():
        reaction = found.partners.get(name)
        if reaction is None or math.isnan(reaction.energy):
            lines.append(f"  with {formula:<12}unknown: the table has no energies of its elements")
            continue
        share = "" if math.isnan(reaction.share) else f", {reaction.share:.0%} of the atoms from the electrolyte"
        lines.append(f"  with {formula:<12}{_format_energy(reaction.energy, reaction.products)}{share}")
    return "\n".join([*lines, CAVEAT, ""])


def format_table(rows: pd.DataFrame) -> str:
    """Format the numbers of many formulas; energies in eV/atom, edges in V against Li."""
    shown = rows[["formula", *SHOWN]].copy()
    shown["formula"] = shown["formula"].map(show_in_line)
    text = shown.to_string(index=False, na_rep="-", float_format=lambda value: f"{value:.3f}")
    return f"{text}\n{CAVEAT}\n"


def _format_hull(found: Assessment) -> str:
    """Format how far a formula is from the other phases."""
    products = JOIN.join(found.decomposes_to)
    if math.isnan(found.e_decomposition):
        return f"unknown, the table has no energy of it; its equilibrium is {products}"
    if found.e_decomposition <= 0:
        return f"0, stable by {-found.e_decomposition:.3f} eV/atom against {products}"
    return f"{found.e_decomposition:.3f} eV/atom above {products}"


def _format_edge(edge: Edge, nothing: str = "") -> str:
    """Format an edge with what it rests on."""
    if math.isnan(edge.volts):
        return nothing
    spread = "" if math.isnan(edge.spread) else f" ± {edge.spread:.2f}"
    without = "" if math.isnan(edge.volts_without) else f", {edge.volts_without:.2f} V without it"
    set_by = f"; set by {edge.set_by}{without}" if edge.set_by else ""
    return f"{edge.volts:.2f}{spread} V against Li{set_by}; beyond it {JOIN.join(edge.products)}"


def _format_energy(energy: float, products: tuple[str, ...]) -> str:
    """Format the energy of a reaction with its products."""
    return f"{energy:.3f} eV/atom to {JOIN.join(products)}" if products else "no reaction"
