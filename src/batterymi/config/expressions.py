"""Conditions and quantities that users write as text: `2 * salt + solvent <= 1.2`, parsed without ever running them.

The text is parsed by Python's own parser into a tree, and only the nodes listed here are computed, on arrays. Nothing
else of the language is allowed: no attributes, no indices, only the listed functions, only names of columns.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.errors import ExpressionError
from batterymi.spelling import did_you_mean

Array = NDArray[np.float64]
# bounds on size, so that no text takes long to parse or to compute
MAX_LENGTH = 500
MAX_NODES = 200
MAX_NAMES = 5000  # of an expression with its quantities substituted
FUNCTIONS: dict[str, Callable[..., Array]] = {
    **{name: getattr(np, name) for name in ("sqrt", "exp", "log", "log10", "abs")},
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
}
N_ARGUMENTS = {"min": (2, 20), "max": (2, 20)}
OPERATORS: dict[type[ast.AST], Callable[..., Array]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.float_power,
    ast.UAdd: np.positive,
    ast.USub: np.negative,
    # margins instead of truth values: negative where a comparison is violated
    **dict.fromkeys((ast.LtE, ast.Lt), lambda left, right: right - left),
    **dict.fromkeys((ast.GtE, ast.Gt), lambda left, right: left - right),
}
# of an equality the margin is what lacks, so that it is negative everywhere but on it
OPERATORS[ast.Eq] = lambda left, right: -np.abs(left - right)
COMPARISONS = (ast.LtE, ast.Lt, ast.GtE, ast.Gt)
STRICT = (ast.Lt, ast.Gt)


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Attributes:
        text: as it was written.
        columns: names of the columns that it uses, in order of appearance.
        is_condition: whether it compares; its value is then a margin, negative where the condition is violated.
    """

    text: str
    columns: tuple[str, ...]
    is_condition: bool
    _tree: ast.expr

    def __call__(self, columns: Mapping[str, Array]) -> Array:
        """Compute the value of a quantity, or the margin of a condition.

        Args:
            columns: arrays of equal shape, by name; columns that are not used are ignored.

        Returns:
            An array of that shape, NaN where the arithmetic is undefined. Of a condition: the margin, the
            smallest one where several are joined. It is 0 at equality for < as for <=; `is_satisfied` differs.
        """
        with np.errstate(all="ignore"):
            return _broadcast_value(np.asarray(_compute_node(self._tree, columns), dtype=float), columns)

    @property
    def is_equality(self) -> bool:
        """Return whether it is an equality, whose margin is 0 on it and negative elsewhere."""
        return isinstance(self._tree, ast.Compare) and isinstance(self._tree.ops[0], ast.Eq)

    def compute_difference(self, columns: Mapping[str, Array]) -> Array:
        """Compute the left side of an equality less its right side; NaN where the arithmetic is undefined."""
        assert isinstance(self._tree, ast.Compare)
        with np.errstate(all="ignore"):
            left, right = (_compute_node(part, columns) for part in (self._tree.left, self._tree.comparators[0]))
            return _broadcast_value(np.asarray(left - right, dtype=float), columns)

    def is_satisfied(self, columns: Mapping[str, Array]) -> NDArray[np.bool_]:
        """Return whether a condition holds; at equality `<` and `>` do not hold, and with NaN no comparison does."""
        with np.errstate(all="ignore"):
            return _broadcast_value(_check_satisfied(self._tree, columns), columns)


def parse_condition(text: str, *, equality: bool = False) -> Expression:
    """Parse a condition such as `0.1 <= salt / solvent <= 0.5 and salt + binder < 0.3`.

    Args:
        text: the condition.
        equality: whether it may be an equality of two sides, as `salt + binder == 1`.

    Raises:
        ExpressionError: what is wrong with it, and what would be right.
    """
    expression = _parse_expression(text, equality=equality)
    if not expression.is_condition:
        raise ExpressionError(f"'{text}' is not a comparison; write it with <= or >=")
    if not expression.columns:
        raise ExpressionError(f"'{text}' uses no column, so it does not constrain designs")
    return expression


def parse_quantity(text: str) -> Expression:
    """Parse a quantity such as `mass * voltage / 1000`.

    Raises:
        ExpressionError: what is wrong with it, and what would be right.
    """
    expression = _parse_expression(text)
    if expression.is_condition:
        raise ExpressionError(f"'{text}' is a condition; a quantity has no <= or >=")
    return expression


def substitute_quantities(text: str, quantities: Mapping[str, str]) -> str:
    """Substitute the names of quantities in a text by their own expressions.

    Args:
        text: an expression.
        quantities: text of a quantity by its name; one may use those before it.

    Returns:
        A text that names columns only.

    Raises:
        ExpressionError: if it would grow too long, as with quantities that double each other, or is nested too
            deeply.
    """
    n_names = 0
    parts = {name: _parse_tree(part) for name, part in quantities.items()}

    class Replace(ast.NodeTransformer):
        """Replaces names by the trees of their quantities."""

        def visit_Name(self, node: ast.Name) -> ast.expr:
            nonlocal n_names
            # counted while substituting: quantities that double each other grow exponentially
            n_names += 1
            if n_names > MAX_NAMES:
                raise ExpressionError(f"'{text}' becomes longer than {MAX_NAMES} names once quantities are substituted")
            return self.visit(parts[node.id]) if node.id in parts else node

        def visit_Call(self, node: ast.Call) -> ast.expr:
            # not node.func, since a quantity may have the name of a function
            node.args = [self.visit(argument) for argument in node.args]
            return node

    try:
        return ast.unparse(Replace().visit(_parse_tree(text)))
    # quantities that are accepted one by one may nest deeper than Python's stack
    except RecursionError:
        raise ExpressionError(
            f"'{text}' is nested too deeply once its quantities are substituted; use fewer brackets and signs in them"
        ) from None


def is_linear(text: str) -> bool:
    """Return whether both sides of a condition are linear in its columns."""
    tree = _parse_tree(text)
    assert isinstance(tree, ast.Compare)
    return all(_find_degree(side) <= 1 for side in (tree.left, *tree.comparators))


def _find_degree(node: ast.expr) -> int:
    """Return 0 for a constant, 1 for what is linear in its columns, 2 for everything else."""
    if isinstance(node, ast.Constant):
        return 0
    if isinstance(node, ast.Name):
        return 1
    if isinstance(node, ast.UnaryOp):
        return _find_degree(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _find_degree(node.left), _find_degree(node.right)
        if isinstance(node.op, ast.Add | ast.Sub):
            return max(left, right)
        if isinstance(node.op, ast.Mult):
            return min(left + right, 2)
        return left if isinstance(node.op, ast.Div) and right == 0 else min(2 * (left + right), 2)
    return 2 if any(isinstance(part, ast.Name) for part in _list_expression_nodes(node)) else 0


def _parse_expression(text: str, *, equality: bool = False) -> Expression:
    """Parse a text and check every node of its tree."""
    tree = _parse_tree(text)
    if equality and isinstance(tree, ast.Compare) and [type(op) for op in tree.ops] == [ast.Eq]:
        for side in (tree.left, tree.comparators[0]):
            _check_node(side, text, top=False)
    else:
        _check_node(tree, text)
    names = (node.id for node in _list_expression_nodes(tree) if isinstance(node, ast.Name))
    # a dictionary, unlike a set, keeps the order of appearance
    return Expression(text, tuple(dict.fromkeys(names)), isinstance(tree, ast.Compare | ast.BoolOp), tree)


def _parse_tree(text: str) -> ast.expr:
    """Parse a text into a syntax tree of bounded size."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression of {len(text)} characters; at most {MAX_LENGTH} are allowed")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    # Python's parser raises the last three for null bytes and for deep nesting
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ExpressionError(f"'{text}' cannot be read: {reason}{_suggest_operator(text)}") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ExpressionError(f"an expression of more than {MAX_NODES} parts; split it into several")
    return tree


def _suggest_operator(text: str) -> str:
    """Return a hint where a text compares in another way than Python does."""
    if reversed_sign := re.search(r"=[<>]", text):
        return f"; write {reversed_sign[0][::-1]} instead of {reversed_sign[0]}"
    if re.search(r"(?<![<>=!])=(?!=)", text):
        return "; an equality of a constraint is written with =="
    return "; write <= and >=" if re.search("[≤≥]", text) else ""


def _list_expression_nodes(tree: ast.expr) -> Iterator[ast.expr]:
    """Yield the expression nodes of a tree from left to right, without the names of functions."""
    yield tree
    # the name of a function is a Name node too, but not a column
    parts = tree.args if isinstance(tree, ast.Call) else ast.iter_child_nodes(tree)
    for child in parts:
        if isinstance(child, ast.expr):
            yield from _list_expression_nodes(child)


def _check_node(node: ast.expr, text: str, top: bool = True) -> None:
    """Refuse a node that is not arithmetic."""
    if isinstance(node, ast.Compare | ast.BoolOp):
        _check_condition(node, text, top)
    elif isinstance(node, ast.Constant):
        # True is an int in Python; the bound excludes infinity and integers that no float holds
        if isinstance(node.value, bool) or not isinstance(node.value, int | float) or not abs(node.value) < 1e300:
            raise ExpressionError(f"'{text}': {ast.unparse(node)} is not a number")
    elif isinstance(node, ast.Call):
        _check_call(node, text)
    elif isinstance(node, ast.BinOp | ast.UnaryOp):
        if type(node.op) not in OPERATORS:
            # other languages write powers with ^
            hint = "; write ** for powers" if isinstance(node.op, ast.BitXor) else ""
            raise ExpressionError(f"'{text}': {ast.unparse(node)}: only + - * / ** are allowed{hint}")
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr):
                _check_node(part, text, top=False)
    elif not isinstance(node, ast.Name):
        raise ExpressionError(
            f"'{text}': {ast.unparse(node)}: only numbers, columns, + - * / ** and functions are allowed"
        )


def _check_condition(node: ast.Compare | ast.BoolOp, text: str, top: bool) -> None:
    """Refuse conditions within arithmetic, and equalities joined with other conditions."""
    if not top:
        raise ExpressionError(f"'{text}': {ast.unparse(node)}: a condition cannot be part of a sum or a product")
    if isinstance(node, ast.BoolOp):
        for part in node.values:
            if not isinstance(part, ast.Compare | ast.BoolOp):
                raise ExpressionError(
                    f"'{text}': {ast.unparse(part)} is not a condition; join conditions by `and` or `or`"
                )
            _check_node(part, text)
        return
    for comparison in node.ops:
        if not isinstance(comparison, COMPARISONS):
            raise ExpressionError(
                f"'{text}': compare with <= or >=; an equality is written with ==, alone, as a constraint of a study; "
                "for fractions that add up to 1 use simplex"
            )
    for part in (node.left, *node.comparators):
        _check_node(part, text, top=False)


def _check_call(node: ast.Call, text: str) -> None:
    """Refuse functions that are not listed, and wrong numbers of arguments."""
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name not in FUNCTIONS:
        raise ExpressionError(f"'{text}': '{name}' is not a function here; {did_you_mean(name, FUNCTIONS)}")
    low, high = N_ARGUMENTS.get(name, (1, 1))
    if node.keywords or not low <= len(node.args) <= high:
        wanted = "one argument" if high == 1 else f"{low} or more arguments"
        raise ExpressionError(f"'{text}': {name} takes {wanted}")
    for argument in node.args:
        _check_node(argument, text, top=False)


def _broadcast_value(value: NDArray[Any], columns: Mapping[str, Array]) -> NDArray[Any]:
    """Broadcast a value to the shape of the columns, also where it uses none of them."""
    shape = np.shape(next(iter(columns.values()))) if columns else ()
    # a copy, since broadcast arrays are read-only
    return np.broadcast_to(value, shape).copy() if value.shape != shape else value


def _compute_node(node: ast.expr, columns: Mapping[str, Array]) -> Array:
    """Compute the value of a checked node."""
    if isinstance(node, ast.Constant):
        return np.asarray(float(node.value))  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return np.asarray(columns[node.id], dtype=float)
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](_compute_node(node.left, columns), _compute_node(node.right, columns))
    if isinstance(node, ast.UnaryOp):
        return OPERATORS[type(node.op)](_compute_node(node.operand, columns))
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return FUNCTIONS[node.func.id](*(_compute_node(argument, columns) for argument in node.args))
    if isinstance(node, ast.BoolOp):
        # `and` is as far from violation as its worst part, `or` as its best one
        join = FUNCTIONS["min" if isinstance(node.op, ast.And) else "max"]
        return join(*(_compute_node(part, columns) for part in node.values))
    assert isinstance(node, ast.Compare)
    return reduce(np.minimum, _compute_margins(node, columns))


def _compute_margins(node: ast.Compare, columns: Mapping[str, Array]) -> list[Array]:
    """Compute the margin of each comparison of a chain."""
    sides = [_compute_node(part, columns) for part in (node.left, *node.comparators)]
    return [OPERATORS[type(op)](left, right) for op, left, right in zip(node.ops, sides[:-1], sides[1:], strict=True)]


def _check_satisfied(node: ast.expr, columns: Mapping[str, Array]) -> NDArray[np.bool_]:
    """Return whether a checked condition holds."""
    if isinstance(node, ast.BoolOp):
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return reduce(join, (_check_satisfied(part, columns) for part in node.values))
    assert isinstance(node, ast.Compare)
    margins = zip(node.ops, _compute_margins(node, columns), strict=True)
    # < and <= have the same margin, so only this comparison distinguishes them
    return reduce(np.logical_and, (margin > 0 if isinstance(op, STRICT) else margin >= 0 for op, margin in margins))
