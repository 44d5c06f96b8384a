"""Find the numbers in the text of the chapter, to compare with the list in data/textbook/numbers.csv."""

import re
from collections.abc import Iterator

SECTION = re.compile(r"^#{2,3} (?P<section>\d\.\d(\.\d)?|Exercises|References)")
HEADING = re.compile(r"^#+ (\d(\.\d){1,2} |Chapter \d: )?(Case Study \d: )?")
MARKER = re.compile(r"(?<![\d.])\d+(\\\.|\.(?= \*\*| \w))")  # of a numbered list
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
POWER = r"10(?P<power>[⁻⁰-⁹¹²³]+)"
# powers of ten, then decimal amounts in formulas, then plain numbers that are no part of a name such as NCM622
NUMBER = re.compile(rf"(?:(?P<factor>\d[\d.]*) × )?{POWER}|[₀-₉]+\.[₀-₉]+|(?<![\w.])\d[\d,]*(?:\.\d+)?")
FIELD = re.compile(r"\{([^{}]+)\}")


def list_numbers(chapter: str) -> list[tuple[str, str, str]]:
    """Return section, place (text or code output) and token of each number in prose and in what the code prints."""
    body = re.sub(r"^---\n.*?\n---\n", "", chapter, flags=re.DOTALL)
    found, section = [], "title"
    for line in body.splitlines():
        if match := SECTION.match(line):
            section = match["section"]
        if line.startswith("    ") and re.fullmatch(r"4\.\d\.3", section):
            found += [(section, "code output", token) for token in _list_printed(line)]
        else:
            found += [(section, "text", token) for token in _list_tokens(HEADING.sub("", line))]
    return found


def _list_printed(line: str) -> Iterator[str]:
    """Yield the fields and the literal numbers of a line that prints."""
    if not line.lstrip().startswith("print("):
        return
    for match in FIELD.finditer(line):
        yield "{" + match[1] + "}"
    yield from _list_tokens(FIELD.sub("", line))


def _list_tokens(text: str) -> Iterator[str]:
    """Yield the numbers of a line of text."""
    for match in NUMBER.finditer(MARKER.sub("", text)):
        if match["power"]:
            power = match["power"].translate(POWERS)
            yield f"{match['factor']}e{power}" if match["factor"] else f"10^{power}"
        else:
            yield match[0].translate(SUBSCRIPTS).rstrip(",")
