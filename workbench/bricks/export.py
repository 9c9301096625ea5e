"""Methods that export bricks as torch modules, ONNX files and summaries."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import torch

from workbench.bricks.application import BoundApplication, applications_of
from workbench.bricks.display import as_text
from workbench.bricks.symbolic_inputs import applied, examples, examples_of
from workbench.bricks.to_torch import TorchCall, converted
from workbench.errors import BrickError, nearest
from workbench.graph.computation import ComputationGraph
from workbench.graph.hierarchy import Component
from workbench.graph.summary import Summary, summarize
from workbench.utils.onnx_files import write_onnx


class Exported(Component):
    """Base class of `Brick`, with the methods that export bricks."""

    def to_torch(
        self,
        inputs: Any = None,
        *,
        outputs: Sequence[str] | None = None,
        method: str = "apply",
    ) -> torch.nn.Module:
        """Create a module of torch layers that computes the same outputs and gradients.

        Parameters have torch's names and layout, so the weights of a `Linear` are transposed
        and the filters of a convolution are flipped. Values are copied: training the module does
        not change the brick. A chain of bricks becomes a ``torch.nn.Sequential``. Any other
        structure, such as a residual connection, becomes a ``torch.fx.GraphModule``; its attribute
        ``code`` shows what it computes. None of these modules requires this package.

        Parameters
        ----------
        inputs : tensor, array, tuple of int, list or dict, optional
            An example of each input, or its shape, in order or by name. Only the number of axes
            matters. By default the inputs are inferred from the dimensions of the brick.
        outputs : list of str, optional
            The names of the outputs that the module returns; by default all outputs.
        method : str
            The name of the application method.

        Returns
        -------
        torch.nn.Module
            A module in training mode, like every new torch module; call ``eval()`` before using it
            for predictions. Its arguments are the inputs, in order.

        Raises
        ------
        BrickError
            If a brick cannot be expressed by torch's layers and functions. The message contains
            the path of the brick and the reason.
        ParameterError
            If a parameter is not initialised.

        Notes
        -----
        In training mode, `BatchNormalization` and its torch layer give equal outputs, but the torch
        layer updates its running statistics with the unbiased variance. Dropout draws from torch's
        generator. An `LSTM` can be converted if its peephole weights are zero. A `GatedRecurrent`
        brick cannot be converted, because ``torch.nn.GRU`` applies the reset gate after the matrix
        product.

        ``safetensors.torch.save_model(brick.to_torch(), path)`` writes the parameters with torch's
        names; `workbench.serialization.save_safetensors` writes them with the paths of the bricks.
        For other formats, ``torch.export.export`` accepts the module in evaluation mode, including
        with ``dynamic_shapes=({0: torch.export.Dim("batch")},)``.

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

    def to_onnx(
        self,
        path: str | os.PathLike[str],
        inputs: Any = None,
        *,
        outputs: Sequence[str] | None = None,
        method: str = "apply",
        dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
        tolerance: float = 1e-4,
    ) -> Path:
        """Export the brick to an ONNX file, after checking the outputs of the exported program.

        The file contains the module that `to_torch` returns, in evaluation mode. Its inputs and
        outputs have the same names as the inputs and outputs of the brick.

        Parameters
        ----------
        path : path
            The file, for example ``model.onnx``.
        inputs, outputs, method : optional
            See `to_torch`. If a shape is given, the example consists of random numbers.
        dynamic_axes : dict of str to dict of int to str, optional
            For each input, the axes whose size can vary, with their names. By default the first
            axis of each input, named ``batch``. All other sizes equal the sizes of the examples.
        tolerance : float
            The largest allowed relative and absolute difference from the module's outputs. The
            check uses the examples, and copies of them with larger dynamic axes.

        Returns
        -------
        Path
            The path of the file.

        Raises
        ------
        ArchiveError
            If ONNX cannot express the brick, or if the file would compute different outputs.
            Nothing is written in these cases.
        BrickError, ParameterError
            See `to_torch`.
        MissingLibraryError
            If onnx is not installed.

        Notes
        -----
        The check runs the file with ``onnx.reference``, which is part of onnx.

        Examples
        --------
        >>> import tempfile
        >>> from workbench.bricks import Linear
        >>> from workbench.initialization import Constant
        >>> linear = Linear(3, 2, weights_init=Constant(1), biases_init=Constant(0))
        >>> linear.initialize()
        >>> linear.to_onnx(tempfile.mkdtemp() + "/linear.onnx").name
        'linear.onnx'
        """
        bound = self._bound(method)
        given, results = applied(bound, inputs)
        names = list(getattr(bound, "outputs", [f"output_{i}" for i in range(len(results))]))
        return write_onnx(
            self.to_torch(inputs, outputs=outputs, method=method).cpu(),
            examples(given, {} if inputs is None else examples_of(bound, inputs)),
            names if outputs is None else outputs,
            path,
            dynamic_axes=dynamic_axes,
            tolerance=tolerance,
        )

    @overload
    def summary(self, inputs: None = None) -> str: ...
    @overload
    def summary(self, inputs: Any, *, method: str = "apply") -> Summary: ...
    def summary(self, inputs: Any = None, *, method: str = "apply") -> str | Summary:
        """Return the tree of bricks as text or, if inputs are given, a table of all shapes.

        Parameters
        ----------
        inputs : tensor, array, tuple of int, list or dict, optional
            An example of each input, or its shape, in order or by name. None stands for an unknown
            size. Without `inputs`, the result is the tree of bricks as text, with dimensions and
            numbers of parameters.
        method : str
            The name of the application method that is applied to the inputs.

        Returns
        -------
        str or Summary

        Raises
        ------
        ShapeError
            If the inputs do not fit the brick.

        Examples
        --------
        >>> from workbench.bricks import MLP, Tanh
        >>> mlp = MLP([Tanh(), None], [20, 10, 5])
        >>> mlp.summary((32, 20)).frame["output"].tolist()
        ['(32, 5)', '(32, 10)', '(32, 10)', '(32, 5)']
        """
        if inputs is None:
            brick: Any = self  # every instance is a brick
            return as_text(brick)
        _, results = applied(self._bound(method), inputs, sizes=True)
        return summarize(ComputationGraph(results).variables, [self])

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        """Return a torch layer that computes `call` exactly, or None; called by `to_torch`.

        The method is used only if the class of the brick itself defines it, because a subclass may
        compute something different. Bricks without a layer are converted through their graph.
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
