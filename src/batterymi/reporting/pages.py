"""Pages of results for readers: HTML that needs no other file, and Markdown, both from templates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup

from batterymi.reporting.claim_verdicts import DEPENDS, FAILS, HOLDS, NOT_REPRODUCED, REPRODUCED
from batterymi.reporting.claims import RELATIONS
from batterymi.reporting.claims_table import count_verdicts
from batterymi.text_safety import escape_markdown

if TYPE_CHECKING:
    from jinja2 import Environment

# of verdicts on pages
VERDICT_CLASSES = {REPRODUCED: "good", HOLDS: "good", NOT_REPRODUCED: "bad", FAILS: "bad", DEPENDS: "open"}


@dataclass(frozen=True)
class TextTable:
    """A table of texts.

    Attributes:
        title: its heading.
        remark: a paragraph above it, or nothing.
        columns: the first line.
        rows: the others.
    """

    title: str
    remark: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def render_tables(title: str, tables: Sequence[TextTable]) -> str:
    """Return tables as a page; all texts are escaped."""
    return render_template("tables.html.j2", title=title, tables=tables)


def render_markdown(tables: Sequence[TextTable]) -> str:
    """Return tables as Markdown; no text ends its cell or becomes HTML or a link."""
    return render_template("tables.md.j2", tables=tables)


def render_claims(claims: pd.DataFrame) -> str:
    """Return the rows of claims.csv as a page, the claims of each study together."""
    studies = {str(study): rows.to_dict("records") for study, rows in claims.groupby("study", sort=False)}
    counts = {study: count_verdicts(claims[claims["study"] == study]) for study in studies}
    return render_template(
        "claims.html.j2",
        title="Claims",
        studies=studies,
        total=len(claims),
        counts=counts | {"": count_verdicts(claims)},
        classes=VERDICT_CLASSES,
        relations=RELATIONS,
    )


def render_template(template: str, **values: Any) -> str:
    """Fill in a template."""
    return _open_templates().get_template(template).render(**values)


@cache
def _open_templates() -> "Environment":
    """Return the templates beside this module; those of HTML escape every text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {
        "markdown_cell": escape_markdown,
        "number": format_number,
        "percent": format_percent,
        "capitalize_first": capitalize_first,
        "escape_script": escape_script,
        "safe_url": link_if_safe,
    }
    return templates


def format_number(value: float | None, form: str) -> str:
    """Return a number, or a dash where there is none."""
    return "-" if value is None or math.isnan(value) else format(value, form)


def format_percent(share: float) -> str:
    """Return a share in percent."""
    return f"{100 * share:.0f} %"


def capitalize_first(text: str) -> str:
    """Return a text that begins with a capital letter; the others stay as they are."""
    return text[:1].upper() + text[1:]


def escape_script(text: str) -> Markup:
    """Return JSON that can stand within a script element, whatever texts it holds."""
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704 - no letter of it can end the element


def link_if_safe(url: str) -> str:
    """Return an address that leads to a web page, else nothing."""
    return url if url.startswith(("https://", "http://")) else ""
