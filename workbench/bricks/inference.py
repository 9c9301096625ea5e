"""Shapes and dtypes of the outputs of one brick, for inputs of given shapes and dtypes.

An editor checks each brick separately, whenever a setting or the shape of an input changes. `infer`
creates inputs, applies a brick to them without allocating memory for parameters, and discards the
graph. When a brick is applied for the first time, most of the time is spent on creating unknown
sizes. The inputs are therefore kept for the next application if the current application imposes no
constraints on their sizes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
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
        The size of each dimension, if it is known. Otherwise ``None``, or a name, such as
        ``"batch"``, which stands for the same size wherever it occurs.
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
    """Return the kind (shape and dtype) of each output of a brick.

    The brick is allocated if necessary, inside `symbolic_parameters`. No graph is kept.

    Parameters
    ----------
    application : BoundApplication
        An application method of the brick, such as ``brick.apply``.
    inputs : dict of str to Kind
        Kinds of the inputs, keyed by name.

    Returns
    -------
    dict of str to Kind
        The kinds of the outputs by name, in the order of the outputs. An unknown size that equals a
        named size of an input has the name of that size.

    Raises
    ------
    ShapeError, DtypeError, BrickError
        If the application raises one of these errors; the `fix` of the error is kept.
    ArgumentError
        If an output is not a variable.

    Examples
    --------
    >>> from workbench.bricks import Linear
    >>> from workbench.bricks.inference import Kind, infer
    >>> infer(Linear(784, 10).apply, {"input_": Kind(("batch", 784))})
    {'output': Kind(shape=('batch', 10), dtype=torch.float32)}
    """
    with fresh_inputs(inputs) as given:
        outputs = application(**given.variables, as_dict=True)
        return {
            name: given.kind(output, f"{application.path}: the output {name}")
            for name, output in outputs.items()
        }


@contextmanager
def fresh_inputs(inputs: Mapping[str, Kind]) -> Iterator[Inputs]:
    """Yield variables of the given kinds for one application, with `symbolic_parameters` active.

    The only assumption about unknown sizes is that sizes with the same name are equal.

    Parameters
    ----------
    inputs : dict of str to Kind
        Kinds of the variables, keyed by name.
    """
    key = tuple((name, kind.shape, kind.dtype) for name, kind in inputs.items())
    variables, sizes = _kept.take(key, inputs)
    fakes = [variable.fake for variable in variables.values()]
    before = shapes.facts(fakes)
    with symbolic_parameters():
        yield Inputs(inputs, variables)
    if shapes.facts(fakes) == before:
        _kept.keep(key, variables, sizes)


@dataclass(frozen=True)
class Inputs:
    """Variables for one application.

    Attributes
    ----------
    kinds : dict of str to Kind
    variables : dict of str to Variable
    """

    kinds: Mapping[str, Kind]
    variables: dict[str, Variable]

    def kind(self, output: Any, what: str) -> Kind:
        """Return the kind of an output; an unknown size of an input keeps its name.

        Raises
        ------
        ArgumentError
            If the output is not a variable; the message calls the output `what`.
        """
        if not isinstance(output, Variable):
            raise ArgumentError(
                f"{what} is {output!r:.60}, but must be a variable, so that it has a shape"
            )
        names = self._names
        sizes: Iterable[Any] = () if output.is_number else output.fake.shape
        known = [(size, shapes.known(size)) for size in sizes]
        shape = [names.get(shapes.symbol(size)) if n is None else n for size, n in known]
        return Kind(tuple(shape), output.dtype)

    @cached_property
    def _names(self) -> dict[Any, str]:
        """The names of unknown sizes, keyed by their symbols."""
        return {
            shapes.symbol(size): name for name, size in self._named() if shapes.known(size) is None
        }

    def learned(self) -> list[tuple[str, int | str]]:
        """Return the values and equalities that the application revealed about named sizes.

        Each pair contains the name of a size and what it must equal: a number, or the name of
        another size.
        """
        found: list[tuple[str, int | str]] = []
        seen: dict[Any, str] = {}
        for name, size in self._named():
            number = shapes.known(size)
            if number is not None:
                found.append((name, number))
                continue
            symbol = shapes.symbol(size)
            same = [symbol, *(shapes.equal_to(symbol) if symbol.is_Symbol else [])]
            other = next((seen[one] for one in same if one in seen), None)
            if other is None:
                seen[symbol] = name
            elif other != name:
                found.append((name, other))
        return list(dict.fromkeys(found))

    def _named(self) -> Iterator[tuple[str, Any]]:
        for key, variable in self.variables.items():
            for name, size in zip(self.kinds[key].shape, variable.fake.shape, strict=True):
                if isinstance(name, str):
                    yield name, size


class _Kept:
    """Store of unknown sizes, and of inputs with these sizes.

    Only one application at a time can use them. Creating an unknown size makes torch forget what it
    has computed about the other sizes. Therefore, sizes are reused, oldest first, unless something
    was learned about them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[Any, tuple[dict[str, Variable], list[Variable]]] = {}
        self._free: dict[int, Variable] = {}
        self._numbers: dict[Variable, int] = {}

    def take(
        self, key: Any, inputs: Mapping[str, Kind]
    ) -> tuple[dict[str, Variable], list[Variable]]:
        """Return inputs, and for each unknown size a vector whose length is that size."""
        names = [n if isinstance(n, str) else None for k in inputs.values() for n in k.shape
                 if not isinstance(n, int)]  # fmt: skip
        count = len({n for n in names if n is not None}) + names.count(None)
        with self._lock:
            known, sizes = self._by_key.get(key, ({}, []))
            ready = bool(known) and all(self._numbers.get(s) in self._free for s in sizes)
            if not ready:
                sizes = [self._free[number] for number in sorted(self._free)[:count]]
            for size in sizes:
                del self._free[self._numbers[size]]
        if ready:
            return known, sizes
        sizes += [_vector(shapes.unknown_size()) for _ in range(count - len(sizes))]
        return _made(inputs, [size.fake.shape[0] for size in sizes]), sizes

    def keep(self, key: Any, variables: dict[str, Variable], sizes: list[Variable]) -> None:
        """Allow other applications to use these inputs and sizes."""
        with self._lock:
            for size in sizes:
                number = self._numbers.setdefault(size, len(self._numbers))
                self._free[number] = size
            self._by_key[key] = variables, sizes
            if len(self._by_key) > MOST_KINDS:
                del self._by_key[next(iter(self._by_key))]


_kept = _Kept()


def _vector(size: Any) -> Variable:
    return Variable(shapes.fake_tensor([size], torch.float32, default_device()))


def _made(inputs: Mapping[str, Kind], unknown: Iterable[Any]) -> dict[str, Variable]:
    """Create inputs with unknown sizes; sizes of the same name are equal."""
    left, named = iter(unknown), dict[str, Any]()

    def size(wanted: Size) -> Any:
        if isinstance(wanted, str):
            return named[wanted] if wanted in named else named.setdefault(wanted, next(left))
        return next(left) if wanted is None else wanted

    made: dict[str, Variable] = {}
    for name, kind in inputs.items():
        fake = shapes.fake_tensor([size(n) for n in kind.shape], kind.dtype, default_device())
        made[name] = Variable(fake, name=name)
    return made
