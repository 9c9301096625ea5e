"""Formulas as MathML, which browsers show themselves: MathJax would be loaded from the network.

Docutils is imported in the functions, since tests read this file where it is not installed.
"""

from __future__ import annotations

from html import escape
from typing import Any


def write_inline(writer: Any, node: Any) -> None:
    """Write a formula within a line."""
    _write(writer, node.astext(), as_block=False)


def write_block(writer: Any, node: Any) -> None:
    """Write a formula that stands alone, in several lines if it has line breaks."""
    tex = node.astext().strip()
    if "\\\\" in tex and "\\begin" not in tex:
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    _write(writer, tex, as_block=True)


def _write(writer: Any, tex: str, *, as_block: bool) -> None:
    from docutils.nodes import SkipNode
    from docutils.utils.math.latex2mathml import tex2mathml

    shown, tag = tex2mathml(tex, as_block=as_block), "div" if as_block else "span"
    writer.body.append(f'<{tag} class="math" title="{escape(tex)}">{shown}</{tag}>')
    raise SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Add this kind of formula to Sphinx."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
