"""Tree of a model's bricks as plain values, for views and reports."""

from __future__ import annotations

from typing import Any

from workbench.bricks import Brick
from workbench.graph import ComputationGraph
from workbench.interfaces import Loop
from workbench.model import Model
from workbench.tensor import Variable


def model_tree(loop: Loop) -> list[dict[str, Any]]:
    """Return the top bricks of a main loop's model, with all their descendants.

    If the main loop has no model, the bricks that compute the cost are used. If there are no
    bricks, the parameters are returned instead, with their paths as names.

    Returns
    -------
    list of dict
        A list of dictionaries with ``name``, ``type``, ``details`` (dimensions and settings as
        text), ``parameters`` (a list with ``name`` and ``shape``) and ``children`` (a list of the
        same form).
    """
    model: object = loop.model
    if model is None:
        cost = getattr(loop.algorithm, "cost", None)
        model = ComputationGraph(cost) if isinstance(cost, Variable) else None
    if isinstance(model, ComputationGraph):
        tops = (model if isinstance(model, Model) else Model(model.outputs)).get_top_bricks()
        bricks = [top for top in tops if isinstance(top, Brick)]
        if bricks:
            return [_node(brick, set()) for brick in bricks]
    parameters, _ = loop.state_variables()
    return [_leaf(path, parameter) for path, parameter in parameters.items()]


def _node(brick: Brick, above: set[Brick]) -> dict[str, Any]:
    own = [p for p in brick.parameters if p is not None] if brick.allocated else []
    return {
        "name": brick.name,
        "type": type(brick).__name__,
        "details": brick.describe(),
        "parameters": [{"name": str(p.name), "shape": list(p.shape)} for p in own],
        "children": [
            _node(child, above | {brick})
            for child in brick.children
            if isinstance(child, Brick) and child not in above
        ],
    }


def _leaf(path: str, parameter: Variable) -> dict[str, Any]:
    shape = list(parameter.shape)
    return {
        "name": path,
        "type": "parameter",
        "details": "",
        "parameters": [{"name": path, "shape": shape}],
        "children": [],
    }
