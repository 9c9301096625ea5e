"""Bricks that transform several inputs, or one input into several outputs.

Each brick makes a copy of a *prototype* for every input or output, and every copy has its own
parameters.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from collections.abc import Sequence as SequenceType
from typing import Any, TypedDict, Unpack

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import NoneAllocation, is_set, lazy
from workbench.bricks.linear import Linear
from workbench.bricks.options import InitializableOptions
from workbench.errors import BrickError, SignatureError
from workbench.names import explain_missing
from workbench.tensor import Variable

__all__ = [
    "Distribute",
    "Fork",
    "Merge",
    "Parallel",
]

Dims = SequenceType[Any] | Mapping[str, Any]


class _ChildPrefix(TypedDict, total=False):
    child_prefix: str


class _OutputDims(TypedDict, total=False):
    output_dims: Dims


class DistributeOptions(_ChildPrefix, InitializableOptions, total=False):
    """Options of `Fork` that `Distribute` accepts in ``**kwargs``."""


class ForkOptions(_OutputDims, DistributeOptions, total=False):
    """Options of `Parallel` that `Fork` accepts in ``**kwargs``."""


class Parallel(Initializable):
    """Brick that applies a separate transformation to each of several inputs.

    Parameters
    ----------
    input_names : list of str
        Names of the inputs. Required by `allocate`. Setting the names creates the transformations.
    input_dims : list of int
        Sizes of the inputs in the order of `input_names`, or a dictionary from names to sizes.
        Required by `allocate`.
    output_dims : list of int
        Sizes of the outputs, in the same form as `input_dims`. Required by `allocate`.
    prototype : Feedforward, optional
        The brick to copy for each input; by default `Linear` without bias.
    child_prefix : str, optional
        The copies are named ``<child_prefix>_<name>``.
    **kwargs
        Options of `Initializable`. The initialisation schemes are pushed to all transformations,
        but `use_bias` is not; set it on the prototype.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> parallel = Parallel(["x", "y"], [2, 3], [1, 2], weights_init=Constant(2))
    >>> parallel.initialize()
    >>> parallel.apply(x=torch.ones(1, 2), y=torch.ones(1, 3))
    [tensor([[4.]]), tensor([[6., 6.]])]
    >>> [child.name for child in parallel.children]
    ['transform_x', 'transform_y']
    """

    @lazy(allocation=["input_names", "input_dims", "output_dims"])
    def __init__(
        self,
        input_names: SequenceType[str],
        input_dims: Dims,
        output_dims: Dims,
        prototype: Feedforward | None = None,
        child_prefix: str = "transform",
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.prototype = Linear(use_bias=False) if prototype is None else prototype
        self.child_prefix = child_prefix
        self._input_names: Any = NoneAllocation
        self.input_names = input_names
        self.input_dims = input_dims
        self.output_dims = output_dims

    @property
    def input_names(self) -> Any:
        """The input names; setting different names creates new transformations."""
        return self._input_names

    @input_names.setter
    def input_names(self, value: SequenceType[str]) -> None:
        if not is_set(value):
            return
        names = () if isinstance(value, str) else tuple(value)
        if isinstance(value, str) or len(set(names)) < len(names):
            raise BrickError(
                f"{self.path()}: the names are {value!r}, but must be a list of distinct names, "
                'such as ["inputs", "gate_inputs"]'
            )
        if list(value) == self._input_names:
            return
        self._input_names = list(value)
        twins = []
        for name in value:
            twins.append(copy.deepcopy(self.prototype))
            twins[-1].name = f"{self.child_prefix}_{name}"
        self.children = twins

    @property
    def input_dims(self) -> Any:
        """The sizes of the inputs, in order or keyed by name."""
        return self._input_dims

    @input_dims.setter
    def input_dims(self, value: Dims) -> None:
        self._input_dims = value

    @property
    def output_dims(self) -> Any:
        """The sizes of the outputs, in order or keyed by name."""
        return self._output_dims

    @output_dims.setter
    def output_dims(self, value: Dims) -> None:
        self._output_dims = value

    def _push_allocation_config(self) -> None:
        inputs = self._by_name("input_dims")
        outputs = self._by_name("output_dims")
        for name, child in zip(self.input_names, self._transformations, strict=True):
            child.input_dim = inputs[name]
            child.output_dim = outputs[name]

    @property
    def _transformations(self) -> list[Any]:
        return list(self.children)

    def _by_name(self, setting: str) -> dict[str, Any]:
        """Return the dimensions in a setting as a dictionary, keyed by name."""
        dims, names = getattr(self, setting), self.input_names
        if isinstance(dims, Mapping) and set(dims) == set(names):
            return dict(dims)
        if not isinstance(dims, (list, tuple)) or len(dims) != len(names):
            raise BrickError(
                f"{self.path()}: {setting} is {dims}, but must have one dimension for each of the "
                f"names {names}"
            )
        return dict(zip(names, dims, strict=True))

    def _dim_in(self, setting: str, name: str) -> Any:
        dims = getattr(self, setting)
        return self._by_name(setting)[name] if is_set(dims) else dims

    def _check_number(self, args: tuple[Any, ...], names: SequenceType[str]) -> None:
        if len(args) != len(names):
            raise SignatureError(
                f"the number of inputs of {self.path()}.apply must be {len(names)} "
                f"({', '.join(names)}), not {len(args)}"
            )

    @application
    def apply(self, *args: Variable) -> list[Variable]:
        """Transform each input.

        Parameters
        ----------
        *args : Variable
            The inputs in the order of `input_names`, or by keyword. The last dimension of each
            input must have the size given in `input_dims`.

        Returns
        -------
        list of Variable
            The outputs, in the same order.
        """
        self._check_number(args, self.input_names)
        transformed = zip(self._transformations, args, strict=True)
        return [child.apply(value) for child, value in transformed]

    @apply.property("inputs")
    def apply_inputs(self) -> list[str]:
        """Return the input names."""
        return list(self.input_names or ())

    @apply.property("outputs")
    def apply_outputs(self) -> list[str]:
        """Return the output names, which equal the input names."""
        return list(self.input_names or ())


class Fork(Parallel):
    """Brick that computes several outputs from one input, each with its own transformation.

    For example, it can compute the inputs and gate inputs of a
    `workbench.bricks.recurrent.GatedRecurrent`.

    Parameters
    ----------
    output_names : list of str
        Names of the outputs. Required by `allocate`.
    input_dim : int
        Size of the input. Required by `allocate`.
    prototype : Feedforward, optional
        The brick to copy for each output; by default `Linear` with bias.
    **kwargs
        Options of `Parallel`, including ``output_dims``, which is required by `allocate`.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> fork = Fork(["y", "z"], input_dim=2, output_dims=[3, 1],
    ...             weights_init=Constant(2), biases_init=Constant(1))
    >>> fork.initialize()
    >>> fork.apply(torch.ones(1, 2))
    [tensor([[5., 5., 5.]]), tensor([[5.]])]
    """

    @lazy(allocation=["output_names", "input_dim"])
    def __init__(
        self,
        output_names: SequenceType[str],
        input_dim: int,
        prototype: Feedforward | None = None,
        **kwargs: Unpack[ForkOptions],
    ) -> None:
        kwargs.setdefault("child_prefix", "fork")
        prototype = Linear() if prototype is None else prototype
        super().__init__(input_names=output_names, prototype=prototype, **kwargs)
        self.input_dim = input_dim

    @property
    def output_names(self) -> Any:
        """The output names."""
        return self.input_names

    @output_names.setter
    def output_names(self, value: SequenceType[str]) -> None:
        self.input_names = value

    @property
    def input_dims(self) -> Any:
        """The input dimension, repeated for each output."""
        known = is_set(self.input_names) and is_set(self.input_dim)
        return [self.input_dim] * len(self.input_names) if known else NoneAllocation

    @input_dims.setter
    def input_dims(self, value: Dims) -> None:
        if is_set(value):
            raise BrickError(f"{self.path()} has only one input; set input_dim, not input_dims")

    def get_dim(self, name: str) -> Any:
        if name == "input_":
            return self.input_dim
        if name in (self.input_names or ()):
            return self._dim_in("output_dims", name)
        return super().get_dim(name)

    @application(inputs=["input_"])
    def apply(self, input_: Variable) -> list[Variable]:
        """Apply each transformation to the input.

        Parameters
        ----------
        input_ : Variable
            Floats of shape (..., input_dim).

        Returns
        -------
        list of Variable
            The outputs, in the order of `output_names`.
        """
        return [child.apply(input_) for child in self._transformations]

    @apply.property("outputs")
    def apply_outputs(self) -> list[str]:
        """Return the output names."""
        return list(self.output_names or ())


class Distribute(Fork):
    """Brick that adds a separate transformation of a source variable to each of several targets.

    Parameters
    ----------
    target_names : list of str
        Names of the targets. Required by `allocate`.
    source_name : str
        Name of the source. Required by `allocate`.
    target_dims : list of int
        Sizes of the targets, in the order of `target_names`. Required by `allocate`.
    source_dim : int
        Size of the source. Required by `allocate`.
    prototype : Feedforward, optional
        The brick to copy for each target; by default `Linear` without bias.
    **kwargs
        Options of `Parallel`.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> distribute = Distribute(["x", "y"], "z", target_dims=[2, 3], source_dim=3,
    ...                         weights_init=Constant(2))
    >>> distribute.initialize()
    >>> distribute.apply(x=torch.ones(1, 2), y=torch.zeros(1, 3), z=torch.ones(1, 3))
    [tensor([[7., 7.]]), tensor([[6., 6., 6.]])]
    """

    @lazy(allocation=["target_names", "source_name", "target_dims", "source_dim"])
    def __init__(
        self,
        target_names: SequenceType[str],
        source_name: str,
        target_dims: Dims,
        source_dim: int,
        prototype: Feedforward | None = None,
        **kwargs: Unpack[DistributeOptions],
    ) -> None:
        super().__init__(
            output_names=target_names,
            output_dims=target_dims,
            input_dim=source_dim,
            prototype=Linear(use_bias=False) if prototype is None else prototype,
            **kwargs,
        )
        self.source_name = source_name

    @property
    def target_names(self) -> Any:
        """The names of the targets."""
        return self.output_names

    @target_names.setter
    def target_names(self, value: SequenceType[str]) -> None:
        self.output_names = value

    @property
    def target_dims(self) -> Any:
        """The sizes of the targets, in order or keyed by name."""
        return self.output_dims

    @target_dims.setter
    def target_dims(self, value: Dims) -> None:
        self.output_dims = value

    @property
    def source_dim(self) -> Any:
        """The size of the source."""
        return self.input_dim

    @source_dim.setter
    def source_dim(self, value: int) -> None:
        self.input_dim = value

    def get_dim(self, name: str) -> Any:
        return self.source_dim if name == self.source_name else super().get_dim(name)

    @application
    def apply(self, *args: Variable) -> list[Variable]:
        """Add the transformed source to the targets.

        Parameters
        ----------
        *args : Variable
            The source, then the targets, or all by keyword.

        Returns
        -------
        list of Variable
            The sums, in the order of `target_names`.
        """
        self._check_number(args, self.apply_inputs())
        source, *targets = args
        pairs = zip(self._transformations, targets, strict=True)
        return [target + child.apply(source) for child, target in pairs]

    @apply.property("inputs")
    def apply_inputs(self) -> list[str]:
        """Return the names of the source and the targets."""
        names = [self.source_name] if is_set(self.source_name) else []
        return [*names, *(self.target_names if is_set(self.target_names) else ())]

    @apply.property("outputs")
    def apply_outputs(self) -> list[str]:
        """Return the names of the targets."""
        return list(self.target_names) if is_set(self.target_names) else []


class Merge(Parallel):
    """Brick that transforms several inputs and returns the sum of the results.

    Parameters
    ----------
    input_names : list of str
        Names of the inputs. Required by `allocate`.
    input_dims : list of int
        Sizes of the inputs in the order of `input_names`, or a dictionary from names to sizes.
        Required by `allocate`.
    output_dim : int
        Size of the output. Required by `allocate`.
    prototype : Feedforward, optional
        The brick to copy for each input; by default `Linear` without bias. One bias is enough for
        the sum; to add it, set ``merge.children[0].use_bias = True``.
    child_prefix : str, optional
        The copies are named ``<child_prefix>_<name>``.
    **kwargs
        Options of `Initializable`.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> merge = Merge(["a", "b"], [3, 4], 2, weights_init=Constant(1))
    >>> merge.initialize()
    >>> merge.apply(a=torch.ones(1, 3), b=2 * torch.ones(1, 4))
    tensor([[11., 11.]])
    """

    @lazy(allocation=["input_names", "input_dims", "output_dim"])
    def __init__(
        self,
        input_names: SequenceType[str],
        input_dims: Dims,
        output_dim: int,
        prototype: Feedforward | None = None,
        *,
        child_prefix: str = "transform",
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        super().__init__(
            input_names, input_dims, prototype=prototype, child_prefix=child_prefix, **kwargs
        )
        self.output_dim = output_dim

    @property
    def output_dims(self) -> Any:
        """The output dimension, repeated for each input."""
        known = is_set(self.input_names) and is_set(self.output_dim)
        return [self.output_dim] * len(self.input_names) if known else NoneAllocation

    @output_dims.setter
    def output_dims(self, value: Dims) -> None:
        if is_set(value):
            raise BrickError(f"{self.path()} has only one output; set output_dim, not output_dims")

    def _push_allocation_config(self) -> None:
        if not self.input_names:
            raise BrickError(f"{self.path()}: input_names is empty; pass at least one name")
        super()._push_allocation_config()

    def get_dim(self, name: str) -> Any:
        if name == "output":
            return self.output_dim
        if name in (self.input_names or ()):
            return self._dim_in("input_dims", name)
        return Brick.get_dim(self, name)

    @application(outputs=["output"])
    def apply(self, *args: Variable) -> Variable:
        """Transform the inputs and return the sum.

        Parameters
        ----------
        *args : Variable
            The inputs in the order of `input_names`, or by keyword.

        Returns
        -------
        Variable
            The sum, of shape (..., output_dim).
        """
        self._check_number(args, self.input_names)
        first, *others = zip(self._transformations, args, strict=True)
        total: Variable = first[0].apply(first[1])
        for child, value in others:
            total = total + child.apply(value)
        return total

    @apply.property("inputs")
    def apply_inputs(self) -> list[str]:
        """Return the input names."""
        return list(self.input_names or ())


explain_missing(__name__)
