"""The names of the icons of nodes and palette entries; the page draws the icons."""

from __future__ import annotations

from workbench.builder import registry
from workbench.builder.operations import BY_NAME
from workbench.builder.palette import GROUPS


def icon(kind: str, type: str) -> str:
    """Return the name of the icon for a palette entry or a node."""
    if kind == "operation":
        operation = BY_NAME.get(type)
        return "operation" if operation is None else operation.group.lower()
    if kind in ("input", "group", "cost", "scheme", "module"):
        return kind
    return ICONS.get(_group_of(type), "brick")


ICONS = {
    "Layers": "layer", "Activations": "activation", "Containers": "container",
    "Several inputs and outputs": "parallel", "Images": "image", "Recurrent": "recurrent",
    "Attention": "attention", "Normalisation and dropout": "normalisation",
    "Sequence generators": "generator", "PyTorch modules": "module", "Costs": "cost",
}  # fmt: skip
"""The name of the icon for each group of the catalogue."""


def _group_of(type: str) -> str:
    cls = registry.library("brick").get(type)
    return "" if cls is None else GROUPS.get(cls.__module__.split(".")[2], "")
