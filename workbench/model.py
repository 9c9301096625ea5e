"""`Model`, a computation graph whose parameters are identified by the paths of their bricks."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy

from workbench.errors import InputError, ParameterError
from workbench.graph import ComputationGraph
from workbench.graph.hierarchy import Component, get_brick, path_of
from workbench.graph.module import GraphAsModule
from workbench.graph.onnx_export import write_graph
from workbench.graph.persistent import is_kept, mention_left_out
from workbench.graph.selection import assign
from workbench.graph.summary import Summary, summarize
from workbench.names import explain_missing
from workbench.tensor import SharedVariable
from workbench.tensor.shared import check_set
from workbench.utils.paths import ByPath

__all__ = [
    "Model",
]


class Trained(Protocol):
    """Interface of the algorithms that `Model.check_sanity` accepts."""

    @property
    def parameters(self) -> Iterable[SharedVariable]:
        """The parameters that the algorithm changes."""


class Model(ComputationGraph):
    """Computation graph whose parameters have paths, such as ``/mlp/linear_0.W``.

    Parameters
    ----------
    outputs : Variable or list of Variable
        The outputs of the graph, for example a cost.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import MLP, Tanh
    >>> mlp = MLP([Tanh(), Tanh()], [10, 10, 10])
    >>> model = Model(mlp.apply(tensor.matrix("x")))
    >>> model.get_top_bricks()
    [<MLP mlp: 10 -> 10>]
    >>> list(model.get_parameter_dict())
    ['/mlp/linear_0.W', '/mlp/linear_0.b', '/mlp/linear_1.W', '/mlp/linear_1.b']
    """

    _told_of_left_out = False

    def get_top_bricks(self) -> list[Component]:
        """Return the bricks without parents among the graph's bricks and their ancestors."""
        found: dict[Component, None] = {}
        seen: set[Component] = set()
        for variable in [*self.variables, *self.scan_variables]:
            waiting = [brick] if (brick := get_brick(variable)) is not None else []
            while waiting:
                brick = waiting.pop()
                if brick in seen:
                    continue
                seen.add(brick)
                waiting.extend(brick.parents)
                if not brick.parents:
                    found[brick] = None
        return list(found)

    def get_parameter_dict(self) -> ByPath[SharedVariable]:
        """Return the parameters by path; the path of a parameter without a brick is its name.

        The leading ``/`` of a path is optional in lookups.

        Raises
        ------
        ParameterError
            If two parameters have the same path, or a parameter has no name.
        """
        by_path: ByPath[SharedVariable] = ByPath()
        for parameter in self.parameters:
            brick = get_brick(parameter)
            path = parameter.name if brick is None else brick.get_hierarchical_name(parameter)
            if path is None or path in by_path:
                what = (
                    "has no name"
                    if path is None
                    else f"has the same path, {path!r}, as another parameter"
                )
                raise ParameterError(
                    f"a parameter of shape {tuple(parameter.shape)} {what}; give bricks (with "
                    "name=...) and parameters different names"
                )
            by_path[path] = parameter
        return by_path

    def get_parameter_values(self) -> ByPath[numpy.ndarray[Any, Any]]:
        """Return copies of the parameter values, by path."""
        return ByPath({path: p.get_value() for path, p in self.get_parameter_dict().items()})

    def set_parameter_values(self, parameter_values: Mapping[str, Any]) -> None:
        """Set the values of all parameters.

        If an entry is invalid, no value is changed. Population statistics and buffers of wrapped
        modules are not parameters; if some of them keep their values, a message names them.

        Parameters
        ----------
        parameter_values : dict of str to array
            Values by path, as returned by `get_parameter_values` or
            `workbench.serialization.load_parameters`. The leading ``/`` of a path is optional.

        Raises
        ------
        ParameterError
            If a path is unknown or missing, or an array has the wrong shape or dtype.
        """
        parameters = self.get_parameter_dict()
        assign(parameters, parameter_values, "parameter of the model", "parameter")
        if self._told_of_left_out:
            return
        self._told_of_left_out = True
        kept = [v for v in dict.fromkeys([*self.variables, *self.scan_variables]) if is_kept(v)]
        mention_left_out(kept, "set", "load an archive with the Load extension")

    def to_module(self) -> GraphAsModule:
        """Convert the model to a ``torch.nn.Module`` that shares its parameters.

        Returns
        -------
        GraphAsModule
            A module whose ``forward`` accepts tensors for `inputs`, in order or by name.

        Raises
        ------
        GraphError
            If the graph draws random numbers.

        Examples
        --------
        >>> import torch
        >>> from workbench import tensor
        >>> from workbench.bricks import MLP, Tanh
        >>> from workbench.initialization import Constant
        >>> mlp = MLP([Tanh()], [2, 1], weights_init=Constant(0.5), biases_init=Constant(0))
        >>> mlp.initialize()
        >>> module = Model(mlp.apply(tensor.matrix("x"))).to_module()
        >>> list(module.state_dict())
        ['mlp.linear_0.W', 'mlp.linear_0.b']
        >>> module(torch.ones(1, 2))
        tensor([[0.7616]], grad_fn=<TanhBackward0>)
        """
        return GraphAsModule(self.inputs, self.outputs, self.get_parameter_dict())

    def to_onnx(
        self,
        path: str | os.PathLike[str],
        inputs: Mapping[str, Any],
        *,
        dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
        tolerance: float = 1e-4,
    ) -> Path:
        """Export the model to an ONNX file, after checking the outputs of the exported program.

        The file contains the graph of `to_module`. Its inputs and outputs have the same names as
        the variables.

        Parameters
        ----------
        path : path
            The file, for example ``model.onnx``.
        inputs : dict of str to tensor or array
            An example of each input, by name.
        dynamic_axes : dict of str to dict of int to str, optional
            For each input, the axes whose size may vary, with their names. By default, this is the
            first axis of each input, named ``batch``.
        tolerance : float
            The largest allowed relative and absolute difference from the outputs of the model. The
            file is checked with the examples, and with examples whose dynamic axes are larger.

        Returns
        -------
        Path
            The path of the file.

        Raises
        ------
        ArchiveError
            If ONNX cannot express the model, or if the file computes different outputs. In both
            cases, no file is written.
        GraphError
            If the graph draws random numbers.
        InputError
            If the names of the examples are not the input names.
        MissingLibraryError
            If onnx is not installed.
        """
        names = [str(variable.name) for variable in self.inputs]
        if set(names) != set(inputs):
            raise InputError(
                f"the model has the inputs {', '.join(names)}, but examples were given for "
                f"{', '.join(inputs)}; pass one example for each input of the model"
            )
        return write_graph(
            dict(zip(names, self.inputs, strict=True)),
            self.outputs,
            [v.name or f"output_{i}" for i, v in enumerate(self.outputs)],
            self.get_parameter_dict(),
            inputs,
            path,
            dynamic_axes=dynamic_axes,
            tolerance=tolerance,
        )

    def summary(self, algorithm: Trained | None = None) -> Summary:
        """Return a table of the bricks, with their output shapes and numbers of parameters.

        Parameters
        ----------
        algorithm : object, optional
            The algorithm that trains the model, such as ``main_loop.algorithm``. Parameters that
            are not in its `parameters` attribute are counted as frozen. By default all
            parameters are counted as trained.

        Returns
        -------
        Summary
            An object that is shown as a table; its `frame` attribute is a pandas frame. Unknown
            sizes, such as the size of the batch, are shown as ``?``.

        Examples
        --------
        >>> from workbench import tensor
        >>> from workbench.bricks import MLP, Tanh
        >>> mlp = MLP([Tanh(), None], [20, 10, 5])
        >>> Model(mlp.apply(tensor.matrix("x"))).summary()
        brick       type    output   parameters  trained  memory
        --------------------------------------------------------
        mlp         MLP     (?, 5)
          linear_0  Linear  (?, 10)         210  yes       840 B
          tanh      Tanh    (?, 10)
          linear_1  Linear  (?, 5)           55  yes       220 B
        --------------------------------------------------------
        265 parameters (265 trained, 0 frozen), 1.0 KiB
        """
        trained = None if algorithm is None else set(algorithm.parameters)
        variables = [*self.variables, *self.scan_variables]
        return summarize(variables, self.get_top_bricks(), trained)

    def check_sanity(self, algorithm: Trained) -> None:
        """Check the model for common mistakes before training.

        Parameters
        ----------
        algorithm : object
            The algorithm; its attribute `parameters` contains the parameters that it trains.

        Raises
        ------
        ParameterError
            If a parameter of the model was never initialised, or contains NaN.

        Warns
        -----
        UserWarning
            If the model and the algorithm have different parameters.
        """
        by_path = self.get_parameter_dict()
        check_set(by_path.values())
        missing = [p for p, v in by_path.items() if numpy.isnan(v.get_value()).any()]
        if missing:
            raise ParameterError(
                f"parameters must not contain NaN (found in {', '.join(missing)}); set their "
                "values, or initialise the brick again with its initialize() method"
            )
        trained = set(algorithm.parameters)
        idle = [path for path, parameter in by_path.items() if parameter not in trained]
        known = set(by_path.values())
        others = [path_of(v) for v in algorithm.parameters if v not in known]
        if idle or others:
            only = [f"only in the model: {', '.join(idle)}"] if idle else []
            only += [f"only in the algorithm: {', '.join(others)}"] if others else []
            warnings.warn(
                f"the model and the algorithm have different parameters ({'; '.join(only)})",
                stacklevel=2,
            )


explain_missing(__name__)
