"""`Bidirectional`, which applies a recurrent brick to a sequence in both directions."""

from __future__ import annotations

import copy
from typing import Any, Unpack

import torch

from workbench.bricks.application import BoundApplication, application
from workbench.bricks.initializable import Initializable
from workbench.bricks.options import InitializableOptions, with_children
from workbench.bricks.recurrent.base import BaseRecurrent, check_recurrent
from workbench.errors import SignatureError
from workbench.tensor import Variable


class Bidirectional(Initializable):
    """Two copies of a recurrent brick, which iterate over a sequence in opposite directions.

    Parameters
    ----------
    prototype : BaseRecurrent
        The brick to copy; the copies are the children ``forward`` and ``backward``.
    **kwargs
        Options of `Initializable`.

    References
    ----------
    Schuster and Paliwal, *Bidirectional recurrent neural networks*, 1997.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks import Identity
    >>> from workbench.bricks.recurrent import SimpleRecurrent
    >>> from workbench.initialization import Identity as IdentityMatrix
    >>> both = Bidirectional(SimpleRecurrent(1, Identity()), weights_init=IdentityMatrix())
    >>> both.initialize()
    >>> both.apply(torch.ones(3, 1, 1))[:, 0]
    tensor([[1., 3.],
            [2., 2.],
            [3., 1.]])
    """

    def __init__(self, prototype: BaseRecurrent, **kwargs: Unpack[InitializableOptions]) -> None:
        check_recurrent("Bidirectional", prototype)
        twins = [copy.deepcopy(prototype) for _ in range(2)]
        for twin, name in zip(twins, ("forward", "backward"), strict=True):
            twin.name = name
        super().__init__(**with_children(kwargs, *twins))
        self.prototype = prototype
        self._twins: list[Any] = list(twins)

    @application
    def apply(self, *args: Any, **kwargs: object) -> list[Variable]:
        """Apply both copies, and concatenate their outputs along the last dimension.

        Parameters
        ----------
        *args, **kwargs
            Sequences of shape (T, B, ...), contexts and states, which are passed to both copies.

        Returns
        -------
        list of Variable
            One variable of shape (T, B, ..., 2 D) for each output of the prototype, with the
            time steps in chronological order.

        Raises
        ------
        SignatureError
            If ``reverse``, ``iterate=False`` or ``return_initial_states=True`` is passed.
        """
        if "reverse" in kwargs or not kwargs.get("iterate", True):
            raise SignatureError(
                f"{self.path()}.apply accepts neither reverse nor iterate=False, because it "
                "iterates over whole sequences in both directions; omit these arguments"
            )
        if kwargs.get("return_initial_states"):
            raise SignatureError(
                f"{self.path()}.apply does not accept return_initial_states=True, because the two "
                "directions have their initial states at different ends; omit the argument"
            )
        forward, backward = self._twins
        there = forward.apply(*args, as_list=True, **kwargs)
        back = backward.apply(*args, as_list=True, reverse=True, **kwargs)
        return [torch.cat(pair, -1) for pair in zip(there, back, strict=True)]  # type: ignore[misc]

    @apply.delegate
    def apply_delegate(self) -> BoundApplication:
        """Return the application of the forward copy."""
        bound: BoundApplication = self._twins[0].apply
        return bound

    def get_dim(self, name: str) -> Any:
        dim = self._twins[0].get_dim(name)
        return 2 * dim if name in self.apply.outputs else dim
