"""Which source files a job depends on, found by reading its imports.

Snakemake notices when an input file changes, but not when a module that a script imports does. The rules therefore
list the closure of imports of their script among their inputs.
"""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "batterymi"
FROM = re.compile(rf"^[ \t]*from[ \t]+({PACKAGE}[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)", re.MULTILINE)
PLAIN = re.compile(rf"^[ \t]*import[ \t]+({PACKAGE}[^\n#]*)", re.MULTILINE)
RELATIVE = re.compile(r"^[ \t]*from[ \t]+\.", re.MULTILINE)
# lists of names: what a job looks up there is given to the closure by name, so that one more makes no result stale
CATALOGUES = frozenset({f"{PACKAGE}.registry", f"{PACKAGE}.vocabulary.unit_table"})
BESIDE = re.compile(r"with_name\(\"([^\"]+)\"\)")


@cache
def find_package_folder() -> Path:
    """Find the folder of the package's source."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{PACKAGE} is not installed; run 'make setup'")
    return Path(spec.origin).parent


@cache
def find_module_file(module: str) -> Path | None:
    """Find the source file of a dotted module of the package; return None if there is none."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return None
    base = find_package_folder().joinpath(*parts[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def find_imported_modules(path: Path) -> frozenset[str]:
    """Find the modules of the package that a file imports anywhere, inside functions too.

    Found by pattern, since parsing every file takes longer than all else before a run that has nothing to do; a test
    compares the result with the syntax tree of every file.
    """
    text = path.read_text(encoding="utf-8")
    if RELATIVE.search(text):
        raise SyntaxError(f"{path}: relative imports hide what a job uses")
    found: set[str] = set()
    for module, names in FROM.findall(text):
        found.add(module)
        # an imported name may be a module itself; names that are not are dropped below
        found |= {f"{module}.{name.split()[0]}" for name in names.strip("() \n").split(",") if name.strip()}
    for line in PLAIN.findall(text):
        found |= {name.split()[0] for name in line.split(",")}
    return frozenset(name for name in found if find_module_file(name) is not None)


@cache
def files_beside(path: Path) -> frozenset[Path]:
    """Return the files that a module names by `with_name("…")`: single ones, or all in a folder beside it."""
    paths = {path.with_name(name) for name in BESIDE.findall(path.read_text(encoding="utf-8"))}
    inside = {file for path in paths if path.is_dir() for file in path.iterdir()}
    return frozenset(file for file in paths | inside if file.is_file())


def find_code_closure(script: str | Path, modules: tuple[str, ...] = ()) -> list[Path]:
    """Return every source file that a script runs: itself, and what it imports, directly or not.

    Lists of names, as the registry, count only if they are among `modules`.

    Args:
        script: the adapter's file.
        modules: dotted modules that it looks up by name at run time.

    Returns:
        Files in a fixed order, the script first.
    """
    script = Path(script)
    open_modules = set(find_imported_modules(script)) - CATALOGUES | set(modules)
    visited: set[str] = set()
    while open_modules:
        module = open_modules.pop()
        visited.add(module)
        file = find_module_file(module)
        if file is not None:
            open_modules |= find_imported_modules(file) - CATALOGUES - visited
    files = {file for module in visited if (file := find_module_file(module)) is not None}
    beside = {companion for file in files for companion in files_beside(file)}
    return [script, *sorted(files | beside)]
