"""Roles: the parts that variables play in a model.

A role is the one instance of its class, and the hierarchy of roles is the hierarchy of classes: a
``WEIGHT`` is a ``PARAMETER``, so whoever asks for parameters gets weights too. Roles live in
``variable.tag.roles``; `workbench.filter.VariableFilter` finds variables by them.

A new role is a new class with an instance beside it::

    class CodeRole(VariableRole):
        pass

    CODE = CodeRole()

Persistent roles mark shared variables whose value an archive must keep.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Self

from workbench.hints import hinted
from workbench.names import explain_missing
from workbench.tensor import Variable
from workbench.utils.predicates import Predicate

__all__ = [
    "ALGORITHM_BUFFER",
    "ALGORITHM_HYPERPARAMETER",
    "ALGORITHM_STATE",
    "AUXILIARY",
    "BATCH_NORM_DIVISOR",
    "BATCH_NORM_GRAPH_VARIABLE",
    "BATCH_NORM_MINIBATCH_ESTIMATE",
    "BATCH_NORM_OFFSET",
    "BATCH_NORM_POPULATION_MEAN",
    "BATCH_NORM_POPULATION_STATISTICS",
    "BATCH_NORM_POPULATION_STDEV",
    "BATCH_NORM_SCALE_PARAMETER",
    "BATCH_NORM_SHIFT_PARAMETER",
    "BIAS",
    "COLLECTED",
    "COLLECTOR",
    "COST",
    "DROPOUT",
    "FILTER",
    "INITIAL_STATE",
    "INPUT",
    "OUTPUT",
    "PARAMETER",
    "PERSISTENT",
    "WEIGHT",
    "AlgorithmBufferRole",
    "AlgorithmHyperparameterRole",
    "AlgorithmStateRole",
    "AuxiliaryRole",
    "BatchNormDivisorRole",
    "BatchNormGraphVariableRole",
    "BatchNormMinibatchEstimateRole",
    "BatchNormOffsetRole",
    "BatchNormPopulationMeanRole",
    "BatchNormPopulationStatisticsRole",
    "BatchNormPopulationStdevRole",
    "BatchNormScaleParameterRole",
    "BatchNormShiftParameterRole",
    "BiasRole",
    "CollectedRole",
    "CollectorRole",
    "CostRole",
    "DropoutRole",
    "FilterRole",
    "InitialStateRole",
    "InputRole",
    "OutputRole",
    "ParameterRole",
    "PersistentRole",
    "VariableRole",
    "WeightRole",
    "add_role",
    "has_roles",
]


class VariableRole(Predicate):
    """Base class of roles; each subclass has exactly one instance.

    Copies and pickles of a role are the role itself, and equal roles are the same object. As a
    criterion a role selects the variables that have it, and combines with other criteria by ``|``,
    ``&`` and ``~``; see `workbench.filter.as_predicate`.

    Examples
    --------
    >>> import pickle
    >>> class CodeRole(VariableRole):
    ...     pass
    >>> CodeRole(), CodeRole() is CodeRole()
    (CODE, True)
    >>> pickle.loads(pickle.dumps(WEIGHT)) is WEIGHT
    True
    >>> PARAMETER & ~BIAS
    PARAMETER & ~BIAS
    """

    _instance: VariableRole

    def __new__(cls) -> Self:
        """Give the one instance of the class."""
        if "_instance" not in cls.__dict__:
            cls._instance = super().__new__(cls)
        instance = cls._instance
        assert isinstance(instance, cls)
        return instance

    def selects(self, variable: Variable) -> bool:
        """Return True if `variable` has this role, or a more specific one."""
        return has_roles(variable, [self])

    def __repr__(self) -> str:
        words = re.findall("[A-Z][a-z0-9]*", type(self).__name__.removesuffix("Role"))
        return "_".join(words).upper()


class InputRole(VariableRole):
    """What a brick's application received."""


class OutputRole(VariableRole):
    """What a brick's application gave."""


class CostRole(VariableRole):
    """A scalar to train on, or to regularise with."""


class AuxiliaryRole(VariableRole):
    """A variable that annotations add to a graph, for monitoring say."""


class PersistentRole(VariableRole):
    """A shared variable that belongs to the state of a model or an algorithm."""


class ParameterRole(PersistentRole):
    """A parameter of a model."""


class WeightRole(ParameterRole):
    """The weight matrix of a linear transformation."""


class BiasRole(ParameterRole):
    """The bias of a linear transformation."""


class FilterRole(WeightRole):
    """The filters of a convolution."""


class InitialStateRole(ParameterRole):
    """The trainable initial state of a recurrent brick."""


class CollectorRole(ParameterRole):
    """A shared variable that holds the values of several parameters."""


class CollectedRole(ParameterRole):
    """The part of a collector that stands for one parameter."""


class DropoutRole(VariableRole):
    """A variable after dropout."""


class AlgorithmStateRole(PersistentRole):
    """The state of a training algorithm."""


class AlgorithmHyperparameterRole(AlgorithmStateRole):
    """A setting of a training algorithm, such as a learning rate."""


class AlgorithmBufferRole(AlgorithmStateRole):
    """What an algorithm remembers between steps, such as a velocity."""


class BatchNormPopulationStatisticsRole(PersistentRole):
    """Statistics of the training data, for batch normalisation at inference."""


class BatchNormPopulationMeanRole(BatchNormPopulationStatisticsRole):
    """The population mean."""


class BatchNormPopulationStdevRole(BatchNormPopulationStatisticsRole):
    """The population standard deviation."""


class BatchNormGraphVariableRole(VariableRole):
    """A variable in the graph of a batch normalisation."""


class BatchNormOffsetRole(BatchNormGraphVariableRole):
    """What is subtracted: the mean of the batch, or of the population."""


class BatchNormDivisorRole(BatchNormGraphVariableRole):
    """What is divided by: the deviation of the batch, or of the population."""


class BatchNormMinibatchEstimateRole(BatchNormGraphVariableRole):
    """A statistic computed from the batch."""


class BatchNormScaleParameterRole(WeightRole):
    """The learned scale of a batch normalisation."""


class BatchNormShiftParameterRole(BiasRole):
    """The learned shift of a batch normalisation."""


INPUT = InputRole()
OUTPUT = OutputRole()
COST = CostRole()
AUXILIARY = AuxiliaryRole()
PERSISTENT = PersistentRole()
PARAMETER = ParameterRole()
WEIGHT = WeightRole()
BIAS = BiasRole()
FILTER = FilterRole()
INITIAL_STATE = InitialStateRole()
COLLECTOR = CollectorRole()
COLLECTED = CollectedRole()
DROPOUT = DropoutRole()
ALGORITHM_STATE = AlgorithmStateRole()
ALGORITHM_HYPERPARAMETER = AlgorithmHyperparameterRole()
ALGORITHM_BUFFER = AlgorithmBufferRole()
BATCH_NORM_POPULATION_STATISTICS = BatchNormPopulationStatisticsRole()
BATCH_NORM_POPULATION_MEAN = BatchNormPopulationMeanRole()
BATCH_NORM_POPULATION_STDEV = BatchNormPopulationStdevRole()
BATCH_NORM_GRAPH_VARIABLE = BatchNormGraphVariableRole()
BATCH_NORM_OFFSET = BatchNormOffsetRole()
BATCH_NORM_DIVISOR = BatchNormDivisorRole()
BATCH_NORM_MINIBATCH_ESTIMATE = BatchNormMinibatchEstimateRole()
BATCH_NORM_SCALE_PARAMETER = BatchNormScaleParameterRole()
BATCH_NORM_SHIFT_PARAMETER = BatchNormShiftParameterRole()


@hinted
def add_role(var: Variable, role: VariableRole) -> None:
    """Give a variable a role.

    A role that is more general than one the variable already has is not added, and a more specific
    one takes the place of its ancestors.

    Examples
    --------
    >>> from workbench import tensor
    >>> W = tensor.matrix("W")
    >>> add_role(W, PARAMETER)
    >>> add_role(W, WEIGHT)
    >>> add_role(W, PARAMETER)
    >>> W.tag.roles
    [WEIGHT]
    """
    roles: list[VariableRole] = var.tag.roles
    if not any(isinstance(old, type(role)) for old in roles):
        var.tag.roles = [old for old in roles if not isinstance(role, type(old))] + [role]


@hinted
def has_roles(var: Variable, roles: Iterable[VariableRole], match_all: bool = False) -> bool:
    """Whether a variable has one of `roles`, or with `match_all` each of them.

    A variable with a more specific role has the more general one too.

    Examples
    --------
    >>> from workbench import tensor
    >>> b = tensor.vector("b")
    >>> add_role(b, BIAS)
    >>> has_roles(b, [PARAMETER]), has_roles(b, [WEIGHT, BIAS]), has_roles(b, [WEIGHT, BIAS], True)
    (True, True, False)
    """
    found = (any(isinstance(own, type(role)) for own in var.tag.roles) for role in roles)
    return all(found) if match_all else any(found)


explain_missing(__name__)
