"""Wrappers of the application methods that a brick class inherits.

A class lists wrappers in ``decorators``. Each wrapper wraps every application method that the class
inherits and does not override.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any

from workbench.bricks.application import Application, BoundApplication, applications_of
from workbench.errors import ShapeError
from workbench.hints import Hinted
from workbench.names import explain_missing
from workbench.tensor import Variable

__all__ = [
    "BrickWrapper",
    "WithExtraDims",
]


class BrickWrapper(Hinted, ABC):
    """Base class of wrappers; a subclass defines `wrap`.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Tanh, application
    >>> class Negated(BrickWrapper):
    ...     def wrap(self, wrapped, namespace):
    ...         def apply(self, input_):
    ...             return -wrapped(self, input_)
    ...         namespace[wrapped.name] = application(outputs=["output"])(apply)
    >>> class NegatedTanh(Tanh):
    ...     decorators = [Negated()]
    >>> x = tensor.scalar("x")
    >>> NegatedTanh().apply(x).eval({x: 0.5})
    tensor(-0.4621)
    """

    @abstractmethod
    def wrap(self, wrapped: Application, namespace: dict[str, Any]) -> None:
        """Create the wrapping application and add it to `namespace`.

        Parameters
        ----------
        wrapped : Application
            The inherited application.
        namespace : dict
            The attributes to add to the new class, including an application with the key
            ``wrapped.name``.
        """

    def decorate(self, brick: type[Any]) -> None:
        """Wrap the applications that the class `brick` inherits and does not override."""
        for name, wrapped in applications_of(brick).items():
            if name in vars(brick):
                continue
            namespace: dict[str, Any] = {}
            self.wrap(wrapped, namespace)
            for key, value in namespace.items():
                setattr(brick, key, value)
                if isinstance(value, Application):
                    value.__set_name__(brick, key)


class WithExtraDims(BrickWrapper):
    """Wrapper that adds support for additional leading dimensions, such as time.

    The wrapping application accepts an additional keyword argument ``extra_ndim``, the number of
    additional dimensions, which is zero by default. The additional dimensions are merged with the
    next dimension before the brick is applied, and separated again in the outputs. All inputs and
    outputs must have the same additional dimensions.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import NDimensionalSoftmax
    >>> x = tensor.tensor3("x")
    >>> NDimensionalSoftmax().apply(x, extra_ndim=1).eval({x: [[[0, 0]], [[1, 1]]]})
    tensor([[[0.5000, 0.5000]],
            [[0.5000, 0.5000]]])
    >>> [isinstance(one, WithExtraDims) for one in NDimensionalSoftmax.decorators]
    [True]
    """

    def wrap(self, wrapped: Application, namespace: dict[str, Any]) -> None:
        name = wrapped.name

        def apply(self: Any, *args: Any, extra_ndim: int = 0, **kwargs: Any) -> Any:
            arguments = wrapped.signature.bind(*args, **kwargs).arguments
            sizes: tuple[Any, ...] = ()
            for key, value in arguments.items():
                if extra_ndim and isinstance(value, Variable):
                    if value.ndim <= extra_ndim:
                        raise ShapeError(
                            f"{self.path()}.{name}: {key} has ndim={value.ndim}, but must have "
                            f"more than extra_ndim={extra_ndim} dimensions; reduce extra_ndim"
                        )
                    sizes = value.shape[:extra_ndim]
                    arguments[key] = value.flatten(0, extra_ndim)
            outputs = BoundApplication(wrapped, self)(**arguments, as_list=True)
            if not extra_ndim:
                return outputs
            return [output.reshape(*sizes, -1, *output.shape[1:]) for output in outputs]

        def delegate(self: Any) -> BoundApplication:
            return BoundApplication(wrapped, self)

        apply.__name__, delegate.__name__ = name, f"{name}_delegate"
        apply.__doc__ = (
            f"Apply `{wrapped!r}` to inputs with ``extra_ndim`` additional leading dimensions.\n\n"
            f"{inspect.getdoc(wrapped) or ''}"
        )
        wrapping = Application(apply)
        wrapping.delegate(delegate)
        namespace[name] = wrapping
        namespace[delegate.__name__] = delegate


explain_missing(__name__)
