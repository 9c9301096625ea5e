"""Monitored quantities: values over a data set that a user's Python code computes."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench import errors
from workbench.attributes import KnownAttributes
from workbench.hints import Hinted
from workbench.tensor import Variable
from workbench.utils.hooks import refuse_former_hooks

FORMER_HOOKS = {
    "accumulate": "define aggregate(*values), which adds a batch",
    "readout": "define get_aggregated_value(), which returns the value over all batches",
}


class MonitoredQuantity(KnownAttributes, Hinted, ABC):
    """Base class of quantities that Python code computes from variables, batch by batch.

    Parameters
    ----------
    requires : list of Variable, optional
        The variables whose values it needs for every batch.
    name : str, optional
        The name in the log.

    Examples
    --------
    >>> import numpy
    >>> from workbench import tensor
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> class Median(MonitoredQuantity):
    ...     def initialize(self):
    ...         self.seen = []
    ...     def aggregate(self, values):
    ...         self.seen.extend(values)
    ...     def get_aggregated_value(self):
    ...         return float(numpy.median(self.seen))
    >>> x = tensor.vector("x")
    >>> evaluator = DatasetEvaluator([Median(requires=[x], name="median")])
    >>> evaluator.initialize_aggregators()
    >>> evaluator.process_batch({"x": [1.0, 2.0]})
    >>> evaluator.process_batch({"x": [7.0]})
    >>> evaluator.get_aggregated_values()
    {'median': 2.0}
    """

    def __init__(self, requires: Iterable[Variable] | None = None, name: str | None = None) -> None:
        self.requires = list(requires or ())
        self.name = name

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_former_hooks(cls, FORMER_HOOKS, errors.MonitoringError)

    @abstractmethod
    def initialize(self) -> None:
        """Forget all batches."""

    @abstractmethod
    def aggregate(self, *args: Any) -> None:
        """Add a batch.

        Parameters
        ----------
        *args
            The values of `requires`: arrays, and Python numbers for those without dimensions.
        """

    @abstractmethod
    def get_aggregated_value(self) -> Any:
        """Return the value over all batches since `initialize`."""

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all attributes but `requires` and `name`, for `load_state_dict`."""
        own = {key: value for key, value in vars(self).items() if key not in ("requires", "name")}
        return copy.deepcopy(own)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the attributes that `state_dict` returned."""
        vars(self).update(copy.deepcopy(dict(state)))

    def __repr__(self) -> str:
        return self.name or type(self).__name__


def check_names(variables: Sequence[Variable | MonitoredQuantity]) -> None:
    """Raise `MonitoringError` unless all variables have different names."""
    if isinstance(variables, (Variable, MonitoredQuantity, str)):
        raise errors.MonitoringError(
            f"monitored variables must be in a list, not {variables!r}; write [...] around it"
        )
    seen: dict[str, Variable | MonitoredQuantity] = {}
    for variable in variables:
        if not isinstance(variable, (Variable, MonitoredQuantity)):
            raise errors.MonitoringError(
                f"only variables and monitored quantities can be monitored, not {variable!r}"
            )
        if variable.name is None:
            raise errors.MonitoringError(
                f"{variable!r} must have a name, under which it is recorded; set variable.name"
            )
        if variable.name in seen:
            twice = " (it is listed twice)" if seen[variable.name] is variable else ""
            raise errors.MonitoringError(
                f"two monitored variables are named {variable.name!r}, so one record would "
                f"overwrite the other{twice}; rename one with variable.name = ..."
            )
        seen[variable.name] = variable
