"""Settings of Sphinx. Nothing that the site shows comes from another server."""

import re

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "battery-mi"
author = "the authors of battery-mi"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
source_suffix = {".md": "markdown"}
suppress_warnings = ["config.cache"]

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_extra_path = ["_extra"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False  # the licence says it
html_last_updated_fmt = None
templates_path: list[str] = []
pygments_style = "friendly"
pygments_dark_style = "monokai"

# anchors as GitHub makes them, so that links work in both places
myst_heading_anchors = 5
myst_all_links_external = False

default_role = "code"  # docstrings have single backticks around code
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = False
add_module_names = False
smartquotes = False  # numbers and names stay as the results have them


def shorten_signature(
    _app: Sphinx, what: str, _name: str, _object: object, _options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Leave out the signature of classes that users do not call: those with parameters of their own."""
    is_private = what == "class" and signature is not None and re.search(r"[(, ]_\w+:", signature)
    return ("" if is_private else signature), returns


def setup(app: Sphinx) -> None:
    """Show blocks of CSV as they are, since Pygments knows no such language, and signatures without private parts."""
    app.add_lexer("csv", TextLexer)
    app.connect("autodoc-process-signature", shorten_signature)
