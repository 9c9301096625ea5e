"""The parts of a model (bricks, variables, parameters) that the nodes of a board represent.

The model was built from a document of the board. The parts of a brick are found in the graph of its
application, so their variables are variables of the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from extensions_live.editor.document import Document
from extensions_live.editor.inside import traced
from extensions_live.editor.wiring import output_names
from workbench.bricks import Brick
from workbench.builder import Built, CallSpec
from workbench.builder.paths import below as brick_below
from workbench.builder.paths import children_of, names_of_children, tree
from workbench.errors import WorkbenchError
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.traversal import ancestors, inputs_of

CHANGED = "the node was changed after the model was built"
UNFINISHED = "the node is not part of the model that is trained"
NO_VALUE = "the value is computed inside a loop and cannot be shown"


@dataclass(frozen=True)
class Place:
    """The brick, variables and parameters that a node represents.

    Attributes
    ----------
    brick : Brick or None
    inputs, outputs : dict of str to Variable
        The variables, keyed by port. Inputs that accept several edges are omitted.
    given : tuple of Variable
        All variables that the node directly depends on.
    parameters : tuple of SharedVariable
        The parameters of the brick and all its descendants.
    is_group : bool
    """

    brick: Brick | None = None
    inputs: Mapping[str, Variable] = field(default_factory=dict)
    outputs: Mapping[str, Variable] = field(default_factory=dict)
    given: tuple[Variable, ...] = ()
    parameters: tuple[SharedVariable, ...] = ()
    is_group: bool = False


class Places:
    """The places of a document's nodes in the model that was built from the document.

    Parameters
    ----------
    document : Document
    built : Built
    """

    def __init__(self, document: Document, built: Built) -> None:
        self.document = document
        self.built = built
        self._found: dict[str, Place | None] = {}
        self._steps: dict[str, dict[str, Place]] = {}

    def find(self, node: str) -> Place | None:
        """Return the place of a node or a part, or None if it is not in the model."""
        if node not in self._found:
            owner, _, step = node.rpartition("/")
            known = node in self.document.inputs or node in self.document.calls
            self._found[node] = self._top(node) if known else self._inside(owner).get(step)
        return self._found[node]

    def group(self, members: Iterable[str]) -> Place:
        """Return the place of a group of nodes, with the parameters of all its members."""
        inside = [self.find(one) for one in members]
        parameters = [v for one in inside if one is not None for v in one.parameters]
        return Place(parameters=tuple(dict.fromkeys(parameters)), is_group=True)

    def variable(self, node: str, port: str, *, from_inside: bool = False) -> Variable | None:
        """Return the variable of an output or, if `from_inside` is True, of an input of a node."""
        place = self.find(node)
        if place is None:
            return None
        return (place.inputs if from_inside else place.outputs).get(port)

    def reason(self, node: str, now: Document) -> str:
        """Return the reason why a node of the current document is not in the model, or ``""``."""
        top = node if node in now.ids() else node.partition("/")[0]
        old = self.document
        if top in now.groups:
            return next(filter(None, (self.reason(one, now) for one in now.inside([top]))), "")
        if top in now.inputs:
            return "" if top in old.inputs else UNFINISHED
        if top not in old.calls or top not in now.calls:
            return UNFINISHED
        before, after = old.calls[top], now.calls[top]
        if _computed(old, before) != _computed(now, after):
            return CHANGED
        return "" if self.find(top) is not None else UNFINISHED

    def bricks(self) -> list[Brick]:
        """Return all bricks of the model without duplicates, parents before their children."""
        return list(dict.fromkeys(b for top in self.built.bricks.values() for b in tree(top)))

    def parameters(self) -> list[SharedVariable]:
        """Return all parameters of the model without duplicates."""
        every = [_place(top, {}, {}, []).parameters for top in self.built.bricks.values()]
        return list(dict.fromkeys(one for several in every for one in several))

    def needs(self, variables: Iterable[Variable]) -> dict[Variable, frozenset[Variable]]:
        """Map each variable and each ancestor to the inputs and parameters that it depends on."""
        found: dict[Variable, frozenset[Variable]] = {}
        for variable in ancestors(variables):
            if isinstance(variable, SharedVariable) or variable.owner is None:
                found[variable] = frozenset({variable})
            else:
                found[variable] = frozenset().union(*(found[v] for v in inputs_of(variable)))
        return found

    def _top(self, node: str) -> Place | None:
        document, wires = self.document, self.built.variables
        names = output_names(document, node)
        made = zip(names, document.outputs(node), strict=True)
        outputs = {name: wires[wire] for name, wire in made if wire in wires}
        if not outputs:
            return None
        if node in document.inputs:
            return Place(outputs=outputs)
        call = document.calls[node]
        inputs = {n: wires[w] for n, w in call.inputs.items() if isinstance(w, str) and w in wires}
        several = [w for given in call.inputs.values() for w in _all(given) if w in wires]
        name, _, path = (call.brick or "").partition("/")
        top = self.built.bricks.get(name)
        brick = None if top is None else brick_below(top, path)
        return _place(brick, inputs, outputs, [wires[wire] for wire in several])

    def _inside(self, owner: str) -> dict[str, Place]:
        """Return the places of the parts of a node, keyed by the names of their steps."""
        if owner not in self._steps:
            place = self.find(owner) if owner else None
            self._steps[owner] = {} if place is None else _parts(place)
        return self._steps[owner]


def _parts(place: Place) -> dict[str, Place]:
    brick = place.brick
    if brick is None:
        return {}
    labels = zip(names_of_children(brick), children_of(brick), strict=True)
    alone = {label: _place(child, {}, {}, []) for label, child in labels}
    try:
        found, known = traced(brick, place.inputs, place.outputs.values())
    except WorkbenchError:
        return alone
    if not found.steps:
        return alone

    def variable(source: object) -> Variable | None:
        if not isinstance(source, tuple):
            return None
        step, name = source
        return known.get((step, name)) if step else place.inputs.get(name)

    result: dict[str, Place] = {}
    for step in found.steps:
        inputs: dict[str, Variable] = {}
        given: list[Variable] = []
        for name, source in step.inputs.items():
            several = source if isinstance(source, list) else [source]
            all_given = [one for one in map(variable, several) if one is not None]
            given += all_given
            if not isinstance(source, list) and all_given:
                inputs[name] = all_given[0]
        outputs = {name: known[step.name, name] for name in step.outputs}
        part = None if step.part is None else brick_below(brick, step.part)
        result[step.name] = _place(part, inputs, outputs, given)
    return result


def _place(
    brick: Brick | None,
    inputs: Mapping[str, Variable],
    outputs: Mapping[str, Variable],
    given: Iterable[Variable],
) -> Place:
    parameters = [
        parameter
        for one in (tree(brick) if brick is not None else ())
        if one.allocated
        for parameter in one.parameters
        if isinstance(parameter, SharedVariable)
    ]
    unique = tuple(dict.fromkeys(parameters))
    return Place(brick, inputs, outputs, tuple(dict.fromkeys(given)), unique)


def _all(given: object) -> list[str]:
    several = given if isinstance(given, list) else [given]
    return [one for one in several if isinstance(one, str)]


def _computed(document: Document, call: CallSpec) -> object:
    """Return a value that identifies the computation of a call, independently of names."""
    name, _, path = (call.brick or "").partition("/")
    brick = document.bricks.get(name)
    plain = None if brick is None else replace(brick, name=None)
    return plain, path, call.method, call.operation, dict(call.settings), len(call.outputs)
