"""Loading and checking of the configuration; settings enter nowhere else."""

import keyword
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from batterymi.config.campaign import CAMPAIGNS
from batterymi.config.compositions import find_model_problems
from batterymi.config.datasets import Dataset
from batterymi.config.messages import MAX_LISTED, MAX_WORD, describe_errors, truncate_text, validate_settings
from batterymi.config.origin import name_origin, read_origins
from batterymi.config.parts import Name
from batterymi.config.run import Config
from batterymi.config.study import Study
from batterymi.errors import ConfigError, get_first_line
from batterymi.spelling import did_you_mean
from batterymi.text_safety import UNSAFE, make_visible

MISNAMED = re.compile(r"(?i)\.ya?ml(?:\.txt)?$(?<!(?-i:\.yaml))")  # as my.yml, my.YAML, my.yaml.txt
FIRST_STUDY = "start one from a table: batterymi new-study data/my.csv"
MAX_NAME = 100  # characters of a study's; logs and results have it in their paths, with endings of their own
PERIODIC = re.compile(r"(.+?)\1{19,}$")  # Snakemake takes this for a rule that feeds itself without end
# the targets that are not studies, and folders of results
TARGETS = {
    "all",
    "summary",
    "claims",
    "screens",
    "fidelities",
    "methods",
    "exercises",
    "structures",
    "graph_pretraining",
    "activation_energies",
    "barriers",
    "computed_sets",
    "electrode_graphs",
    "nasicon",
    "structure_types",
    "pretrained",
    "transfer_curve",
    "closed_loop",
    "charging_arena",
    "stability",
    "hull_distances",
    "report",
    "rejected",
}
RULES = {path.stem for path in Path(__file__).parents[1].joinpath("stages").glob("*.py")}
RESERVED = TARGETS | RULES | {"arena", "no_study_is_right", "no_study_at_all"}
# Snakemake embeds settings in the scripts of its report, where such text would end one script and begin another
SCRIPT, NO_SCRIPT = re.compile(r"</?\s*script|<!--", re.IGNORECASE), "scripts are not allowed in settings; rephrase it"
MAX_TEXT, MAX_DEPTH, MAX_NODES = 1_000_000, 40, 50_000  # of a YAML file: characters, levels, entries
MAX_SHOWN = 60  # characters of a text in a message
MAX_BITS = 1000  # of an integer; a float holds 1024, and Python prints no more than 4300 digits
TOO_LARGE = f"an integer of more than {MAX_BITS} bits"


# PyYAML's C loader takes 1 ms for a study, ruamel.yaml 10, and 500 studies are read before each run
class UniqueKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML in which a repeated key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping and refuse a repeated key, of which the second value would silently win otherwise."""
        keys: set[Any] = set()
        for key_node, _ in node.value:
            # `<<` is not a key but merges another mapping
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in keys:
                raise yaml.MarkedYAMLError(problem=f"the key '{key}' is listed twice", problem_mark=key_node.start_mark)
            if isinstance(key, str):
                keys.add(key)
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Build an integer of bounded size; YAML also has hexadecimal and sexagesimal integers of any length."""
        value: int = super().construct_yaml_int(node)
        if value.bit_length() > MAX_BITS:
            raise yaml.MarkedYAMLError(problem=TOO_LARGE, problem_mark=node.start_mark)
        return value


# PyYAML finds constructors in a table, so overriding the method is not enough
UniqueKeyLoader.add_constructor("tag:yaml.org,2002:int", UniqueKeyLoader.construct_yaml_int)


def check_extent(text: str) -> None:
    """Refuse YAML that is larger or deeper than any settings are, before anything is built from it.

    A few lines of aliases to aliases can expand to more than any memory holds, so each alias counts as all that its
    anchor holds. Events are read one by one, without recursion.

    Raises:
        yaml.MarkedYAMLError: what is too large, and where; also for text that is not YAML.
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
            if problem := _find_text_problem(event.value):
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
            total += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            # an alias inside its own anchor would expand without end
            if event.anchor in (anchor for anchor, _ in open_nodes):
                problem = f"the alias '*{event.anchor}' refers to a node that contains it"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
            # aliases count in full, against files that expand exponentially ("billion laughs")
            total += sizes.get(event.anchor or "", 1)
        for found, most, what in ((len(open_nodes), MAX_DEPTH, "levels"), (total, MAX_NODES, "entries")):
            if found > most:
                problem = f"more than {most} {what}, aliases counted in full"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _find_text_problem(text: str) -> str | None:
    """Return why a text does not belong into settings, or None."""
    if script := SCRIPT.search(text):
        return f"'{script[0]}': {NO_SCRIPT}"
    if unsafe := UNSAFE.search(text):
        return f"the control character '{make_visible(unsafe[0])}' in '{make_visible(text[:MAX_SHOWN])}'; remove it"
    return None


def check_settings(content: Any) -> None:
    """Refuse settings that expand to more entries than any settings need, even if they are few objects.

    Snakemake reads the configuration itself, with aliases as shared objects.

    Raises:
        ConfigError: if there are too many entries or levels.
    """
    sizes: dict[int, int] = {}

    def size(value: Any, level: int) -> int:
        if level > MAX_DEPTH:
            raise ConfigError([f"config: more than {MAX_DEPTH} levels"])
        if isinstance(value, str) and (problem := _find_text_problem(value)):
            raise ConfigError([f"config: {problem}"])
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise ConfigError([f"config: {TOO_LARGE}"])
        if not isinstance(value, Mapping | list | tuple):
            return 1
        # aliases are shared objects: each is counted once and reused, or the time would be exponential
        if id(value) not in sizes:
            # keys are visited too, since they may contain scripts
            parts = [*value, *value.values()] if isinstance(value, Mapping) else value
            counted = sum(size(part, level + 1) for part in parts)
            # a key and its value count as one entry
            sizes[id(value)] = 1 + counted - (len(value) if isinstance(value, Mapping) else 0)
        return sizes[id(value)]

    if size(content, 0) > MAX_NODES:
        raise ConfigError([f"config: more than {MAX_NODES} entries, aliases counted in full"])


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigError: if the file is missing, is not UTF-8 or YAML, or holds something else.
    """
    try:
        # editors on Windows write a byte order mark
        text = path.read_text(encoding="utf-8-sig")
        # before loading, since aliases to aliases may expand to more than the memory holds
        check_extent(text)
        content = yaml.load(text, Loader=UniqueKeyLoader)  # noqa: S506 - derives from SafeLoader
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {get_first_line(error)}"]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise ConfigError([f"{path}: {where}: not valid YAML: {error.problem}"]) from None
    # PyYAML passes on errors of its constructors, as for the date 2026-13-01
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ConfigError([f"{path}: not valid YAML: {get_first_line(error)}"]) from None
    if not isinstance(content, dict):
        raise ConfigError([f"{path}: expected keys and values, found {_name_type(content)}"])
    return content


def load_config(raw: Mapping[str, Any], files: Sequence[Path] = ()) -> Config:
    """Load the settings of the run and check them.

    Args:
        raw: the merged configuration as Snakemake hands it over.
        files: that it was merged from, later ones laid over earlier ones, for messages; by default one alone.

    Raises:
        ConfigError: with every problem found.
    """
    check_settings(raw)
    if not files:
        return validate_settings(Config, dict(raw), "config/config.yaml")
    return validate_settings(Config, dict(raw), lambda key: name_origin(key, raw, read_origins(files, read_yaml)))


def find_name_problem(name: str) -> str | None:
    """Return why a word cannot name a study, or None; the name becomes a rule, a wildcard's value and a folder."""
    if len(name) > MAX_NAME:
        return f"'{truncate_text(name, MAX_WORD)}' cannot name a study; use at most {MAX_NAME} characters"
    if not name.isidentifier() or name != name.lower():
        return f"'{truncate_text(name, MAX_WORD)}' cannot name a study; use lower-case letters, digits and _"
    if name in RESERVED:
        return f"'{name}' cannot name a study, since a rule or a folder of results has that name; choose another"
    if repeated := PERIODIC.search(name):
        text = truncate_text(name, MAX_WORD)
        return f"'{text}' cannot name a study, since it ends with '{repeated[1]}' many times over; choose another"
    if keyword.iskeyword(name):
        return f"'{name}' cannot name a study, since it is a word of Python; choose another"
    return None


def list_study_files(config: Config) -> dict[str, Path]:
    """List the YAML file of every study in the folder of studies whose name can be that of a study.

    Raises:
        ConfigError: if the folder is missing, or a study of the configuration has no file.
    """
    return _list_files(config)[0]


def _list_files(config: Config) -> tuple[dict[str, Path], dict[str, ConfigError]]:
    """Return the YAML files of studies by name, and what is wrong with the names of the others.

    Raises:
        ConfigError: as for `list_study_files`.
    """
    folder = Path(config.studies_folder)
    if not folder.is_dir():
        raise ConfigError([f"config: studies_folder: '{folder}' is not a folder"])
    # editors and file managers keep copies under hidden names
    found = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    files = {path.stem: path for path in found if path.suffix == ".yaml"}
    wrong = {path: problem for name, path in files.items() if (problem := find_name_problem(name))}
    wrong |= {path: "studies end with .yaml; rename it" for path in found if MISNAMED.search(path.name)}
    files = {name: path for name, path in files.items() if path not in wrong}
    wanted = [] if config.studies == "all" else list(config.studies)
    names_used = [*wanted, *(key for key in config.overrides if key != "all")]
    missing = [truncate_text(name, MAX_WORD) for name in names_used if name not in files]
    hints = ((f"{folder}/{name}.yaml", did_you_mean(name, files)) for name in missing[:MAX_LISTED])
    problems = [f"config: studies: there is no {path}; {hint}" for path, hint in hints]
    # of what is wanted by a name that no study may have, the name is what is wrong
    problems += [f"{path}: {problem}" for path, problem in wrong.items() if path.stem in missing]
    problems += [f"config: studies: {len(missing) - MAX_LISTED} more"] if len(missing) > MAX_LISTED else []
    if problems:
        raise ConfigError(problems)
    rejected: dict[str, ConfigError] = {}
    for path, problem in wrong.items():
        rejected[_make_rule_name(path, {*files, *rejected})] = ConfigError([f"{path}: {problem}"])
    return files, rejected


def _make_rule_name(path: Path, taken: Collection[str]) -> str:
    """Return a name that a rule can have for a file whose own name cannot be one."""
    name = "misnamed_" + re.sub(r"[^a-z0-9]+", "_", path.name.lower()[:MAX_WORD]).strip("_")
    while name in taken or PERIODIC.search(name):
        name += "_2"
    return name


def load_study(path: Path, config: Config | None = None) -> Study:
    """Load one study's YAML with the overrides of the configuration, and check it.

    Raises:
        ConfigError: with every problem found, each with file, key, what was found and what would be right.
    """
    raw = read_yaml(path)
    # the study's own overrides come last, so that they win
    overrides = config.overrides if config else {}
    raw = merge_settings(raw, _select_applicable(overrides.get("all", {}), raw))
    return validate_settings(Study, merge_settings(raw, overrides.get(path.stem, {})), str(path))


def _select_applicable(overrides: Mapping[str, Any], study: Mapping[str, Any]) -> dict[str, Any]:
    """Return the overrides of all studies without what campaigns of this study's mode do not have, as a budget."""
    campaign, own = overrides.get("campaign"), study.get("campaign")
    model = CAMPAIGNS.get(str(own.get("mode"))) if isinstance(own, Mapping) else None
    if model is None or not isinstance(campaign, Mapping):
        return dict(overrides)
    # a key that no mode has is left in, and so refused
    foreign = {key for mode_model in CAMPAIGNS.values() for key in mode_model.model_fields} - set(model.model_fields)
    return dict(overrides) | {"campaign": {key: value for key, value in campaign.items() if key not in foreign}}


def load_studies(config: Config) -> tuple[dict[str, Study], dict[str, ConfigError]]:
    """Load every study; return the valid ones, and the problems of the others."""
    studies: dict[str, Study] = {}
    files, rejected = _list_files(config)
    for name, path in files.items():
        try:
            studies[name] = load_study(path, config)
        except ConfigError as error:
            # kept instead of raised, so that the other studies run (decision 7)
            rejected[name] = error
    for name, study in list(studies.items()):
        if problems := [f"{files[name]}: {line}" for line in find_model_problems(study.evaluator, studies)]:
            rejected[name] = ConfigError(problems)
            del studies[name]
    return studies, rejected


def list_selected_studies(
    config: Config, studies: Mapping[str, Study], rejected: Mapping[str, ConfigError]
) -> list[str]:
    """List the names of the studies that a plain run takes, rejected ones included."""
    if config.studies != "all":
        return list(config.studies)
    return sorted([*(name for name, study in studies.items() if study.edition in config.editions), *rejected])


def load_datasets(path: str | Path) -> dict[str, Dataset]:
    """Load the catalogue of data sets and check it.

    Raises:
        ConfigError: with every problem found, each with file, key, what was found and what would be right.
    """
    raw = read_yaml(Path(path))
    try:
        # names become folders, so they are checked before their entries
        names = TypeAdapter(dict[Name, dict]).validate_python(raw)
    except ValidationError as error:
        raise ConfigError(describe_errors(error, str(path), Dataset)) from None
    found, problems = {}, []
    for name, content in names.items():
        try:
            found[name] = validate_settings(Dataset, content, f"{path}: {name}")
        except ConfigError as error:
            # collected over all entries, so that the user sees every problem at once
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return found


def list_used_datasets(studies: Iterable[Study], known: Iterable[str]) -> list[str]:
    """List the names of the data sets that studies read.

    Raises:
        ConfigError: if the catalogue lacks one.
    """
    used = sorted({name for study in studies for name in study.datasets})
    missing = [f"datasets: there is no '{name}'; {did_you_mean(name, known)}" for name in used if name not in known]
    if missing:
        raise ConfigError(missing)
    return used


def merge_settings(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge one nested mapping into another; lists and scalars of `over` replace those of `base`."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            value = merge_settings(below, value)
        result[key] = value
    return result


def _name_type(content: Any) -> str:
    """Name the type that a YAML file held instead of a mapping."""
    return "nothing" if content is None else f"a {type(content).__name__}"
