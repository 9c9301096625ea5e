"""The operations of a board that concern parameters: freezing, widening and deepening."""

from __future__ import annotations

from dataclasses import replace

from extensions_live.editor import settings as settings_
from extensions_live.editor.adoption import complete
from extensions_live.editor.board_edges import BoardEdges
from extensions_live.editor.layers import with_layer
from workbench.builder import Spec, deepen, widen
from workbench.errors import BuilderError


class BoardLayers(BoardEdges):
    """Base class of boards that provides the operations on layers and their parameters."""

    def freeze(self, node: str, on: bool = True) -> None:
        """Exclude the parameters of a brick, or of the bricks of a group, from training.

        If `on` is False, include them again.
        """
        with self._lock:
            top, below = settings_.split(self._document, node)
            if below:
                names = {"/".join(settings_.place_of(self._document, node))}
            else:
                inside = [self._document.brick_of(one) for one in self._document.inside([top])]
                names = {name for name in inside if name is not None}
            if not names:
                raise BuilderError(f"{self._title(node)} has no parameters")
            frozen = self._document.frozen
            frozen = frozen | names if on else frozen - names
            verb = "freeze" if on else "unfreeze"
            self._edit(f"{verb} {self._title(node)}", replace(self._document, frozen=frozen))

    def widen(self, node: str, units: int) -> None:
        """Give a linear or convolutional brick more units, and the bricks after it more inputs.

        If a session trains the model, `Editor.apply` by default makes the new units copies of
        existing units, so that the model computes the same function if possible.
        """
        with self._lock:
            document = self._document
            for brick in widen(self._sound(), self._path(node), units).spec.bricks:
                document = document.with_brick(brick.name or "", brick)
            self._edit(f"widen {self._title(node)} to {units:,} units", document)

    def deepen(self, node: str) -> None:
        """Insert a layer after a linear layer of an MLP, with the same size and activation.

        The initial weight of the new layer is the identity matrix. The model therefore computes
        the same function if a second application of the activation changes nothing, as with a
        rectifier. If a session trains the model, `Editor.apply` leaves the other layers unchanged.
        """
        with self._lock:
            name, _ = settings_.place_of(self._document, node)
            found = deepen(self._sound(), self._path(node))
            document = with_layer(self._document, name, found)
            self._edit(f"insert a layer after {self._title(node)}", document)

    def _path(self, node: str) -> str:
        name, below = settings_.place_of(self._document, node)
        return f"{name}/{below}".rstrip("/")

    def _sound(self) -> Spec:
        """Return the specification without the nodes that are unfinished or have a fault."""
        faulty = self._checked().faults
        calls = self._document.spec.calls
        return complete(self._document.with_calls(c for c in calls if c.id not in faulty))
