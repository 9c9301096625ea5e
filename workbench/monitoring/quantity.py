"""`MonitoredQuantity`, the base class of quantities that Python code computes over a dataset."""

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
    """Base class of quantities that Python code computes from the values of variables.

    Parameters
    ----------
    requires : list of Variable, optional
        The variables whose values are passed to `aggregate` for every batch.
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
        """Discard the results of all batches."""

    @abstractmethod
    def aggregate(self, *args: Any) -> None:
        """Add a batch.

        Parameters
        ----------
        *args
            The values of `requires`, as Python numbers for scalars and as arrays for all other
            variables.
        """

    @abstractmethod
    def get_aggregated_value(self) -> Any:
        """Return the value over all batches since the last call to `initialize`."""

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all attributes except `requires` and `name`, for `load_state_dict`."""
        own = {key: value for key, value in vars(self).items() if key not in ("requires", "name")}
        return copy.deepcopy(own)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the attributes that `state_dict` returned."""
        vars(self).update(copy.deepcopy(dict(state)))

    def __repr__(self) -> str:
        return self.name or type(self).__name__


NOT_A_LIST = (
    "monitored variables must be a list, not {given!r}; to monitor the variables that a criterion "
    "selects, pass ComputationGraph(cost).select(...)"
)


def check_names(variables: Sequence[Variable | MonitoredQuantity]) -> None:
    """Raise `MonitoringError` unless all variables have distinct names."""
    if isinstance(variables, (Variable, MonitoredQuantity, str)):
        raise errors.MonitoringError(
            f"monitored variables must be a list, not {variables!r}; write [{variables!r}]"
        )
    if not isinstance(variables, Iterable):
        raise errors.MonitoringError(NOT_A_LIST.format(given=variables))
    seen: dict[str, Variable | MonitoredQuantity] = {}
    for variable in variables:
        if not isinstance(variable, (Variable, MonitoredQuantity)):
            raise errors.MonitoringError(
                f"a monitored object must be a Variable or a MonitoredQuantity, not {variable!r}"
            )
        if variable.name is None:
            raise errors.MonitoringError(
                f"{variable!r} must have a name for its records; set variable.name"
            )
        if variable.name in seen:
            if seen[variable.name] is variable:
                raise errors.MonitoringError(
                    f"the monitored variable {variable.name!r} is listed twice; list it only once"
                )
            raise errors.MonitoringError(
                f"two monitored variables are named {variable.name!r}, but names must be unique; "
                "rename one variable with variable.name = ..."
            )
        seen[variable.name] = variable
