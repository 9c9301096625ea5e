"""Sequences of bricks, each applied to the output of the previous brick."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from collections.abc import Sequence as SequenceType
from typing import Any, Unpack

from workbench.bricks.application import BoundApplication, application
from workbench.bricks.base import Brick
from workbench.bricks.checks import application_of
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import is_set, lazy
from workbench.bricks.linear import Linear
from workbench.bricks.options import BrickOptions, SchemeOptions, with_children
from workbench.errors import BrickError
from workbench.utils.plain import pack

NO_LAYERS = (
    "{cls}: activations is empty, but must have one item for each linear transformation, that is, "
    "one item fewer than dims ({dims!r}); pass None for no activation, as in {cls}([Tanh(), "
    "None], [784, 100, 10])"
)


class Sequence(Brick):
    """Brick that applies several bricks one after another.

    Parameters
    ----------
    application_methods : list of Brick or BoundApplication
        Application methods in the order they are applied; a brick stands for its ``apply``
        method. A brick can occur more than once.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Logistic, Tanh
    >>> sequence = Sequence([Tanh(), Logistic().apply])
    >>> sequence.apply(tensor.scalar("x")).eval({"x": 1.0})
    tensor(0.6817)
    """

    def __init__(
        self,
        application_methods: Iterable[Brick | BoundApplication],
        **kwargs: Unpack[BrickOptions],
    ) -> None:
        check_list(self, "application_methods", application_methods)
        owner = f"{type(self).__name__}: a sequence"
        methods = [application_of(owner, method) for method in application_methods]
        if not methods:
            raise BrickError(
                f"{type(self).__name__}: application_methods is empty, but must contain at least "
                "one brick, such as Identity()"
            )
        self.application_methods: list[BoundApplication] = methods
        own = dict.fromkeys(method.brick for method in methods)
        super().__init__(**with_children(kwargs, *own))

    @application
    def apply(self, *args: Any) -> Any:
        """Apply the first brick to the inputs, then each brick to the previous brick's outputs."""
        outputs: Any = args
        for method in self.application_methods:
            outputs = method(*pack(outputs))
        return outputs

    @apply.property("inputs")
    def apply_inputs(self) -> list[str]:
        """Return the input names of the first application."""
        return self.application_methods[0].inputs

    @apply.property("outputs")
    def apply_outputs(self) -> list[str]:
        """Return the output names of the last application."""
        outputs: list[str] = self.application_methods[-1].outputs
        return outputs

    def get_dim(self, name: str) -> Any:
        if name in self.apply_inputs():
            return self.application_methods[0].brick.get_dim(name)
        if name in self.apply_outputs():
            return self.application_methods[-1].brick.get_dim(name)
        return super().get_dim(name)


class FeedforwardSequence(Sequence, Feedforward):
    """A sequence whose first and last bricks have one input and one output.

    `input_dim` is the input dimension of the first brick, and `output_dim` is the output dimension
    of the last brick.

    Parameters
    ----------
    application_methods : list of Brick or BoundApplication
        See `Sequence`.

    Examples
    --------
    >>> sequence = FeedforwardSequence([Linear(output_dim=5), Linear(input_dim=5)])
    >>> sequence.input_dim, sequence.output_dim = 3, 4
    >>> sequence.children[0], sequence
    (<Linear linear: 3 -> 5>, <FeedforwardSequence feedforwardsequence: 3 -> 4>)
    """

    @property
    def input_dim(self) -> Any:
        """The input dimension of the first brick."""
        return self._end(0).input_dim

    @input_dim.setter
    def input_dim(self, value: Any) -> None:
        self._end(0).input_dim = value

    @property
    def output_dim(self) -> Any:
        """The output dimension of the last brick."""
        return self._end(-1).output_dim

    @output_dim.setter
    def output_dim(self, value: Any) -> None:
        self._end(-1).output_dim = value

    def get_dim(self, name: str) -> Any:
        return Feedforward.get_dim(self, name)

    def _end(self, index: int) -> Feedforward:
        brick = self.application_methods[index].brick
        if not isinstance(brick, Feedforward):
            raise AttributeError(
                f"{brick!r}, the first or last brick of {self.path()!r}, has no input_dim or "
                "output_dim; only a Feedforward brick has these attributes"
            )
        return brick


class MLP(FeedforwardSequence, Initializable):
    """A multi-layer perceptron: linear transformations, each followed by an activation.

    Parameters
    ----------
    activations : list of Brick, BoundApplication or None
        The activation after each transformation; ``None`` for no activation.
    dims : list of int
        The input dimension, followed by the output dimension of each transformation. The list has
        one more item than `activations`. Required by `allocate`.
    prototype : Feedforward, optional
        The brick to copy for each transformation; `Linear` by default.
    use_bias : bool, optional
        If given, it is pushed to all transformations.
    **kwargs
        Options of `Initializable`.

    Notes
    -----
    Before allocation and initialisation, `use_bias` and the schemes are pushed to the layers and
    replace their settings. To change the settings of one layer, push the settings first:

    >>> from workbench.bricks import Tanh
    >>> from workbench.initialization import Constant, IsotropicGaussian
    >>> mlp = MLP([Tanh(), None], [30, 20, 10], weights_init=IsotropicGaussian(),
    ...           biases_init=Constant(1))
    >>> mlp.push_initialization_config()
    >>> mlp.children[0].weights_init = Constant(0)
    >>> mlp.initialize()

    Examples
    --------
    >>> mlp
    <MLP mlp: 30 -> 10>
    >>> [child.name for child in mlp.children]
    ['linear_0', 'tanh', 'linear_1']
    """

    @lazy(allocation=["dims"])
    def __init__(
        self,
        activations: SequenceType[Brick | BoundApplication | None],
        dims: SequenceType[int],
        prototype: Feedforward | None = None,
        *,
        use_bias: bool | None = None,
        **kwargs: Unpack[SchemeOptions],
    ) -> None:
        check_list(self, "activations", activations)
        self.activations = list(activations)
        if not self.activations:
            raise BrickError(NO_LAYERS.format(cls=type(self).__name__, dims=dims))
        self.prototype = Linear() if prototype is None else prototype
        self.linear_transformations: list[Feedforward] = []
        methods: list[Brick | BoundApplication] = []
        for i, activation in enumerate(self.activations):
            layer = copy.deepcopy(self.prototype)
            layer.name = f"{self.prototype.name}_{i}"
            self.linear_transformations.append(layer)
            methods += [layer] if activation is None else [layer, activation]
        options: Any = {"use_bias": use_bias, **kwargs}  # Sequence passes them to Initializable
        super().__init__(methods, **options)
        if is_set(dims) and not isinstance(dims, SequenceType):
            raise BrickError(_not_a_list(self, "dims", dims))
        self.dims = list(dims) if is_set(dims) else dims

    @property
    def input_dim(self) -> Any:
        """The first item of `dims`."""
        return self._dims()[0]

    @input_dim.setter
    def input_dim(self, value: Any) -> None:
        self.dims = [value, *self._dims()[1:]]

    @property
    def output_dim(self) -> Any:
        """The last item of `dims`."""
        return self._dims()[-1]

    @output_dim.setter
    def output_dim(self, value: Any) -> None:
        self.dims = [*self._dims()[:-1], value]

    def _dims(self) -> list[Any]:
        return list(self.dims) if is_set(self.dims) else [None] * (len(self.activations) + 1)

    def _push_allocation_config(self) -> None:
        layers = self.linear_transformations
        if len(self.dims) != len(layers) + 1:
            raise BrickError(
                f"{self.path()}: dims is {list(self.dims)}, but must have "
                f"{len(layers) + 1} numbers: the input dimension and one output dimension for each "
                "activation"
            )
        for layer, input_dim, output_dim in zip(layers, self.dims, self.dims[1:], strict=False):
            layer.input_dim = input_dim
            layer.output_dim = output_dim
            if self.use_bias is not None and isinstance(layer, Initializable):
                layer.use_bias = self.use_bias


def check_list(brick: Brick, setting: str, given: object) -> None:
    """Raise `BrickError` unless a setting is an iterable other than a string."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise BrickError(_not_a_list(brick, setting, given))


def _not_a_list(brick: Brick, setting: str, given: object) -> str:
    return f"{type(brick).__name__}: {setting} must be a list, not {given!r}; write [{given!r}]"
