"""Diagrams as the text of a Mermaid flowchart, which GitHub and many editors can render.

Characters in names that could have a special meaning in Mermaid or HTML are written as numeric
codes, such as ``#34;`` for a quotation mark.
"""

from __future__ import annotations

from workbench.diagrams.diagram import Diagram, Node, in_groups

ENDS = {
    "input": ('(["', '"])'),
    "output": ('(["', '"])'),
    "operation": ('("', '")'),
    "cost": ('{{"', '"}}'),
}
"""Brackets for some kinds of nodes; nodes of other kinds are rectangles."""

PLAIN = frozenset(" _-.,+=?/")
"""Characters that are written unchanged, in addition to letters and digits."""


def to_text(diagram: Diagram) -> str:
    """Return a diagram as the text of a Mermaid flowchart.

    Examples
    --------
    >>> from workbench.diagrams import Diagram, Edge, Node
    >>> nodes = (Node("x", "x", "input"), Node("net", 'a "net"', type="MLP"))
    >>> print(to_text(Diagram("net", nodes, (Edge("x", "net", "batch × 784"),))))
    flowchart TD
        n0(["x"])
        n1["a #34;net#34;<br/>MLP"]
        n0 -->|"batch × 784"| n1
    <BLANKLINE>
    """
    names = {node.id: f"n{number}" for number, node in enumerate(diagram.nodes)}
    containers = {node.parent for node in diagram.nodes}
    lines = ["flowchart TD"]
    depth: list[str] = []
    for node in in_groups(diagram.nodes):
        while depth and depth[-1] != node.parent:
            depth.pop()
            lines.append(f"{_indent(depth)}end")
        indent = _indent(depth)
        if node.id in containers:
            lines.append(f'{indent}subgraph {names[node.id]}["{_label(node, " · ")}"]')
            depth.append(node.id)
        else:
            start, end = ENDS.get(node.kind, ('["', '"]'))
            lines.append(f"{indent}{names[node.id]}{start}{_label(node, '<br/>')}{end}")
    while depth:
        depth.pop()
        lines.append(f"{_indent(depth)}end")
    for edge in diagram.edges:
        label = f'|"{escaped(edge.shape)}"|'
        lines.append(f"    {names[edge.source]} -->{label} {names[edge.target]}")
    return "\n".join(lines) + "\n"


def _indent(depth: list[str]) -> str:
    return "    " * (len(depth) + 1)


def _label(node: Node, between: str) -> str:
    parts = (node.title, node.type, *node.facts)
    return between.join(escaped(part) for part in parts if part) or "?"


def escaped(text: str) -> str:
    """Return text with each character that has a special meaning replaced by its code."""
    return "".join(
        one if one.isalnum() or one in PLAIN or one in "×·" else f"#{ord(one)};"
        for one in " ".join(text.split())
    )
