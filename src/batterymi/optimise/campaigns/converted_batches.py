"""Batches of a ledger as the study sees them now: units converted, and what cannot be compared any more named."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from batterymi.config.parts import Column, Feature, Objective
from batterymi.data.header_units import Conversion
from batterymi.optimise.campaigns.ledger_lines import Batch, Suggestion
from batterymi.vocabulary.unit_table import UnitError, are_convertible, convert_units, find_unit

Value = float | str | None  # None where a feature does not apply


@dataclass(frozen=True)
class ConvertedBatch:
    """A batch in the units of the study.

    Attributes:
        batch: its number and rows as in the ledger, designs and predictions converted where they can be.
        conversions: what was converted, by name of the feature or objective.
        design_faults: for each suggestion, why its design cannot be compared with rows; empty where it can.
        outcome_faults: why predictions cannot be compared with results, by name of the objective.
    """

    batch: Batch
    conversions: Mapping[str, Conversion]
    design_faults: tuple[str, ...]
    outcome_faults: Mapping[str, str]

    def find_unit(self, objective: str) -> str:
        """Return the unit of an objective that cannot be compared, as the ledger has it."""
        return (self.batch.units or {}).get(objective, "")

    def restore_units(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows of the study's table in the units that the batch had."""
        names = [name for name in self.conversions if name in rows]
        return rows.assign(**{name: self.conversions[name].convert_to_file(rows[name]) for name in names})


def convert_batch(batch: Batch, features: Sequence[Feature], objectives: Sequence[Objective]) -> ConvertedBatch:
    """Convert a batch to the units that the study has now, and say what cannot be compared.

    A line without units is taken to be in those of the study.

    Args:
        batch: as the ledger holds it.
        features: of designs, as the study has them now.
        objectives: as the study has them now.
    """
    numbers = [feature for feature in features if not feature.is_category]
    conversions, unit_faults = _find_conversions(batch.units or {}, [*numbers, *objectives])
    suggestions = tuple(_convert_suggestion(item, conversions) for item in batch.suggestions)
    design_faults = tuple(_find_design_fault(item.design, features, unit_faults) for item in suggestions)
    known = {objective.name for objective in objectives}
    predicted = dict.fromkeys(name for item in suggestions for name in item.predicted)
    outcome_faults = {
        name: unit_faults.get(name, f"the study no longer has the objective '{name}'")
        for name in predicted
        if name in unit_faults or name not in known
    }
    return ConvertedBatch(replace(batch, suggestions=suggestions), conversions, design_faults, outcome_faults)


def describe_differences(
    batches: Sequence[Batch], features: Sequence[Feature], objectives: Sequence[Objective]
) -> list[str]:
    """Say which batches have other units, features or objectives than the study has now, and what that means.

    Args:
        batches: all of a ledger.
        features: of designs, as the study has them now.
        objectives: as the study has them now.

    Returns:
        A line for each difference, with the batches that it concerns.
    """
    found: dict[str, list[int]] = {}
    for batch in batches:
        converted = convert_batch(batch, features, objectives)
        lines = [
            f"suggestions with other designs than the study has now ({fault}) are compared only with rows that name "
            "them, and are else not comparable"
            for fault in converted.design_faults
            if fault
        ]
        lines += [f"predictions are not comparable: {fault}" for fault in converted.outcome_faults.values()]
        lines += [
            f"'{name}' is converted from {conversion.found} to {conversion.wanted}"
            for name, conversion in converted.conversions.items()
        ]
        for line in dict.fromkeys(lines):
            found.setdefault(line, []).append(batch.number)
    return [
        f"batch{'' if len(numbers) == 1 else 'es'} {', '.join(map(str, numbers))}: {line}"
        for line, numbers in found.items()
    ]


def _find_conversions(
    units: Mapping[str, str], columns: Iterable[Column]
) -> tuple[dict[str, Conversion], dict[str, str]]:
    """Find the columns that have another unit now; those that cannot be converted, with the reason."""
    conversions, faults = {}, {}
    for column in columns:
        unit = units.get(column.name, column.unit)
        if unit == column.unit:
            continue
        try:
            found = find_unit(unit)
            is_convertible = are_convertible(found, column.unit)
        except UnitError:
            is_convertible = False
        if is_convertible:
            conversions[column.name] = Conversion(column.name, column.name, found, column.unit)
        else:
            faults[column.name] = (
                f"'{column.name}' is in {unit} there and in {column.unit} in the study, and one cannot be converted to "
                "the other"
            )
    return conversions, faults


def _convert_suggestion(item: Suggestion, conversions: Mapping[str, Conversion]) -> Suggestion:
    """Return a suggestion in the units of the study."""
    design = {name: _convert_value(value, conversions.get(name)) for name, value in item.design.items()}
    predicted = {
        name: [None if value is None else _convert_number(value, conversions.get(name)) for value in values]
        for name, values in item.predicted.items()
    }
    return Suggestion(item.name, design, predicted)


def _convert_value(value: Value, conversion: Conversion | None) -> Value:
    """Return a number in the unit of the study; a choice as it is."""
    return value if value is None or isinstance(value, str) else _convert_number(value, conversion)


def _convert_number(value: float, conversion: Conversion | None) -> float:
    """Return a number in the unit of the study."""
    if conversion is None:
        return value
    return float(convert_units(np.array([value], dtype=float), conversion.found, conversion.wanted)[0])


def _find_design_fault(design: Mapping[str, Value], features: Sequence[Feature], unit_faults: Mapping[str, str]) -> str:
    """Say why a design cannot be compared with the rows of the study; return an empty text where it can."""
    names = {feature.name for feature in features}
    faults = [f"the study no longer has the feature '{name}'" for name in design if name not in names]
    for feature in features:
        name, value = feature.name, design.get(feature.name)
        if value is None and name in design:
            if not feature.is_conditional:
                faults.append(f"'{name}' applies to every design now")
        elif value is None:
            faults.append(f"the study now has the feature '{name}', which the batch lacks")
        elif isinstance(value, str) != feature.is_category:
            faults.append(f"'{name}' is a {'number' if isinstance(value, str) else 'choice'} in the study now")
        elif isinstance(value, str):
            if value not in (feature.choices or ()):
                faults.append(f"'{value}' is no longer a choice of '{name}'")
        elif name in unit_faults:
            faults.append(unit_faults[name])
        elif not math.isfinite(value):
            faults.append(f"'{name}' has no value in {feature.unit}")
    return "; ".join(faults)
