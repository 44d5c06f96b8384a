"""Reading and checking the configuration: the only door for settings."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from batterymi.config.datasets import Dataset
from batterymi.config.messages import MAX_LISTED, MAX_WORD, cut, describe
from batterymi.config.parts import Name
from batterymi.config.study import Config, Study
from batterymi.errors import ConfigError
from batterymi.spelling import did_you_mean

RESERVED = {"all", "summary", "report", "rejected"}
# Snakemake writes settings into the scripts of its report, where these would end them and begin others
SCRIPT, NO_SCRIPT = re.compile(r"</?\s*script|<!--", re.IGNORECASE), "settings hold no scripts; write it in other words"
MAX_TEXT, MAX_DEPTH, MAX_NODES = 1_000_000, 40, 50_000  # of a YAML file: characters, levels, entries
MAX_BITS = 1000  # of an integer; a float holds 1024, and Python prints no more than 4300 digits
TOO_LARGE = f"an integer of more than {MAX_BITS} bits"


# PyYAML's C loader takes 1 ms for a study, ruamel.yaml 10, and 500 studies are read before each run
class UniqueKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML in which a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; the second of two equal keys would silently win otherwise."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.MarkedYAMLError(problem=f"the key '{key}' stands twice", problem_mark=key_node.start_mark)
            if isinstance(key, str):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Build an integer; YAML has hexadecimal and sexagesimal ones too, as long as one likes."""
        value: int = super().construct_yaml_int(node)
        if value.bit_length() > MAX_BITS:
            raise yaml.MarkedYAMLError(problem=TOO_LARGE, problem_mark=node.start_mark)
        return value


UniqueKeyLoader.add_constructor("tag:yaml.org,2002:int", UniqueKeyLoader.construct_yaml_int)


def check_extent(text: str) -> None:
    """Refuse YAML that is larger or deeper than any settings are, before anything is built from it.

    An alias stands for all that its anchor holds, and a few lines of aliases to aliases for more than any memory; so
    each counts for what it stands for. Events are read one by one, without recursion.

    Raises:
        yaml.MarkedYAMLError: what is too large, and where; also for text that is no YAML.
    """
    if len(text) > MAX_TEXT:
        raise yaml.MarkedYAMLError(problem=f"{len(text)} characters; settings have at most {MAX_TEXT}")
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    total = 0
    for event in yaml.parse(text, Loader=UniqueKeyLoader):
        mark: Any = event.start_mark
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.ScalarEvent):
            if script := SCRIPT.search(event.value):
                raise yaml.MarkedYAMLError(problem=f"'{script[0]}': {NO_SCRIPT}", problem_mark=mark)
            total += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in (anchor for anchor, _ in open_nodes):
                raise yaml.MarkedYAMLError(
                    problem=f"the alias '*{event.anchor}' stands within what it stands for",
                    problem_mark=mark,
                )
            total += sizes.get(event.anchor or "", 1)
        for found, most, what in ((len(open_nodes), MAX_DEPTH, "levels"), (total, MAX_NODES, "entries")):
            if found > most:
                raise yaml.MarkedYAMLError(
                    problem=f"more than {most} {what}, aliases counted for what they stand for",
                    problem_mark=mark,
                )


def check_settings(content: Any) -> None:
    """Refuse settings of a run that hold more than any settings do, however few objects they are made of.

    Snakemake reads the configuration itself, with aliases as shared objects.

    Raises:
        ConfigError: if there are too many entries or levels.
    """
    sizes: dict[int, int] = {}

    def size(value: Any, level: int) -> int:
        if level > MAX_DEPTH:
            raise ConfigError([f"config: more than {MAX_DEPTH} levels"])
        if isinstance(value, str) and (found := SCRIPT.search(value)):
            raise ConfigError([f"config: '{found[0]}': {NO_SCRIPT}"])
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise ConfigError([f"config: {TOO_LARGE}"])
        if not isinstance(value, Mapping | list | tuple):
            return 1
        if id(value) not in sizes:
            parts = [*value, *value.values()] if isinstance(value, Mapping) else value
            counted = sum(size(part, level + 1) for part in parts)
            sizes[id(value)] = 1 + counted - (len(value) if isinstance(value, Mapping) else 0)
        return sizes[id(value)]

    if size(content, 0) > MAX_NODES:
        raise ConfigError([f"config: more than {MAX_NODES} entries, aliases counted for what they stand for"])


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigError: if the file is missing, is not UTF-8 or YAML, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        check_extent(text)
        content = yaml.load(text, Loader=UniqueKeyLoader)  # noqa: S506 - derives from SafeLoader
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {_first_line(error)}"]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise ConfigError([f"{path}: {where}: not valid YAML: {error.problem}"]) from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ConfigError([f"{path}: not valid YAML: {_first_line(error)}"]) from None
    if not isinstance(content, dict):
        raise ConfigError([f"{path}: expected keys and values, found {_kind(content)}"])
    return content


def load_config(raw: Mapping[str, Any], source: str = "config/config.yaml") -> Config:
    """Check the settings of the run.

    Args:
        raw: the merged configuration as Snakemake hands it over.
        source: what error messages call it.

    Raises:
        ConfigError: with every problem found.
    """
    check_settings(raw)
    try:
        return Config.model_validate(dict(raw))
    except ValidationError as error:
        raise ConfigError(describe(error, source, Config)) from None


def study_files(config: Config) -> dict[str, Path]:
    """The YAML file of every study in the folder of studies.

    Raises:
        ConfigError: if the folder is missing, a file name cannot be a study name, or a study of the
            configuration has no file.
    """
    folder = Path(config.studies_folder)
    if not folder.is_dir():
        raise ConfigError([f"config: studies_folder: '{folder}' is not a folder"])
    files = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    problems = [
        f"{path}: '{name}' cannot name a study; use lower-case letters, digits and _"
        for name, path in files.items()
        if not name.isidentifier() or name != name.lower() or name in RESERVED
    ]
    wanted = [] if config.studies == "all" else list(config.studies)
    named = [*wanted, *(key for key in config.overrides if key != "all")]
    missing = [cut(name, MAX_WORD) for name in named if name not in files]
    problems += [
        f"config: studies: there is no {folder}/{name}.yaml; {did_you_mean(name, files)}"
        for name in missing[:MAX_LISTED]
    ]
    problems += [f"config: studies: {len(missing) - MAX_LISTED} more"] if len(missing) > MAX_LISTED else []
    if problems:
        raise ConfigError(problems)
    return files


def load_study(path: Path, config: Config | None = None) -> Study:
    """Check one study's YAML, with the overrides of the configuration laid over it.

    Raises:
        ConfigError: with every problem found, each with file, key, what was found and what would be right.
    """
    raw = read_yaml(path)
    for key in ("all", path.stem):
        raw = merged(raw, (config.overrides if config else {}).get(key, {}))
    try:
        return Study.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(describe(error, str(path), Study)) from None


def load_studies(config: Config) -> tuple[dict[str, Study], dict[str, ConfigError]]:
    """Check every study: those that are right, and what is wrong with the others."""
    studies: dict[str, Study] = {}
    rejected: dict[str, ConfigError] = {}
    for name, path in study_files(config).items():
        try:
            studies[name] = load_study(path, config)
        except ConfigError as error:
            rejected[name] = error
    return studies, rejected


def selected_studies(config: Config, studies: Mapping[str, Study], rejected: Mapping[str, ConfigError]) -> list[str]:
    """Names of the studies that a plain run takes, rejected ones included."""
    if config.studies != "all":
        return list(config.studies)
    return sorted([*(name for name, study in studies.items() if study.edition in config.editions), *rejected])


def load_datasets(path: str | Path) -> dict[str, Dataset]:
    """Read the catalogue.

    Raises:
        ConfigError: with every problem found, each with file, key, what was found and what would be right.
    """
    raw = read_yaml(Path(path))
    try:
        names = TypeAdapter(dict[Name, dict]).validate_python(raw)
    except ValidationError as error:
        raise ConfigError(describe(error, str(path), Dataset)) from None
    found, problems = {}, []
    for name, entry in names.items():
        try:
            found[name] = Dataset.model_validate(entry)
        except ValidationError as error:
            problems += describe(error, f"{path}: {name}", Dataset)
    if problems:
        raise ConfigError(problems)
    return found


def used_datasets(studies: Iterable[Study], known: Iterable[str]) -> list[str]:
    """Names of the data sets that studies read.

    Raises:
        ConfigError: if the catalogue lacks one.
    """
    used = sorted({name for study in studies for name in study.datasets})
    missing = [f"datasets: there is no '{name}'; {did_you_mean(name, known)}" for name in used if name not in known]
    if missing:
        raise ConfigError(missing)
    return used


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one nested mapping over another; lists and scalars of `over` replace those of `base`."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            result[key] = merged(below, value)
        else:
            result[key] = value
    return result


def _first_line(error: BaseException) -> str:
    """The first line of a library's message, shortened."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _kind(content: Any) -> str:
    """Name what a YAML file held instead of a mapping."""
    return "nothing" if content is None else f"a {type(content).__name__}"
