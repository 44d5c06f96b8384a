r"""Text on its way out: to a terminal, a log, a CSV file, Markdown or HTML, whatever it came from.

A cell of a table, a file's name or the message of a library may hold characters that move a terminal's cursor, reverse
the direction of writing, or hide; they become visible escapes such as `\x1b`. Credentials in URLs are left out.
"""

import os
import re
import sys
from contextlib import suppress
from typing import TextIO

# C0 but tab and line feed, delete and C1, marks of direction, separators of lines, invisible signs, tags, half a pair
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u2800\u3164\uffa0\U000e0000-\U000e007f\ud800-\udfff]"
)
# a password may hold any sign, so after a colon everything up to the last @ is left out
USER = re.compile(r"(?<=://)(?:[^/?#\s@:]*:[^\s]*@|[^/?#\s]*@)")
NAMES_OF_PARAMETERS = r"(?:[\w.-]*(?:token|secret|passw(?:or)?d|pwd|signature|credential|key|auth)|code|sig)"
SECRET = re.compile(rf"(?i)([?&#;]{NAMES_OF_PARAMETERS}=)[^&#;\s]+")


def make_visible(text: str) -> str:
    """Return a text whose control characters are visible escapes; tabs and line feeds stay.

    A text without such characters comes back as it is, so applying this twice is the same as once.
    """
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def show_in_line(text: str) -> str:
    """Return a text as part of one line of a message, which a line feed in a cell would end to begin a forged one."""
    return make_visible(text.replace("\n", "\\n"))


def hide_credentials(text: str) -> str:
    """Return a text whose URLs hold no user, password or secret parameter."""
    return SECRET.sub(r"\1***", USER.sub("***@", text)) if "://" in text else text


def clean_message(text: str) -> str:
    """Return a message as a person may see it, in a log or on a terminal."""
    return make_visible(hide_credentials(text))


def escape_markdown(text: str) -> str:
    """Return a text within a line or a table cell of Markdown; it holds no HTML and no link, and ends no cell."""
    for found, escaped in (("\\", "\\\\"), ("|", "\\|"), ("\n", " ")):
        text = text.replace(found, escaped)
    return escape_links(text)


def escape_links(text: str) -> str:
    """Return lines of Markdown in which nothing is HTML, a link or the definition of one."""
    for found, escaped in (("<", "&lt;"), ("](", "]\\("), ("][", "]\\["), ("]:", "]\\:")):
        text = text.replace(found, escaped)
    return make_visible(text)


def write_out(text: str) -> None:
    """Write a text to standard output."""
    _write(sys.stdout, text)


def write_error(text: str) -> None:
    """Write a message to standard error."""
    _write(sys.stderr, text)


def _write(stream: TextIO | None, text: str) -> None:
    """Write a message to a terminal, which may lack some of its letters."""
    if stream is None:  # it was closed before this process began
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        # a terminal that has no ² gets an escape in its place
        stream.write(clean_message(text).encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError:
        # a closed pipe or a full disk; what the command did is done, and nobody reads what it says
        _discard(stream)


def _discard(stream: TextIO) -> None:
    """Let a stream write nowhere, so that Python does not try again, and complain, when the process ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
