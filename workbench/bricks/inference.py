"""Shapes and dtypes of the outputs of one brick, for inputs of given shapes and dtypes.

An editor checks each brick alone, whenever a setting or the shape of an input changes. `infer`
creates inputs, applies a brick to them without allocating memory for parameters, and discards the
graph. A first application spends most of its time on creating unknown sizes, so the inputs are kept
for the next application if nothing was learned about their sizes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from workbench.bricks.application import BoundApplication
from workbench.errors import ArgumentError
from workbench.tensor import Variable, shapes
from workbench.tensor.device import default_device
from workbench.tensor.symbolic import symbolic_parameters

Size = int | str | None
"""A known size, the name of an unknown size, or ``None`` for an unknown size without a name."""

MOST_KINDS = 500
"""Maximum number of sets of inputs that are kept."""


@dataclass(frozen=True)
class Kind:
    """Shape and dtype of a variable.

    Attributes
    ----------
    shape : tuple of int, str or None
        The size of each dimension, if it is known. Otherwise a name, such as ``"batch"``, which
        stands for the same size wherever it occurs, or ``None``.
    dtype : torch.dtype

    Examples
    --------
    >>> Kind(("batch", 784))
    Kind(shape=('batch', 784), dtype=torch.float32)
    """

    shape: tuple[Size, ...]
    dtype: torch.dtype = torch.float32

    @classmethod
    def of(cls, variable: Variable) -> Kind:
        """Return the kind of a variable, with ``None`` for unknown sizes."""
        return cls(tuple(n if isinstance(n, int) else None for n in variable.shape), variable.dtype)


def infer(application: BoundApplication, inputs: Mapping[str, Kind]) -> dict[str, Kind]:
    """Return the kinds of the outputs of a brick.

    The brick is allocated if necessary, inside `symbolic_parameters`. No graph is kept.

    Parameters
    ----------
    application : BoundApplication
        An application method of the brick, such as ``brick.apply``.
    inputs : dict of str to Kind
        Kinds of the inputs, by name.

    Returns
    -------
    dict of str to Kind
        The kinds of the outputs, in order, by name. An unknown size that equals a named size of
        an input gets its name.

    Raises
    ------
    ShapeError, DtypeError, BrickError
        If the application raises one of these errors; its `fix` is kept.
    ArgumentError
        If an output is not a variable.

    Examples
    --------
    >>> from workbench.bricks import Linear
    >>> from workbench.bricks.inference import Kind, infer
    >>> infer(Linear(784, 10).apply, {"input_": Kind(("batch", 784))})
    {'output': Kind(shape=('batch', 10), dtype=torch.float32)}
    """
    key = tuple((name, kind.shape, kind.dtype) for name, kind in inputs.items())
    variables = _kept.take(key) or _made(inputs)
    fakes = [variable.fake for variable in variables.values()]
    before = shapes.facts(fakes)
    with symbolic_parameters():
        outputs = application(**variables, as_dict=True)
    sizes = _named_sizes(inputs, variables)
    found = {name: _kind(application, name, output, sizes) for name, output in outputs.items()}
    if shapes.facts(fakes) == before:
        _kept.keep(key, variables)
    return found


class _Kept:
    """Cache of inputs by kind; each entry is used by one application at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[Any, dict[str, Variable]] = {}

    def take(self, key: Any) -> dict[str, Variable] | None:
        with self._lock:
            return self._by_key.pop(key, None)

    def keep(self, key: Any, variables: dict[str, Variable]) -> None:
        with self._lock:
            self._by_key[key] = variables
            if len(self._by_key) > MOST_KINDS:
                del self._by_key[next(iter(self._by_key))]


_kept = _Kept()


def _made(inputs: Mapping[str, Kind]) -> dict[str, Variable]:
    """Create inputs, in which sizes with the same name are the same unknown size."""
    texts = dict.fromkeys(n for kind in inputs.values() for n in kind.shape if isinstance(n, str))
    named = {text: shapes.unknown_size() for text in texts}
    made: dict[str, Variable] = {}
    for name, kind in inputs.items():
        sizes = [named[size] if isinstance(size, str) else size for size in kind.shape]
        made[name] = Variable(shapes.fake_tensor(sizes, kind.dtype, default_device()), name=name)
    return made


def _named_sizes(inputs: Mapping[str, Kind], variables: Mapping[str, Variable]) -> dict[Any, str]:
    """Return a dictionary from the symbols of unknown sizes to their names."""
    return {
        shapes.symbol(size): name
        for key, variable in variables.items()
        for name, size in zip(inputs[key].shape, variable.fake.shape, strict=True)
        if isinstance(name, str)
    }


def _kind(application: BoundApplication, name: str, output: Any, names: Mapping[Any, str]) -> Kind:
    if not isinstance(output, Variable):
        raise ArgumentError(
            f"{application.path}: the output {name} is {output!r:.60}, but must be a variable, so "
            "that it has a shape"
        )
    sizes: Iterable[Any] = () if output.is_number else output.fake.shape
    known = [(size, shapes.known(size)) for size in sizes]
    shape = [names.get(shapes.symbol(size)) if n is None else n for size, n in known]
    return Kind(tuple(shape), output.dtype)
