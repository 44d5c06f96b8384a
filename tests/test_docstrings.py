"""Docstrings name what there is."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "batterymi"
FILES = sorted(PACKAGE.rglob("*.py"))
TICKED = re.compile(r"`([^`\n]+)`")
# what looks like a name of code: a class, a dotted name, a name with an underscore, a call
CODE = re.compile(
    r"^(?:[A-Z][a-z]+[A-Z]\w*|[A-Z][a-z]{2,}|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[a-z][a-z0-9]*_[a-z0-9_]*|[a-z]\w*\(\))$"
)


@cache
def identifiers() -> frozenset[str]:
    """Return every name that code of the package defines, imports, takes, or spells as a text or a key of settings."""
    found = {part for path in FILES for part in path.relative_to(PACKAGE).with_suffix("").parts}
    for path in (*FILES, *(ROOT / "scripts").glob("*.py")):
        found.add(path.stem)
        docstrings = set(docstrings_of(path))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.keyword):
                found.add(node.arg or "")
            elif isinstance(node, ast.alias):
                found |= set(node.name.split("."))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docstrings:
                found |= set(re.findall(r"\w+", node.value))
    text = "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    return frozenset(found | set(re.findall(r"\w+", text)))


def docstrings_of(path: Path) -> list[str]:
    """Return the docstrings of a module, as they stand in the file."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(node, clean=False) for node in nodes if isinstance(node, kinds))
    return [text for text in found if text]


def test_docstrings_name_only_what_there_is() -> None:
    missing = [
        f"{path.relative_to(ROOT)}: `{ticked}`"
        for path in FILES
        for text in docstrings_of(path)
        for ticked in TICKED.findall(text)
        if CODE.fullmatch(ticked) and not set(re.findall(r"\w+", ticked)) <= identifiers()
    ]
    assert missing == []


def test_modules_that_docstrings_name_hold_what_they_say() -> None:
    missing = []
    for path in FILES:
        for text in docstrings_of(path):
            for dotted in re.findall(r"`(batterymi\.[\w.]+)`", text):
                *folders, last = dotted.split(".")[1:]
                place = PACKAGE.joinpath(*folders)
                is_module = (place / last).with_suffix(".py").is_file() or (place / last).is_dir()
                file = place.with_suffix(".py")
                is_name = file.is_file() and re.search(rf"^(?:def|class)? ?{last}\b", file.read_text(), re.MULTILINE)
                if not (is_module or is_name):
                    missing.append(f"{path.relative_to(ROOT)}: `{dotted}`")
    assert missing == []
