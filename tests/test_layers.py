"""The order of the package: what may import what (docs/decisions/0015)."""

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "batterymi"
# from the bottom up; what stands in a row imports from its own row and from the rows before it
LAYERS = (
    ("progress",),
    ("arrays", "errors", "spelling", "lean_imports", "text_safety", "csv_safety", "process_guard", "process_pool"),
    ("files", "user_files", "registry", "vocabulary", "statistics"),
    ("config",),
    ("features",),
    ("data",),
    ("charging", "costing", "stability"),
    ("surrogates",),
    ("evaluators",),
    ("optimise",),
    ("closed_loop", "agents"),
    ("arena", "screening", "chapter"),
    ("reporting",),
    ("figures",),
    ("workflow",),
    ("authoring",),
    ("stages",),
    ("notebook",),
    ("cli",),
)
ROOMS = ("space", "engines", "campaigns")  # of optimise, from the bottom up
HEIGHT = {name: height for height, row in enumerate(LAYERS) for name in row}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


@cache
def imports_of(path: Path) -> frozenset[Path]:
    """Return the files of the package that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "batterymi":
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] == "batterymi"]
        else:
            continue
        paths = (PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py") for name in names if "." in name)
        found |= {path for path in paths if path.is_file()}
    return frozenset(found)


def place_of(path: Path) -> str:
    """Return the folder of a file, or the module beside the folders."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    """Return a file's path inside the package."""
    return str(path.relative_to(PACKAGE))


def test_every_folder_has_a_place_in_the_order() -> None:
    assert {place_of(path) for path in FILES} <= set(HEIGHT)


def test_nothing_imports_what_lies_above_it() -> None:
    upward = [
        f"{name_of(path)} imports {name_of(other)}"
        for path in FILES
        for other in imports_of(path)
        if HEIGHT[place_of(other)] > HEIGHT[place_of(path)]
    ]
    assert upward == []


def test_no_two_folders_import_each_other_in_a_ring() -> None:
    edges = {(place_of(path), place_of(other)) for path in FILES for other in imports_of(path)}
    rings = sorted(pair for pair in edges if pair[0] < pair[1] and pair[::-1] in edges)
    assert rings == []


def test_the_rooms_of_optimise_are_in_order() -> None:
    room = {path: path.relative_to(PACKAGE).parts[1] for path in FILES if place_of(path) == "optimise"}
    upward = [
        f"{name_of(path)} imports {name_of(other)}"
        for path in room
        for other in imports_of(path) & set(room)
        if ROOMS.index(room[other]) > ROOMS.index(room[path])
    ]
    assert upward == []


def test_stages_import_no_stages() -> None:
    stages = [path for path in FILES if place_of(path) == "stages"]
    assert [name_of(path) for path in stages if any(place_of(other) == "stages" for other in imports_of(path))] == []


@pytest.mark.parametrize("kind", ["scripts", "stages"])
def test_every_rule_with_a_script_has_a_stage_of_its_name(kind: str) -> None:
    scripts = {path.stem for path in (PACKAGE.parents[1] / "scripts").glob("*.py")}
    folder = PACKAGE / "stages" if kind == "stages" else PACKAGE.parents[1] / "scripts"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == scripts


def test_no_files_import_each_other_in_a_circle() -> None:
    done: set[Path] = set()

    def visit(path: Path, trail: tuple[Path, ...]) -> None:
        assert path not in trail, " -> ".join(name_of(one) for one in (*trail[trail.index(path) :], path))
        if path not in done:
            for other in imports_of(path):
                visit(other, (*trail, path))
            done.add(path)

    for path in FILES:
        visit(path, ())


def test_no_function_takes_more_than_eight_parameters() -> None:
    long = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                taken = node.args
                names = [one.arg for one in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
                names += [one.arg for one in (taken.vararg, taken.kwarg) if one]
                if len([name for name in names if name not in ("self", "cls")]) > 8:
                    long.append(f"{name_of(path)}: {node.name}")
    assert long == []
