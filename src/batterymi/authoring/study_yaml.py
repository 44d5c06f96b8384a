"""The YAML of a new study, from the roles of a table's columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from batterymi.authoring import role as r
from batterymi.authoring.conditions import find_condition, find_optional_steps
from batterymi.authoring.mixture_columns import find_simplex
from batterymi.authoring.role import LOG_DECADES, OBJECTIVE_DECADES, Role, spans_decades
from batterymi.config.checks import strip_control_characters
from batterymi.config.formula_study import choose_descriptors
from batterymi.config.goals import Window
from batterymi.config.sources import Reading
from batterymi.data.column_facts import ColumnFacts, find_step
from batterymi.data.header_units import split_header
from batterymi.errors import ConfigError
from batterymi.surrogates.problem import label_joint_groups
from batterymi.vocabulary.unit_table import find_unit

ROOM = 2  # times the rows are the designs that a grid should have
ROWS_FOR_FOLDS, FOLDS = 50, 10  # more rows than this are validated in folds
SEM_WORDS = ("sem", "se", "stderr")
SHARE_WORDS = ("retention", "efficiency", "ce", "ice", "yield", "purity", "fraction", "density", "porosity")
EFFICIENCIES = ("efficiency", "ce", "ice", "yield", "purity")
MOST_CAPACITY = 10_000  # mAh/g, of which nothing has as much
MOST_PARTS = 100
LOG_UNITS = ("S/cm", "mS/cm", "S/m", "cm2/s", "m2/s", "Ω", "Ω cm", "Ω cm2")  # quantities over many decades
LEAST_GROUPS = 10  # below which rows that agree in a paper or a compound are too few groups


@dataclass(frozen=True)
class Plan:
    """What a study is made from.

    Attributes:
        file: path of the table, as written in the study.
        title: heading.
        roles: of all columns.
        reading: settings of the reading that the file needs.
        fill_down: columns in which an empty cell means the one above.
    """

    file: str
    title: str
    roles: list[Role]
    reading: Reading
    fill_down: tuple[ColumnFacts, ...] = ()

    def list_columns(self, *names: str) -> list[ColumnFacts]:
        """List the columns of some roles, in order."""
        return [role.column for role in self.roles if role.role in names]

    def get_column(self, name: str) -> ColumnFacts | None:
        """Return the first column of a role, None if there is none."""
        return next(iter(self.list_columns(name)), None)


def format_study(plan: Plan) -> str:
    """Return the YAML of a new study.

    Args:
        plan: what it is made from.

    Returns:
        At most 25 lines, for tables of usual width.
    """
    factors, simplex = plan.list_columns(r.FACTOR), None
    numbers = [role.column for role in plan.roles if role.column.is_number and role.role in (r.FACTOR, r.IGNORED)]
    if found := find_simplex(numbers):
        varied = [part for part in found[0] if part in factors]
        fixed = sum(float(part.known[0]) for part in found[0] if part not in factors)
        simplex = _describe_simplex(varied, found[1] - fixed) if len(varied) > 1 else None
    parts = simplex["features"] if simplex else ()
    steps = find_optional_steps(factors)
    features = [_describe_feature(factor, factors, steps, is_part=factor.name in parts) for factor in factors]
    _leave_room(features, simplex, len(plan.roles[0].column.cells))
    content = CommentedMap(title=plan.title, edition="own", table=_describe_table(plan))
    content |= {"features": [_make_flow_mapping(feature) for feature in features]} if features else {}
    descriptors = [*_describe_formulas(plan.list_columns(r.FORMULA)), *_describe_structures(plan)]
    content |= {"descriptors": [_make_flow_mapping(item) for item in descriptors]} if descriptors else {}
    content["objectives"] = [_make_flow_mapping(_describe_objective(role, plan)) for role in plan.roles if role.goal]
    content |= {"simplex": _make_flow_mapping(simplex)} if simplex else {}
    if len(plan.roles[0].column.cells) > ROWS_FOR_FOLDS:
        content["surrogate"] = _make_flow_mapping({"folds": FOLDS})
    content["campaign"] = _describe_campaign(plan, bool(descriptors))
    content.yaml_set_start_comment("yaml-language-server: $schema=../schema.json")
    left_out = [strip_control_characters(column.header) for column in plan.list_columns(r.IGNORED, r.DATE)]
    if left_out:
        place = "features" if features else "objectives"
        content.yaml_set_comment_before_after_key(place, f"left out, constant or without use: {', '.join(left_out)}")
    return _dump(content)


def _describe_table(plan: Plan) -> dict[str, Any]:
    """Return the settings of the table."""
    found: dict[str, Any] = {"file": plan.file}
    given = plan.reading.model_dump(mode="json", exclude_none=True)
    found |= {key: _make_flow_sequence(value) if isinstance(value, list) else value for key, value in given.items()}
    found |= {"fill_down": _make_flow_sequence([c.name for c in plan.fill_down])} if plan.fill_down else {}
    formulas = plan.list_columns(r.FORMULA)
    found |= {"formula_column": formulas[0].name} if len(formulas) == 1 else {}
    identity, status, repeats = (plan.get_column(name) for name in (r.IDENTITY, r.STATUS, r.REPEATS))
    found |= {"id_column": identity.name} if identity else {}
    groups = _choose_groups(plan)
    found |= {"group": groups[0] if len(groups) == 1 else _make_flow_sequence(groups)} if groups else {}
    repeated = next((role.column for role in plan.roles if role.role == r.REPEATS and role.why.startswith("--")), None)
    found |= {"repeats": repeated.name} if repeated else {}
    found |= {"status": status.name} if status else {}
    withdrawn = plan.get_column(r.WITHDRAWN)
    found |= {"withdrawn": withdrawn.name} if withdrawn else {}
    units = {
        c.name: c.unit for c in plan.list_columns(r.OBJECTIVE) if _is_logarithmic(c) and not split_header(c.header)[1]
    }
    units |= {c.name: c.clock for c in plan.list_columns(r.FACTOR, r.OBJECTIVE) if c.clock}
    found |= {"units": _make_flow_mapping(units)} if units else {}
    found |= {"empty": "pending"}
    used = plan.list_columns(r.FACTOR, r.FORMULA, r.STRUCTURE)
    found |= {"bad_rows": "drop"} if _have_gaps(used) else {}
    named = [
        *used,
        *(c for c in (identity, status, withdrawn, repeated) if c),
        *plan.list_columns(r.OBJECTIVE, r.GROUP),
    ]
    named += [*plan.fill_down, *(role.column for role in plan.roles if role.of), *([repeats] if repeats else [])]
    renamed = {column.header: column.name for column in named if column.header != column.name}
    return found | ({"columns": _make_flow_mapping(renamed)} if renamed else {})


def _choose_groups(plan: Plan) -> list[str]:
    """Return the columns of which rows with an equal value are kept together: that of groups, and formulas."""
    named, formulas = (plan.list_columns(kind) for kind in (r.GROUP, r.FORMULA))
    if not named or not formulas:
        return [column.name for column in (*named, *formulas)]
    cells = pd.DataFrame({column.name: column.cells.to_numpy() for column in (*named, *formulas)})
    # rows that agree in either may hang together, until too few groups are left to validate with
    if len(set(label_joint_groups(cells, list(cells.columns)))) >= LEAST_GROUPS:
        return list(cells.columns)
    return [column.name for column in named]


def _have_gaps(factors: Sequence[ColumnFacts]) -> bool:
    """Return whether some cells of factors are empty or no number, though the factor applies to their rows."""
    lacking = [column for column in factors if column.n_missing]
    # found once, since tables may have hundreds of columns
    steps = find_optional_steps(factors) if lacking else {}
    return any(find_condition(column, factors) is None and column.name not in steps for column in lacking)


def _describe_column(column: ColumnFacts) -> dict[str, Any]:
    """Return the settings that features and objectives share."""
    return {"name": column.name, "label": column.label, "unit": column.unit}


def _describe_feature(
    column: ColumnFacts, factors: Sequence[ColumnFacts], steps: dict[str, str], *, is_part: bool
) -> dict[str, Any]:
    """Return the settings of a factor."""
    found = _describe_column(column)
    if not column.is_number:
        return found | {"choices": column.words}
    if condition := find_condition(column, factors):
        category, ranges = condition
        found["used_with"] = {category.name: {word: _round_range(*ends) for word, ends in ranges.items()}}
        step = find_step(column.known[column.known != 0])
        # each range is counted in steps from its own lower end
        fits = step and all(len(set(ends)) > 1 and ends[1] - ends[0] >= step for ends in ranges.values())
        return found | ({"step": _round_bound(step)} if step and fits else {})
    found["bounds"] = _make_flow_sequence(_round_outward(column.known.min(), column.known.max()))
    if spans_decades(column, LOG_DECADES) and column.known.min() > 0:
        found["scale"] = "log"
    elif column.step and not is_part:
        found["step"] = _round_bound(column.step)
    if column.name in steps:
        found["optional_step"] = steps[column.name]
    return found


def _leave_room(features: Sequence[dict[str, Any]], simplex: dict[str, Any] | None, n_rows: int) -> None:
    """Refine the steps of numbers where a table may hold most designs on their grid, so that some are left."""
    parts = simplex["features"] if simplex else ()
    stepped: list[dict[str, Any]] = [feature for feature in features if "step" in feature]
    places = []
    for feature in features:
        if "choices" in feature:
            places.append(float(len(feature["choices"])))
        else:
            step = simplex.get("step") if simplex and feature["name"] in parts else feature.get("step")
            low, high = feature.get("bounds", (0, 0))
            places.append((high - low) / step + 1 if step and "bounds" in feature else np.inf)
    # the last part of a mixture follows from the others
    free = places if not parts else [*sorted(places)[: len(places) - 1]]
    if float(np.prod(free)) > ROOM * n_rows:
        return
    for settings in (*stepped, *([simplex] if simplex and "step" in simplex else [])):
        low, high = settings.get("bounds", (0, 1))
        # 0 and 1 are two choices
        if settings["step"] < high - low:
            settings["step"] = _round_bound(settings["step"] / 10)


def _find_conditional_step(column: ColumnFacts, ranges: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Return the step of an amount, if it is not wider than any of its ranges."""
    widths = [high - low for low, high in ranges.values()]
    is_right = bool(column.step) and all(width >= (column.step or 0) for width in widths)
    return {"step": _round_bound(column.step)} if is_right and column.step else {}


def _describe_simplex(parts: list[ColumnFacts], total: float) -> dict[str, Any]:
    """Return the settings of a composition, with the rules that its rows keep."""
    values = np.column_stack([part.numbers.values for part in parts])
    found: dict[str, Any] = {"features": _make_flow_sequence([part.name for part in parts[:MOST_PARTS]])}
    found |= {"total": _round_bound(total)} if total != 1 else {}
    off = float(np.abs(values.sum(axis=1) - total).max())
    found |= {"tolerance": float(f"{1.01 * off:.2g}")} if off > 1e-6 else {}
    used = values > 0
    step = find_step(np.append(values.ravel(), [0.0, total]))
    if step and abs(total / step - round(total / step)) < 1e-6 and off < 0.5 * step:
        found |= {"step": _round_bound(step)}
    # where no row uses all parts, that is a rule, or may be one
    if len(parts) > 3 and used.sum(axis=1).max() < len(parts):
        found |= {"max_parts": int(used.sum(axis=1).max()), "min_when_used": _round_bound(values[used].min())}
    return found


def _describe_objective(role: Role, plan: Plan) -> dict[str, Any]:
    """Return the settings of an objective."""
    column = role.column
    found = _describe_column(column) | {"goal": role.goal}
    found |= {"target": _describe_target(role, role.target)} if role.target else {}
    if _is_logarithmic(column):
        found["unit"] = find_unit(f"log10({column.unit})")
    if spread := next((item for item in plan.roles if item.role == r.ERROR and item.of == column.name), None):
        kind = "sem" if set(SEM_WORDS) & set(spread.column.name_words) else "sd"
        error: dict[str, Any] = {"column": spread.column.name, "kind": kind}
        count = next((i for i in plan.roles if i.role == r.REPEATS and i.of == column.name), None)
        found["error"] = error | ({"n": count.column.name} if count and kind == "sd" else {})
    return found if _is_logarithmic(column) else found | _find_possible_range(column)


def _describe_target(role: Role, target: Window) -> Any:
    """Return what an objective should hit, in the unit in which it is learned.

    Raises:
        ConfigError: if it has no logarithm, and the objective is learned by that.
    """
    ends = [target.low, target.high]
    if _is_logarithmic(role.column):
        if target.low <= 0:
            raise ConfigError(
                [
                    f"--objective {role.column.header}:target: {target.low:g} is not above 0; values in "
                    f"{role.column.unit} that span decades are learned by their logarithm"
                ]
            )
        ends = [float(np.log10(end)) for end in ends]
    rounded = [_round_bound(end) for end in ends]
    return rounded[0] if target.is_single else _make_flow_sequence(rounded)


def _is_logarithmic(column: ColumnFacts) -> bool:
    """Return whether an outcome is learned by its logarithm: a quantity over decades, as a conductivity."""
    return column.unit in LOG_UNITS and spans_decades(column, OBJECTIVE_DECADES)


def _find_possible_range(column: ColumnFacts) -> dict[str, Any]:
    """Return the possible range of a share, if its values keep to it, so that predictions never exceed 100 %."""
    for top, is_share in (
        (100, column.unit.endswith(("percent", "%"))),
        (1, column.unit == "1" and bool(set(SHARE_WORDS) & set(column.name_words))),
    ):
        if is_share and len(column.known) and column.known.min() >= 0 and column.known.max() <= top:
            return {"valid": _make_flow_sequence([0, top])}
    for is_so, low, high in (
        (column.unit == "percent" and bool(set(EFFICIENCIES) & set(column.name_words)), 0, 110),
        (column.unit == "mAh/g", 0, MOST_CAPACITY),
    ):
        # so that a check names the rows with more than is possible
        if is_so and len(column.known) and (column.known.min() < low or column.known.max() > high):
            return {"valid": _make_flow_sequence([low, high])}
    return {}


def _describe_formulas(columns: Sequence[ColumnFacts]) -> list[dict[str, Any]]:
    """Return the descriptors of formulas; of several columns, each with its name."""
    found = []
    for column in columns:
        for settings in choose_descriptors(column.name, len(column.cells)).values():
            own = {"name": f"{settings['name']}_{column.name}"[:60], "label": f"{settings['label']}: {column.label}"}
            found.append(settings | (own if len(columns) > 1 else {}))
    return found


def _describe_structures(plan: Plan) -> list[dict[str, Any]]:
    """Return the descriptors of structures."""
    return [
        {
            "name": f"structure_{column.name}"[:60],
            "function": "structure",
            "columns": {"structure": column.name},
            "label": f"Structure of {column.label[:1].lower()}{column.label[1:]}",
        }
        for column in plan.list_columns(r.STRUCTURE)
    ]


def _describe_campaign(plan: Plan, has_descriptors: bool) -> dict[str, Any]:
    """Return the settings of the campaign: rows that have formulas are the designs themselves."""
    if not has_descriptors:
        return {"mode": "experiment"}
    n_rows = len(plan.roles[0].column.cells)
    initial = max(2, min(8, n_rows // 4))
    return {"mode": "replay", "initial": initial, "budget": max(initial + 1, min(25, n_rows // 2))}


def _round_bound(value: float) -> float | int:
    """Return a number with eight digits, whole ones without a point."""
    rounded = float(f"{value:.8g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _round_outward(low: float, high: float) -> list[float | int]:
    """Return the ends of a range with eight digits, so that all its values lie within."""
    ends: list[float | int] = []
    for value, away in ((low, -1), (high, 1)):
        rounded = _round_bound(value)
        if away * (value - rounded) > 0:
            rounded = _round_bound(value + away * abs(value) * 1e-7)
        ends.append(rounded)
    return ends


def _round_range(low: float, high: float) -> Any:
    """Return a range in brackets; one that is a single value is widened by a tenth on each side."""
    if low == high:
        low, high = low - abs(low) / 10, high + abs(high) / 10
    return _make_flow_sequence([_round_bound(low), _round_bound(high)])


def _make_flow_mapping(content: dict[str, Any]) -> CommentedMap:
    """Return settings that are written within braces."""
    mapping = CommentedMap(content)
    mapping.fa.set_flow_style()
    return mapping


def _make_flow_sequence(content: list[Any]) -> list[Any]:
    """Return a list that is written within brackets."""
    from ruamel.yaml.comments import CommentedSeq

    sequence = CommentedSeq(content)
    sequence.fa.set_flow_style()
    return sequence


def _dump(content: CommentedMap) -> str:
    """Return settings as the YAML of version 1.1, which is the one that they are read as."""
    yaml = YAML()
    yaml.version = (1, 1)  # else words such as `yes` stay without quotation marks
    yaml.width = 1_000_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = StringIO()
    yaml.dump(content, stream)
    return stream.getvalue().removeprefix("%YAML 1.1\n---\n")
