"""Parameters whose rows are divided among processes, so that each process keeps some of the rows.

The rows are the slices along the first axis. Parameters are grouped in units, such as bricks.
Before a program uses a parameter, it gathers the rows of all parameters in the unit with a single
message. Another message sums the gradients of the unit over the processes; from this message, each
process receives only the gradients of its own rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Never

import numpy
import torch

from workbench import errors
from workbench.tensor.arrays import to_array
from workbench.tensor.collectives import all_gather, broadcast, reduce_scatter
from workbench.tensor.device import default_device
from workbench.tensor.processes import ProcessGroup
from workbench.tensor.shared import SharedVariable
from workbench.tensor.traversal import ancestors, replace
from workbench.tensor.variable import Variable
from workbench.tensor.vocabulary import refuse_keywords

DIVIDED_TWICE = (
    "{name} is already divided among processes by another algorithm; build the model again, or use "
    "only one algorithm"
)


class Rows(SharedVariable):
    """The rows that this process keeps of a parameter, or of a buffer for a parameter.

    All processes keep the same number of rows; if necessary, rows of zeros are added at the end. A
    value that is assigned, or that `get_value` returns, contains the rows of all processes.

    Parameters
    ----------
    rows : torch.Tensor
        The rows of this process.
    whole : tuple of int
        The shape of the value with all rows.
    group : ProcessGroup
    name : str, optional

    Attributes
    ----------
    part_of : SharedVariable or None
        The parameter that the rows belong to; None for a buffer.
    """

    def __init__(
        self, rows: torch.Tensor, whole: tuple[int, ...], group: ProcessGroup, name: str | None
    ) -> None:
        super().__init__(rows, name)
        self._whole = whole
        self.group = group
        self.unit: Unit | None = None

    @property
    def value_shape(self) -> tuple[int, ...]:
        return self._whole

    def buffer(self, name: str) -> Rows:
        """Return a buffer for these rows, filled with zeros."""
        return Rows(torch.zeros_like(self.tensor), self._whole, self.group, name)

    def gathered(self) -> torch.Tensor:
        """Return the value with all rows; all processes must call this method together."""
        flat = all_gather(self.tensor, group=self.group)
        found: torch.Tensor = _whole(flat.reshape(-1, *self.tensor.shape[1:]), self._whole)
        return found

    def get_value(self, **keywords: Never) -> numpy.ndarray[Any, Any]:
        """Return the value with all rows; all processes must call this method together."""
        refuse_keywords("get_value", keywords)
        return to_array(self.gathered())

    def _stored(self, new: torch.Tensor) -> torch.Tensor:
        return _own(new, self.group)

    def __reduce__(self) -> Any:
        state = {**self._kept(), "part_of": self.part_of, "unit": self.unit}
        return Rows, (self.tensor, self._whole, self.group, self.name), state


class Unit:
    """Parameters whose rows are exchanged together.

    Parameters
    ----------
    parameters : sequence of SharedVariable
        Parameters with the same dtype. They no longer keep their values themselves.
    group : ProcessGroup

    Raises
    ------
    ParameterError
        If a parameter is already divided.
    """

    exist: ClassVar[bool] = False
    """True if any parameter of this process has been divided."""

    def __init__(self, parameters: Sequence[SharedVariable], group: ProcessGroup) -> None:
        self.group = group
        self.parameters = list(parameters)
        self.rows: list[Rows] = []
        for parameter in parameters:
            if parameter.divided is not None:
                raise errors.ParameterError(DIVIDED_TWICE.format(name=parameter))
            value = broadcast(parameter.tensor, group=group)
            shape = tuple(value.shape)
            rows = Rows(_own(value, group), shape, group, parameter.name)
            rows.tag = parameter.tag.copy()
            rows.part_of, rows.unit = parameter, self
            self.rows.append(rows)
            parameter.release(rows)
        Unit.exist = True
        self._lengths = [rows.tensor.numel() for rows in self.rows]

    def gathered(self) -> dict[Variable, Variable]:
        """Return a mapping from the parameters to variables that contain all of their rows."""
        size = self.group.size
        flat: Any = torch.cat([rows.reshape(-1) for rows in self.rows])
        pieces: Any = all_gather(flat, group=self.group).reshape(size, -1).split(self._lengths, 1)
        found: dict[Variable, Variable] = {}
        for parameter, rows, piece in zip(self.parameters, self.rows, pieces, strict=True):
            every = piece.reshape(size * rows.tensor.shape[0], *rows.tensor.shape[1:])
            new = _whole(every, rows.value_shape)
            new.name, new.tag = parameter.name, parameter.tag.copy()
            found[parameter] = new
        return found

    def flat(self, gradients: Sequence[Variable]) -> Variable:
        """Return the gradients of all rows as a vector, in the order of the processes."""
        parts = [_padded(one, self.group).reshape(self.group.size, -1) for one in gradients]
        vector: Any = torch.cat(parts, 1).reshape(-1)
        found: Variable = vector
        return found

    def scattered(self, flat: Variable) -> dict[SharedVariable, Variable]:
        """Sum flat gradients over all processes; return the sums for the rows of this process."""
        pieces: Any = reduce_scatter(flat, group=self.group).split(self._lengths)
        pairs = zip(self.rows, pieces, strict=True)
        return {rows: piece.reshape(tuple(rows.tensor.shape)) for rows, piece in pairs}


def gathered(variables: Iterable[Variable]) -> list[Variable]:
    """Rebuild variables so that their graphs gather the rows of divided parameters."""
    variables = list(variables)
    if not Unit.exist:
        return variables
    used = [v.divided for v in ancestors(variables) if isinstance(v, SharedVariable)]
    new: dict[Variable, Variable] = {}
    for unit in dict.fromkeys(rows.unit for rows in used if isinstance(rows, Rows)):
        assert unit is not None
        new.update(unit.gathered())
    if not new:
        return variables
    found = replace(variables, new)
    return [found[variable] for variable in variables]


def in_this_process(parameter: SharedVariable) -> Any:
    """Return what pickle needs to copy a divided parameter within this process, with its rows.

    A pickle of a divided parameter does not contain its whole value. Therefore `pickle` raises an
    error, unless a pickler gets the result of this function or of `in_other_processes` from its
    ``reducer_override``.
    """
    like = torch.zeros((), dtype=parameter.dtype, device=parameter.device)
    state = {**parameter._kept(), "divided": parameter.divided}
    return _without_value, (like.expand(tuple(parameter.shape)), parameter.name), state


def in_other_processes(parameter: SharedVariable) -> Any:
    """Return what pickle needs to copy a divided parameter to processes that divide it again.

    The copy is not divided, and contains zeros until its value is loaded from a training state.
    """
    arguments = tuple(parameter.shape), parameter.dtype, parameter.name
    return _of_zeros, arguments, parameter._kept()


def _without_value(like: torch.Tensor, name: str | None) -> SharedVariable:
    new = SharedVariable(like, name)
    del new.tensor
    return new


def _of_zeros(shape: tuple[int, ...], dtype: torch.dtype, name: str | None) -> SharedVariable:
    return SharedVariable(torch.zeros(shape, dtype=dtype, device=default_device()), name)


def _own(value: torch.Tensor, group: ProcessGroup) -> torch.Tensor:
    """Return a copy of the rows of this process, with rows of zeros at the end if necessary."""
    padded: torch.Tensor = _padded(value, group)
    return padded.chunk(group.size)[group.rank].detach().clone()


def _padded(value: Any, group: ProcessGroup) -> Any:
    """Add rows of zeros to a value, so that its rows can be divided evenly among the processes."""
    rows = value if value.ndim else value.reshape(1)
    more = -int(rows.shape[0]) % group.size
    if not more:
        return rows
    return torch.cat([rows, rows.new_zeros((more, *rows.shape[1:]))])


def _whole(rows: Any, shape: tuple[int, ...]) -> Any:
    """Return a value of the given shape, without the rows of zeros that `_padded` added."""
    return rows[: shape[0]] if shape else rows[0]
