"""Where a number comes from: its file, the place in it, the rule that made the file, and the log of the rule."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from batterymi.reporting.other_results import OTHER_RESULTS, RUN
from batterymi.reporting.study_results import StudyResults


@dataclass(frozen=True)
class Origin:
    """Where a number comes from.

    Attributes:
        file: the file that it was read from.
        key: the place in it: a key of JSON, or a row and a column of a table; empty for all of it.
        rule: the rule that made the file; empty where it is not known.
        log: the log of that rule, whether or not it is there.
    """

    file: Path
    key: str
    rule: str = ""
    log: Path | None = None


def find_origin(source: str, results: Path, logs: Path, open_study: Callable[[str], StudyResults | None]) -> Origin:
    """Return where a number comes from.

    Args:
        source: as summaries and claims have it: a file, and after `#` the place in it.
        results: the folder of all results.
        logs: the folder of all logs.
        open_study: returns the results of a study by its name, or None if it is not known.
    """
    name, _, key = source.partition("#")
    path = Path(name)
    if not path.is_relative_to(results):
        return Origin(path, key)
    folder = {results: RUN, results / path.parent.name: path.parent.name}.get(path.parent, "")
    if shared := OTHER_RESULTS.get(folder, {}).get(path.name):
        return Origin(path, key, shared, logs / f"{shared}.log")
    study = path.relative_to(results).parts[0]
    found = open_study(study)
    rule = found.find_rule(path) if found else None
    return Origin(path, key, rule, logs / f"{rule}/{study}.log") if rule else Origin(path, key)
