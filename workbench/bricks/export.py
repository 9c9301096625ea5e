"""Methods of bricks that leave this package: modules of torch and summaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from workbench.bricks.application import BoundApplication, applications_of
from workbench.bricks.symbolic_inputs import applied
from workbench.bricks.to_torch import TorchCall, converted
from workbench.errors import BrickError, nearest
from workbench.graph.hierarchy import Component


class Exported(Component):
    """Base class of `Brick`, with the methods that export bricks."""

    def to_torch(
        self,
        inputs: Any = None,
        *,
        outputs: Sequence[str] | None = None,
        method: str = "apply",
    ) -> torch.nn.Module:
        """Create a module of torch's own layers that computes the same outputs and gradients.

        Parameters have torch's names and layout, so that the weights of a `Linear` are transposed
        and the filters of a convolution are flipped. Values are copied: training the module does
        not change the brick. A chain of bricks becomes a ``torch.nn.Sequential``. Any other
        structure, such as a residual connection, becomes a ``torch.fx.GraphModule``; its attribute
        ``code`` shows what it computes. None of these modules requires this package.

        Parameters
        ----------
        inputs : tensor, array, tuple of int, list or dict, optional
            An example of each input, or its shape, in order or by name. Only the number of axes
            matters. By default it is inferred from the dimensions of the brick.
        outputs : list of str, optional
            The names of the outputs that the module returns; by default all outputs.
        method : str
            The name of the application method.

        Returns
        -------
        torch.nn.Module
            A module in training mode, as torch creates them; call ``eval()`` to use it. Its
            arguments are the inputs, in order.

        Raises
        ------
        BrickError
            If a brick cannot be expressed by torch's layers and functions. The message contains
            the path of the brick and the reason.
        ParameterError
            If a parameter is not initialised.

        Notes
        -----
        In training mode, `BatchNormalization` and its layer give equal outputs, but the layer
        updates its running statistics as torch does, with the unbiased variance. Dropout draws
        from torch's generator. An `LSTM` can be converted if its peephole weights are zero. A
        `GatedRecurrent` brick cannot be converted, because ``torch.nn.GRU`` applies the reset gate
        after the matrix product.

        Examples
        --------
        >>> from workbench.bricks import MLP, Tanh
        >>> from workbench.initialization import Constant
        >>> mlp = MLP([Tanh(), None], [4, 3, 2], weights_init=Constant(1), biases_init=Constant(0))
        >>> mlp.initialize()
        >>> mlp.to_torch()
        Sequential(
          (linear_0): Linear(in_features=4, out_features=3, bias=True)
          (tanh): Tanh()
          (linear_1): Linear(in_features=3, out_features=2, bias=True)
        )
        """
        bound = self._bound(method)
        given, results = applied(bound, inputs)
        names = list(getattr(bound, "outputs", range(len(results))))
        for name in outputs or ():
            if name not in names:
                raise BrickError(
                    f"{bound.path} has no output {name!r}, only {', '.join(map(str, names))}"
                    f"{nearest(name, map(str, names))}"
                )
        chosen = results if outputs is None else [results[names.index(n)] for n in outputs]
        return converted(self, list(given.values()), chosen)

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        """Return a layer of torch that computes `call` exactly, or None; `to_torch` calls this.

        The method is only used if the class of the brick itself defines it, because a subclass can
        compute something else. Bricks without a layer are converted through their graph.
        """
        return None

    def _bound(self, method: str) -> BoundApplication:
        known: dict[str, Any] = applications_of(type(self))  # type: ignore[arg-type]
        if method not in known:
            raise BrickError(
                f"{self.path()}: {type(self).__name__} has no application method {method!r}, only "
                f"{', '.join(known) or 'none'}{nearest(method, known)}; pass method=..."
            )
        bound: BoundApplication = getattr(self, method)
        return bound
