"""Pages of results that need no other file."""

import html

STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5em; color: #222; }
table { border-collapse: collapse; margin: 0.5em 0 2em; }
th, td { border-bottom: 1px solid #ccc; padding: 0.35em 0.6em; text-align: left; vertical-align: top; }
th { background: #f3f3f3; position: sticky; top: 0; }
td { max-width: 30em; }
.reproduced { color: #00684a; } .contradicted { color: #a33b00; } .untestable { color: #666; }
"""


def render_page(title: str, body: str) -> str:
    """Return a page as HTML.

    Args:
        title: plain text.
        body: HTML, texts in it escaped already.
    """
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )
