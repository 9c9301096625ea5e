"""The nodes of a symbolic graph: variables, and the calls that compute them.

Every ``torch.*`` and ``torch.nn.functional.*`` function, operator and tensor method accepts
variables and returns new variables. The `owner` of a new variable is a `Call`, which stores the
function and its arguments. All operations have the same names as in torch. `workbench.tensor.call`
applies functions; `workbench.tensor.operators` installs torch's operators and methods on
`Variable`.

An unknown size (``n = x.shape[0]``) is also a variable: a symbolic integer with a name and a tag.
It can be used in arithmetic and wherever torch accepts a size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy
import torch

from workbench import errors
from workbench.attributes import check_attribute
from workbench.hints import hinted
from workbench.tensor import shapes
from workbench.tensor.refusals import NO_VALUE, refuse_in_place, refuse_value
from workbench.tensor.structure import Spec, flatten, map_structure, name_of, unflatten
from workbench.tensor.tag import Tag
from workbench.tensor.vocabulary import assigned_hint, unknown_attribute


class Call:
    """The application of a function to arguments.

    Parameters
    ----------
    function : callable
        A torch function, method or operator.
    leaves : sequence
        The arguments, without the tuples, lists, dictionaries and slices that contain them. Arrays
        are copied to tensors; variables stand for tensors or sizes.
    spec : Spec
        The nested structure of the arguments, with a position for each leaf.

    Attributes
    ----------
    args, kwargs : tuple, dict
        The arguments.
    inputs : tuple of Variable
        The variables among the arguments, in order, without repetition.
    outputs : list of Variable
        The variables that the call returns.
    structure : structure
        The nested result of the call, which contains `outputs`.
    location : tuple of str
        The brick applications that were running when the call was created, outermost first.
    """

    __slots__ = (
        "args",
        "function",
        "inputs",
        "kwargs",
        "leaves",
        "location",
        "outputs",
        "spec",
        "structure",
    )

    def __init__(self, function: Callable[..., Any], leaves: Sequence[Any], spec: Spec) -> None:
        self.function = function
        variables = [leaf for leaf in leaves if isinstance(leaf, Variable)]
        device = next((one.device for one in variables if not one.is_number), None)
        self.leaves = [_constant(leaf, device) for leaf in leaves]
        self.spec = spec
        self.args, self.kwargs = unflatten(spec, self.leaves)
        self.inputs = tuple(dict.fromkeys(variables))
        self.outputs: list[Variable] = []
        self.structure: Any = None
        self.location = errors.location.get()

    @classmethod
    def of(
        cls, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Call:
        """Create a call to `function` with arguments that can be nested."""
        return cls(function, *flatten(args, kwargs))

    @property
    def name(self) -> str:
        """The name of the function or tensor property."""
        return str(self.args[1]) if self.function is getattr else name_of(self.function)

    def on(self, leaves: Sequence[Any]) -> Call:
        """Return a new call to the same function with different leaves."""
        return Call(self.function, leaves, self.spec)

    def fakes(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and keyword arguments, with fake tensors in place of variables."""
        leaves = [leaf.fake if isinstance(leaf, Variable) else leaf for leaf in self.leaves]
        return unflatten(self.spec, leaves)

    def give(self, result: Any) -> Any:
        """Create an output for each fake tensor and symbolic number in the nested `result`."""
        self.structure = map_structure(self._output, result)
        return self.structure

    def _output(self, leaf: Any) -> Any:
        if isinstance(leaf, torch.SymInt):
            size = shapes.known(leaf)
            if size is not None:
                return size
        elif not isinstance(leaf, (torch.Tensor, *shapes.SYMBOLIC_NUMBERS)):
            return leaf
        variable = Variable(leaf, owner=self, index=len(self.outputs))
        self.outputs.append(variable)
        return variable

    def __repr__(self) -> str:
        return f"<Call {self.name}({', '.join(map(repr, self.leaves))})>"


def _constant(leaf: Any, device: torch.device | None) -> Any:
    """Return a constant on the device of the variables that it is combined with."""
    if isinstance(leaf, (numpy.ndarray, numpy.generic)):
        # Later changes to the array must not change the graph.
        return torch.tensor(leaf, device=device)
    if isinstance(leaf, torch.Tensor):
        leaf = leaf.detach() if leaf.requires_grad else leaf
        return leaf if device is None else leaf.to(device)
    return leaf


def identity(value: Any) -> Any:
    """Return `value`; `Variable.copy` inserts calls to this function, and lowering removes them."""
    return value


class Variable:
    """A symbolic tensor or number.

    Do not call this class directly. `workbench.tensor.matrix` and similar functions create inputs,
    `workbench.shared` creates shared variables, and functions of variables create all other
    variables.

    Attributes
    ----------
    name : str or None
        The name in error messages and logs. The value of an input can be passed by this name.
    tag : Tag
        Roles, annotations, and attributes that are attached by other code.
    owner : Call or None
        The call that computes the variable; ``None`` for inputs and shared variables.
    index : int
        The position among the outputs of `owner`.
    ndim : int
    dtype : torch.dtype
    shape : tuple of int or Variable
        A known size is a Python integer, and an unknown size is a symbolic integer.

    Examples
    --------
    >>> import torch
    >>> from workbench import tensor
    >>> x = tensor.matrix("x")
    >>> y = torch.relu(x @ torch.ones(3, 2)).sum(1)
    >>> x
    x
    >>> y
    sum
    >>> x.shape[1], y.ndim, y.dtype
    (3, 1, torch.float32)
    >>> y.eval({x: [[1.0, 2.0, 3.0]]})
    tensor([12.])
    """

    __array_priority__ = 1000

    __hash__ = object.__hash__  # by identity, since `==` creates a new variable

    def __init__(
        self,
        fake: shapes.Fake,
        *,
        owner: Call | None = None,
        index: int = 0,
        name: str | None = None,
    ) -> None:
        self.fake = fake
        self.owner = owner
        self.index = index
        self.name = name
        self.tag = Tag()
        self.hooks: list[Callable[[Any], Any]] = []
        self._sizes: dict[int, Variable] = {}
        self.default_update: Variable | None = None
        self._evaluator: Any = None
        shapes.hold(self)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise unknown_attribute(self, name, dir(type(self)))

        def __setattr__(self, name: str, value: Any) -> None:
            check_attribute(self, name, lambda: assigned_hint(self, name))
            super().__setattr__(name, value)

    # Properties that are known before a value is computed.

    @property
    def is_number(self) -> bool:
        """True if the variable is a symbolic number, such as a size, rather than a tensor."""
        return isinstance(self.fake, shapes.SYMBOLIC_NUMBERS)

    @property
    def ndim(self) -> int:
        return 0 if self.is_number else len(self.fake.shape)

    @property
    def dtype(self) -> torch.dtype:
        if self.is_number:
            kinds = {torch.SymInt: torch.int64, torch.SymFloat: torch.float64}
            return kinds.get(type(self.fake), torch.bool)
        dtype: torch.dtype = self.fake.dtype
        return dtype

    @property
    def device(self) -> torch.device:
        if self.is_number:
            return torch.device("cpu")
        fake = self.fake
        # During inference, `device` of a fake tensor is "meta". A constant may be a real tensor.
        device: torch.device = getattr(fake, "fake_device", None) or fake.device
        return device

    @property
    def shape(self) -> tuple[Any, ...]:
        if self.is_number:
            return ()
        return tuple(self._size(axis, size) for axis, size in enumerate(self.fake.shape))

    def _size(self, axis: int, size: int | torch.SymInt) -> Any:
        value = shapes.known(size)
        if value is not None:
            return value
        if axis not in self._sizes:
            self._sizes[axis] = Call.of(torch.Tensor.size, (self, axis), {}).give(size)
        return self._sizes[axis]

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dimension if `dim` is given."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.ndim

    def copy(self, name: str | None = None) -> Variable:
        """Return a new variable with the same value; the value in memory is not copied."""
        variable: Variable = Call.of(identity, (self,), {}).give(self.fake)
        variable.name = name
        return variable

    def eval(self, inputs: Mapping[Variable | str, Any] | None = None) -> Any:
        """Compute the value of the variable.

        Parameters
        ----------
        inputs : dict, optional
            Values of the inputs that the variable depends on, keyed by variable or by name.

        Returns
        -------
        torch.Tensor or number

        Raises
        ------
        InputError
            If an input is missing or unknown.
        ShapeError, DtypeError
            If a value does not match the shape or dtype of its input.
        """
        from workbench.tensor.function import evaluate

        return evaluate(self, inputs or {})

    # Pickling and copying: a variable is restored as an output of the call that computes it.

    def __reduce__(self) -> Any:
        if self.owner is not None:
            return _output_of, (self.owner, self.index), self._attached()
        if self.is_number:
            return _number, (), self._attached()
        sizes = tuple(shapes.known(size) for size in self.fake.shape)
        return _input, (sizes, self.dtype, self.device), self._attached()

    def _attached(self) -> dict[str, Any]:
        return {"name": self.name, "tag": self.tag, "hooks": self.hooks} | (
            {} if self.default_update is None else {"default_update": self.default_update}
        )

    # Operations that need a value and therefore raise an error.

    def __bool__(self) -> bool:
        refuse_value(self, "bool() (called by `if`, `and`, `in` or `==` between lists)")

    def __float__(self) -> float:
        refuse_value(self, "float()")

    def __int__(self) -> int:
        refuse_value(self, "int()")

    def __index__(self) -> int:
        refuse_value(self, "an argument that must be an integer")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        refuse_value(self, "numpy")

    def __len__(self) -> int:
        if self.ndim == 0:
            raise errors.ShapeError(f"len() of the scalar {self!r} is not defined{NO_VALUE}")
        size = self.shape[0]
        if isinstance(size, int):
            return size
        refuse_value(self, f"len() (the first size is unknown: use x.shape[0]{NO_VALUE})")

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def __contains__(self, item: Any) -> bool:
        refuse_value(self, "`in`")

    def __setitem__(self, key: Any, value: Any) -> None:
        refuse_in_place("__setitem__", self)

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __repr__(self) -> str:
        if self.name is not None:
            return self.name
        if self.owner is None:
            return "<unnamed>"
        if self.owner.function is torch.Tensor.size:
            return "{!r}.shape[{}]".format(*self.owner.args)
        return self.owner.name

    if TYPE_CHECKING:  # methods that `workbench.tensor.operators` installs

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, key: Any) -> Variable: ...
        def __add__(self, other: Any) -> Variable: ...
        def __radd__(self, other: Any) -> Variable: ...
        def __sub__(self, other: Any) -> Variable: ...
        def __rsub__(self, other: Any) -> Variable: ...
        def __mul__(self, other: Any) -> Variable: ...
        def __rmul__(self, other: Any) -> Variable: ...
        def __truediv__(self, other: Any) -> Variable: ...
        def __rtruediv__(self, other: Any) -> Variable: ...
        def __floordiv__(self, other: Any) -> Variable: ...
        def __rfloordiv__(self, other: Any) -> Variable: ...
        def __mod__(self, other: Any) -> Variable: ...
        def __pow__(self, other: Any) -> Variable: ...
        def __rpow__(self, other: Any) -> Variable: ...
        def __matmul__(self, other: Any) -> Variable: ...
        def __rmatmul__(self, other: Any) -> Variable: ...
        def __neg__(self) -> Variable: ...
        def __abs__(self) -> Variable: ...
        def __invert__(self) -> Variable: ...
        def __lt__(self, other: Any) -> Variable: ...
        def __le__(self, other: Any) -> Variable: ...
        def __gt__(self, other: Any) -> Variable: ...
        def __ge__(self, other: Any) -> Variable: ...


def _output_of(call: Call, index: int) -> Variable:
    return call.outputs[index]


def _number() -> Variable:
    return Variable(shapes.unknown_size())


def _input(
    sizes: tuple[int | None, ...], dtype: torch.dtype, device: torch.device | str
) -> Variable:
    return Variable(shapes.fake_tensor(sizes, dtype, torch.device(device)))


@hinted
def put_hook(variable: Variable, hook: Callable[[Any], Any]) -> Variable:
    """Call `hook` with the value whenever a function computes `variable`.

    Functions that were created earlier do not call the hook.

    Parameters
    ----------
    variable : Variable
    hook : callable
        A function that is called with the tensor. Its return value is ignored.

    Returns
    -------
    Variable
        The argument `variable`.
    """
    variable.hooks.append(hook)
    variable._evaluator = None
    return variable
