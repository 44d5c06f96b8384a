"""Things that must agree: documents with models, locks with ranges, closures with code."""

import ast
import re
import tomllib
from pathlib import Path

import install_torch
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from batterymi import registry
from batterymi.workflow.provenance import find_code_closure, find_imported_modules, find_module_file

ROOT = Path(__file__).resolve().parents[1]


def locked_requirements() -> dict[str, list[str]]:
    """The digests of each line of the lock, by requirement."""
    entries = re.split(r"\n(?! )", (ROOT / "requirements.lock").read_text(encoding="utf-8").strip())
    parts = [[part.strip() for part in entry.split("\\\n")] for entry in entries]
    return {requirement: digests for requirement, *digests in parts}


# no result of a plain run rests on them
NOT_LOCKED = ("bench", "atomistic", "site")


def test_ranges_and_lock_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock: dict[str, list[str]] = {}
    for line in locked_requirements():
        pinned = Requirement(line)
        assert str(pinned.specifier).startswith("=="), line
        lock.setdefault(canonicalize_name(pinned.name), []).append(str(pinned.specifier).removeprefix("=="))
    locked = [extra for name, extra in project["optional-dependencies"].items() if name not in NOT_LOCKED]
    wanted = [*project["dependencies"], *(requirement for extra in locked for requirement in extra)]
    for text in wanted:
        requirement = Requirement(text)
        assert all(requirement.specifier.contains(version) for version in lock[canonicalize_name(requirement.name)]), (
            text
        )


def test_every_line_of_the_lock_has_digests_but_the_one_of_pytorch() -> None:
    lock = locked_requirements()
    bare = [requirement for requirement, digests in lock.items() if not digests]
    assert bare == [f"torch=={install_torch.read_version()}"]
    assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", digest) for digests in lock.values() for digest in digests)


def test_the_lock_names_no_place() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not any(mark in text for mark in ("/", "@ ", "#"))


def test_conda_brings_what_make_needs_and_leaves_the_rest_to_the_lock() -> None:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert [entry.partition("=")[0] for entry in conda["dependencies"]] == ["python", "pip", "git", "make"]


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in registry.REGISTRY for name in registry.list_names(kind)]
)
def test_every_registered_name_leads_somewhere(kind: str, name: str) -> None:
    found = registry.look_up(kind, name)
    assert found.name == name if kind == "cell" else callable(found)


def test_an_unknown_name_is_suggested() -> None:
    with pytest.raises(KeyError, match="did you mean 'random'"):
        registry.find_module("engine", "randon")


def test_package_init_files_are_empty() -> None:
    for path in (ROOT / "src").rglob("__init__.py"):
        if path.parent == ROOT / "src/batterymi":
            assert find_imported_modules(path) == set(), f"{path}: every closure would hold all it imports"
        else:
            assert path.read_text(encoding="utf-8") == "", f"{path}: every closure would hold all it imports"


def test_imports_found_by_pattern_are_those_of_the_syntax_tree() -> None:
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        expected: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                expected |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                expected.add(node.module or "")
                expected |= {f"{node.module}.{alias.name}" for alias in node.names}
        assert find_imported_modules(path) == {name for name in expected if name and find_module_file(name)}, path


def test_a_closure_holds_what_a_script_imports_directly_or_not() -> None:
    def names(script: str, *modules: str) -> set[str]:
        return {path.stem for path in find_code_closure(ROOT / "scripts" / script, modules)}

    train = names("train_surrogate.py")
    assert {"train_surrogate", "validation", "comparison", "files", "encode"} <= train
    assert not {"charging", "skopt_engine", "ternary", "trees"} & train
    assert "trees" in names("train_surrogate.py", "batterymi.surrogates.families.trees")
    assert "skopt_engine" in names("run_campaign.py", "batterymi.optimise.engines.skopt_engine")
    assert "skopt_engine" not in names("run_campaign.py")
    assert "registry" not in names("run_campaign.py"), "a further name makes no result stale"
    assert "registry" in names("run_campaign.py", "batterymi.registry")


def test_imports_inside_functions_count() -> None:
    file = find_module_file("batterymi.evaluators.charging")
    assert file is not None
    assert "batterymi.charging.simulator" in find_imported_modules(file)


def test_adapters_are_short_and_call_one_function() -> None:
    for path in (ROOT / "scripts").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 40, path
        assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)], path


STAGES_OF_NETS = (
    "compare_pretrained",
    "fine_tune",
    "gather_formula_net",
    "pretrain_formula_net",
    "pretrain_graph_net",
    "teach_voltages",
)


def test_heavy_modules_are_imported_where_they_are_used() -> None:
    heavy = {"torch", "pybamm", "pymatgen", "matplotlib", "skopt", "casadi", "gymnasium", "stable_baselines3"}
    # made of such a module throughout, so that they are imported where they are used instead
    agents = ("callback", "checkpoint", "environment", "evaluate", "learner", "training")
    made_of_it = {"batterymi.stages.train_agent", *(f"batterymi.agents.{name}" for name in agents)}
    nets = ("checkpoint", "formula", "formula_chain", "formula_voltage", "graph", "pairs", "pretrain", "train")
    made_of_it |= {"batterymi.surrogates.formula_transfer", *(f"batterymi.surrogates.nets.{name}" for name in nets)}
    made_of_it |= {f"batterymi.stages.{name}" for name in STAGES_OF_NETS}
    for path in (ROOT / "src").rglob("*.py"):
        own = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if own not in made_of_it:
                assert not heavy & {name.split(".")[0] for name in names}, f"{path}:{node.lineno}"
                assert not made_of_it & set(names), f"{path}:{node.lineno}"
