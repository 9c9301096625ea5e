"""Still diagrams of models, as SVG or Mermaid text, which need neither a kernel nor a page."""

from workbench.diagrams.diagram import Diagram, Edge, Node
from workbench.names import explain_missing

__all__ = [
    "Diagram",
    "Edge",
    "Node",
]

explain_missing(__name__)
