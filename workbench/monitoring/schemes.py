"""Aggregation schemes that users can choose, such as `Mean`, `Sum` and `Maximum`.

The scheme of a variable is its ``tag.aggregation_scheme``. The functions `mean` and `perplexity`
set this tag. Without this tag, the scheme is inferred (see `workbench.monitoring.inferred`).
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import torch

from workbench import errors
from workbench.hints import hinted
from workbench.monitoring.fold import Fold, State
from workbench.tensor import Variable, shapes
from workbench.tensor.traversal import ancestors

NUMBERS = (Variable, int, float)


class Mean(Fold):
    r"""Scheme that divides the sum of a numerator over all batches by the sum of a denominator.

    If the numerator is a sum over the examples of a batch and the denominator is the number of
    examples, the result is the mean over all examples, regardless of how they are divided into
    batches.

    Parameters
    ----------
    numerator : Variable
    denominator : Variable or number, optional
        The default, 1, gives the mean over batches.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.matrix("x")
    >>> cost = (x ** 2).sum(1).mean()
    >>> cost.tag.aggregation_scheme = Mean((x ** 2).sum(), x.shape[0])
    """

    def __init__(self, numerator: Variable, denominator: Any = 1.0) -> None:
        for what, given, kinds in (
            ("the numerator of a mean must be a variable", numerator, Variable),
            ("the denominator of a mean must be a variable or a number", denominator, NUMBERS),
        ):
            if not isinstance(given, kinds):
                raise errors.MonitoringError(f"the {what}, not {given!r}")
        super().__init__(numerator)
        self.numerator = numerator
        self.denominator = denominator
        if isinstance(denominator, Variable):
            self.requires = [numerator, denominator]
        alone = not isinstance(denominator, Variable) and denominator == 1
        self.keeps_single = alone and type(self) is Mean and numerator.dtype.is_floating_point

    def start(self) -> State:
        return 0.0, 0.0

    def admit(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.item() if value.is_cpu and value.dim() == 0 else value.double()
        return value

    def take(self, state: State, *values: Any) -> State:
        amount = values[1] if len(values) == 2 else self.denominator
        return state[0] + values[0], state[1] + amount

    def result(self, state: State) -> Any:
        return _ratio(*state)

    def __repr__(self) -> str:
        return f"Mean({self.numerator!r}, {self.denominator!r})"


class _Kept(Fold):
    """Base class of schemes whose state contains only the result."""

    keeps_single = True

    def result(self, state: State) -> Any:
        return state[0]


class Sum(_Kept):
    """Scheme that adds the values of all batches.

    Parameters
    ----------
    variable : Variable

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.vector("x")
    >>> total = x.sum().copy(name="total")
    >>> total.tag.aggregation_scheme = Sum(total)
    >>> DatasetEvaluator([total]).evaluate(as_stream([{"x": [1.0, 2.0]}, {"x": [4.0]}]))
    {'total': 7.0}
    """

    def start(self) -> State:
        return (0,)

    def admit(self, value: Any) -> Any:
        value = super().admit(value)
        floats = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.double() if floats else value

    def take(self, state: State, *values: Any) -> State:
        return (state[0] + values[0],)


class TakeLast(_Kept):
    """Scheme that keeps the value of the last batch.

    Parameters
    ----------
    variable : Variable

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.vector("x")
    >>> last = x.sum().copy(name="last")
    >>> last.tag.aggregation_scheme = TakeLast(last)
    >>> DatasetEvaluator([last]).evaluate(as_stream([{"x": [1.0, 2.0]}, {"x": [4.0]}]))
    {'last': 4.0}
    """

    element_by_element = False

    def start(self) -> State:
        return (0.0,)

    def take(self, state: State, *values: Any) -> State:
        return values


class Minimum(_Kept):
    """Scheme that computes the elementwise minimum over all batches; NaN if any value is NaN.

    Parameters
    ----------
    variable : Variable

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.vector("x")
    >>> lowest = x.min().copy(name="lowest")
    >>> lowest.tag.aggregation_scheme = Minimum(lowest)
    >>> DatasetEvaluator([lowest]).evaluate(as_stream([{"x": [1.0, 2.0]}, {"x": [4.0]}]))
    {'lowest': 1.0}
    """

    def start(self) -> State:
        return (math.inf,)

    def take(self, state: State, *values: Any) -> State:
        return (_chosen(operator.lt, torch.minimum, state[0], values[0]),)


class Maximum(_Kept):
    """Scheme that computes the elementwise maximum over all batches; NaN if any value is NaN.

    Parameters
    ----------
    variable : Variable

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.vector("x")
    >>> highest = x.max().copy(name="highest")
    >>> highest.tag.aggregation_scheme = Maximum(highest)
    >>> DatasetEvaluator([highest]).evaluate(as_stream([{"x": [1.0, 2.0]}, {"x": [4.0]}]))
    {'highest': 4.0}
    """

    def start(self) -> State:
        return (-math.inf,)

    def take(self, state: State, *values: Any) -> State:
        return (_chosen(operator.gt, torch.maximum, state[0], values[0]),)


class Median(Fold):
    """Scheme that computes the elementwise median of the values over all batches.

    Each batch has the same weight. The median of an even number of batches is the mean of the two
    middle values. If any value is NaN, the median is NaN. All values are kept until the median is
    read, so the scheme cannot be expressed as updates of shared variables.

    Parameters
    ----------
    variable : Variable
        The variable, usually a scalar.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.vector("x")
    >>> typical = x.sum().copy(name="typical")
    >>> typical.tag.aggregation_scheme = Median(typical)
    >>> stream = as_stream([{"x": [1.0, 2.0]}, {"x": [90.0]}, {"x": [5.0]}])
    >>> DatasetEvaluator([typical]).evaluate(stream)
    {'typical': 5.0}
    """

    grows = True

    def __init__(self, variable: Variable) -> None:
        super().__init__(variable)
        self.keeps_single = variable.dtype.is_floating_point

    def start(self) -> State:
        return ([],)

    def take(self, state: State, *values: Any) -> State:
        state[0].extend(values)  # in place, as in Concatenate
        return state

    def result(self, state: State) -> Any:
        values = torch.stack([torch.as_tensor(one, dtype=torch.float64) for one in state[0]])
        # torch.quantile would return NaN for infinite values.
        ordered, last = values.sort(0).values, len(values) - 1
        middle = (ordered[last // 2] + ordered[(last + 1) // 2]) / 2
        return middle.where(~values.isnan().any(0), math.nan)


class Concatenate(Fold):
    """Scheme that concatenates the values of all batches.

    If the first dimension of the variable is the first dimension of an input, or is computed from
    it, the values are concatenated along this dimension. Otherwise, for example for a sum over a
    batch, the values are stacked, with one row for each batch, and scalars are joined into a
    vector. The state of the scheme grows with the data, so the aggregation cannot be expressed as
    updates of shared variables.

    Parameters
    ----------
    variable : Variable

    Raises
    ------
    MonitoringError
        If the values cannot be concatenated because of their shapes. The error is raised when the
        result is read.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.matrix("x")
    >>> doubled, total = (x * 2).copy(name="doubled"), x.sum(0).copy(name="total")
    >>> for variable in (doubled, total):
    ...     variable.tag.aggregation_scheme = Concatenate(variable)
    >>> stream = as_stream([{"x": [[1.0, 2.0], [3.0, 4.0]]}, {"x": [[5.0, 6.0]]}])
    >>> values = DatasetEvaluator([doubled, total]).evaluate(stream)
    >>> values["doubled"]
    array([[ 2.,  4.],
           [ 6.,  8.],
           [10., 12.]], dtype=float32)
    >>> values["total"]
    array([[4., 6.],
           [5., 6.]], dtype=float32)
    """

    element_by_element = False
    grows = True

    def start(self) -> State:
        return ([],)

    def admit(self, value: Any) -> Any:
        tensor = torch.as_tensor(value)
        return tensor if self._joins_examples and tensor.ndim else tensor[None]

    def take(self, state: State, *values: Any) -> State:
        state[0].extend(values)  # in place, since new lists would take quadratic time
        return state

    def result(self, state: State) -> Any:
        try:
            return torch.cat(state[0])
        except RuntimeError as error:
            shapes_of = sorted({tuple(one.shape) for one in state[0]})
            raise errors.MonitoringError(
                f"{self!r}: the values of the batches have the shapes {shapes_of}, which cannot be "
                "concatenated; monitor a variable that has the same size in all batches"
            ) from error

    @functools.cached_property
    def _joins_examples(self) -> bool:
        """True if the first dimension is computed only from the first dimensions of inputs."""
        fake = self.requires[0].fake
        size = shapes.symbol(fake.shape[0]) if self.requires[0].ndim else 0
        if isinstance(size, int):
            return False
        inputs = [v for v in ancestors(self.requires) if v.owner is None and not v.is_number]
        others = {shapes.symbol(n) for v in inputs for n in v.fake.shape[1:]}
        return size not in others and not others.intersection(shapes.equal_to(size))


class Perplexity(Mean):
    r"""Scheme that computes the perplexity of a model, :math:`\exp(-\sum \ell / \sum n)`.

    Parameters
    ----------
    numerator : Variable
        The log-likelihood :math:`\ell` of a batch, a sum over its examples.
    denominator : Variable or number, optional
        The number :math:`n` of examples in the batch.

    Examples
    --------
    >>> import numpy as np
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> likelihoods = tensor.vector("likelihoods")  # of the words of a text, as logarithms
    >>> perplexity = likelihoods.sum().copy(name="perplexity")
    >>> perplexity.tag.aggregation_scheme = Perplexity(likelihoods.sum(), likelihoods.shape[0])
    >>> batches = [np.log([0.25, 0.25, 0.5]), np.log([0.125])]
    >>> stream = as_stream([{"likelihoods": one.astype("float32")} for one in batches])
    >>> round(float(DatasetEvaluator([perplexity]).evaluate(stream)["perplexity"]), 3)
    4.0
    """

    def result(self, state: State) -> Any:
        average = super().result(state)
        if isinstance(average, float):
            average = torch.tensor(average, dtype=torch.float64)
        return torch.exp(-average)

    def __repr__(self) -> str:
        return f"Perplexity({self.numerator!r}, {self.denominator!r})"


@hinted
def mean(numerator: Variable, denominator: Any = 1.0) -> Variable:
    """Return a ratio whose numerator and denominator are summed over batches before the division.

    Parameters
    ----------
    numerator : Variable
        A sum over the examples of a batch.
    denominator : Variable or number, optional
        The number of examples.

    Returns
    -------
    Variable
        The ratio, with the name of `numerator` and the scheme `Mean`.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.vector("x")
    >>> average = mean(x.sum(), x.shape[0])
    >>> average.name = "average"
    >>> DatasetEvaluator([average]).evaluate(as_stream([{"x": [1.0, 2.0, 3.0]}, {"x": [6.0]}]))
    {'average': 3.0}
    """
    ratio: Variable = numerator / denominator
    ratio.name = numerator.name
    ratio.tag.aggregation_scheme = Mean(numerator, denominator)
    return ratio


@hinted
def perplexity(log_likelihood: Variable, n_examples: Any) -> Variable:
    """Return the perplexity of a model, with the scheme `Perplexity`.

    Parameters
    ----------
    log_likelihood : Variable
        The sum of the log-likelihoods of all examples in a batch. If the data are text, each symbol
        can be an example.
    n_examples : Variable or number
        The number of examples.

    Returns
    -------
    Variable
        The perplexity on the batch, named ``perplexity``.

    Examples
    --------
    >>> import torch
    >>> from workbench import tensor
    >>> x = tensor.vector("x")
    >>> value = perplexity(torch.log(x).sum(), x.shape[0])
    >>> value.eval({x: [0.5, 0.125]})
    tensor(4.)
    """
    value: Variable = torch.exp(-log_likelihood / n_examples)  # type: ignore[assignment]
    value.name = "perplexity"
    value.tag.aggregation_scheme = Perplexity(log_likelihood, n_examples)
    return value


def _chosen(better: Callable[[Any, Any], bool], choose: Any, kept: Any, new: Any) -> Any:
    """Return the value that `choose` selects, or NaN if either value is NaN."""
    if isinstance(kept, (int, float)) and isinstance(new, (int, float)):
        return new if better(new, kept) or new != new else kept
    if isinstance(kept, (int, float)):
        kept = torch.full_like(new, kept, dtype=torch.float64)
    return choose(kept, new)


def _ratio(numerator: Any, denominator: Any) -> Any:
    """Return the quotient as torch computes it; zero divided by zero is NaN."""
    try:
        return numerator / denominator
    except ZeroDivisionError:
        return numerator * math.inf if numerator else math.nan
