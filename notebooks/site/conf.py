"""Settings of Sphinx for the site, which `build.py` beside this file assembles and builds."""

from __future__ import annotations

import inspect
import sys
from collections import defaultdict
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

project = "workbench"
author = "the authors of workbench"
copyright = "the authors of workbench, MIT licence"
release = version = installed("workbench")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "mathml",
]
html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"workbench {release}"
html_show_sourcelink = False

# Notebooks are committed without outputs. `make docs RUN=yes` runs them.
nb_execution_mode = "off"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# A name in single backticks is a link if the site documents it, and plain code otherwise.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_inherit_docstrings = True
napoleon_google_docstring = False
napoleon_use_rtype = False
# Names of attributes are listed, not linked: Sphinx would link any attribute of the same name.
napoleon_custom_sections = [("Attributes", "params_style")]
napoleon_preprocess_types = True
# Two classes that are called Guard occur in annotations, without their modules.
suppress_warnings = ["ref.python"]
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"


def link_short_name(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Return a link for the name of a class or function without its module, if only one has it."""
    from sphinx.util.nodes import make_refnode

    if node.get("refdomain") != "py":
        return None
    objects = env.get_domain("py").objects
    if len(objects) != _known.get("size"):
        _known.update(size=len(objects), names=defaultdict(list))
        for path, entry in objects.items():
            if entry.objtype in ("class", "exception", "function") and not entry.aliased:
                _known["names"][path.rpartition(".")[2]].append((entry.docname, entry.node_id))
    found = _known["names"].get(node["reftarget"], [])
    if len(found) != 1:
        return None
    return make_refnode(app.builder, node["refdoc"], *found[0], contnode)


_known: dict[str, Any] = {}


def show_signature(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str, annotation: str
) -> tuple[str, str] | None:
    """Return the signature of a class as `help` shows it, with the options of its bases."""
    from sphinx.util.inspect import stringify_signature

    if what not in ("class", "exception") or signature not in (None, "", "()"):
        return None
    try:
        found = inspect.signature(obj)
    except (TypeError, ValueError):
        return None
    shown = found.replace(return_annotation=inspect.Signature.empty)
    return stringify_signature(shown, unqualified_typehints=True), ""


def setup(app: Any) -> None:
    """Connect this file to Sphinx."""
    app.connect("missing-reference", link_short_name)
    app.connect("autodoc-process-signature", show_signature)
