"""Static diagrams of models, as SVG or Mermaid text, which can be viewed without a kernel."""

from workbench.diagrams.diagram import Diagram, Edge, Node
from workbench.names import explain_missing

__all__ = [
    "Diagram",
    "Edge",
    "Node",
]

explain_missing(__name__)
