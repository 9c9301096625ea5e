"""Base class that protects attributes of training steps, and gives hints for misspelt names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.argument_names import OURS
from workbench.attributes import check_attribute, from_outside
from workbench.errors import AlgorithmError, nearest
from workbench.hints import Hinted
from workbench.tensor import SharedVariable

TOO_LATE = (
    "{kind}.{name} is already part of the training step, so a new value would have no effect; "
    "{what}"
)
SHARED = (
    "{kind}.{name} is a shared variable that the training function reads, so it cannot be "
    "replaced; set its value with {owner}.{name}.set_value({value!r}), or during training with "
    "session.set({owner}.{name}, {value!r})"
)


class FixedAttributes(Hinted):
    """Base class of objects that reject unknown attributes and assignments without effect.

    Raises
    ------
    UnknownAttributeError
        If code outside the methods of the class assigns an attribute that does not exist. Names
        that start with an underscore are allowed.
    AlgorithmError
        If an assignment would replace a shared variable with a value that is not a shared variable,
        or change an attribute that the training step already uses.

    Examples
    --------
    >>> from workbench.algorithms import Scale
    >>> Scale(0.1).learning_rat = 0.2
    Traceback (most recent call last):
    ...
    workbench.errors.UnknownAttributeError: Scale has no attribute 'learning_rat', so the value
    would have no effect (...); did you mean 'learning_rate'?
    """

    _called: ClassVar[str] = "it"
    """A likely name of the user's variable, used in error messages."""

    _parts: ClassVar[tuple[str, ...]] = ()
    """Names of attributes that hold nested objects to search for a missing attribute."""

    _instead: ClassVar[Mapping[str, str]] = {}
    """Mapping from names that are not attributes to the code to write instead."""

    _assign: ClassVar[str] = "{path}.set_value({value})"
    """Template of the code that sets a shared variable of a nested object."""

    _fixed: Mapping[str, str] = {}
    """Advice on attributes that the training step already uses, keyed by attribute name."""

    if not TYPE_CHECKING:  # a type checker would allow any attribute

        def __setattr__(self, name: str, value: Any) -> None:
            own = self.__dict__
            if name in own:
                old = own[name]
                if isinstance(old, SharedVariable) and not isinstance(value, SharedVariable):
                    raise AlgorithmError(
                        SHARED.format(
                            kind=type(self).__name__, owner=self._called, name=name, value=value
                        )
                    )
                if name in self._fixed and from_outside(self):
                    kind, what = type(self).__name__, self._fixed[name]
                    raise AlgorithmError(TOO_LATE.format(kind=kind, name=name, what=what))
            else:
                check_attribute(self, name, lambda: _hint(self, name, value))
            super().__setattr__(name, value)


def _hint(instance: FixedAttributes, name: str, value: object) -> str:
    """Return a hint for an attribute that does not exist, or "" if no name is similar."""
    shown = f"{value!r:.40}"
    if name in instance._instead:
        instead = instance._instead[name].format(name=name, value=shown)
        return f"; write {instead}"
    wanted = (name, *OURS.get(name, ()))
    for path, found in _below(instance, wanted, instance._called):
        if isinstance(found, SharedVariable):
            write = instance._assign.format(path=path, value=shown)
            return f"; to set the shared variable, write {write}"
        return f"; did you mean {path}?"
    known = [n for n in dir(instance) if not n.startswith("_")]
    ours = next((one for one in wanted[1:] if one in known), None)
    return nearest(name, known) if ours is None else f"; did you mean {ours!r}?"


def _below(holder: object, wanted: tuple[str, ...], path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and value of each nested attribute whose name is in `wanted`."""
    for part in getattr(holder, "_parts", ()):
        value = vars(holder).get(part)
        listed = value if isinstance(value, list) else [value]
        for number, one in enumerate(listed):
            here = f"{path}.{part}[{number}]" if value is listed else f"{path}.{part}"
            for name in wanted:
                if name in getattr(one, "__dict__", ()):
                    yield f"{here}.{name}", vars(one)[name]
            yield from _below(one, wanted, here)
