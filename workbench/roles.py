"""Roles, which describe the purpose of variables in a model.

A role is the only instance of its class, and the hierarchy of roles is the hierarchy of classes. A
``WEIGHT`` is a ``PARAMETER``, so a search for parameters also finds weights. The roles of a
variable are in ``variable.tag.roles``. `workbench.filter.VariableFilter` finds variables by role.

To define a new role, create a class and an instance of it::

    class CodeRole(VariableRole):
        pass

    CODE = CodeRole()

Persistent roles mark shared variables whose values must be saved in archives.
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

    Copying or unpickling a role returns the same object. As a criterion, a role selects the
    variables that have it. The operators ``|``, ``&`` and ``~`` combine the role with other
    criteria; see `workbench.filter.as_predicate`.

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
        """Return the only instance of the class."""
        if "_instance" not in cls.__dict__:
            cls._instance = super().__new__(cls)
        instance = cls._instance
        assert isinstance(instance, cls)
        return instance

    def selects(self, variable: Variable) -> bool:
        """Return True if `variable` has this role or a more specific role."""
        return has_roles(variable, [self])

    def __repr__(self) -> str:
        words = re.findall("[A-Z][a-z0-9]*", type(self).__name__.removesuffix("Role"))
        return "_".join(words).upper()


class InputRole(VariableRole):
    """Input of a brick's application.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Tanh
    >>> from workbench.graph import ComputationGraph
    >>> graph = ComputationGraph(Tanh().apply(tensor.matrix("x")))
    >>> [role for one in graph.select(INPUT) for role in one.tag.roles if type(role) is InputRole]
    [INPUT]
    """


class OutputRole(VariableRole):
    """Output of a brick's application.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Tanh
    >>> y = Tanh().apply(tensor.matrix("x"))
    >>> [isinstance(role, OutputRole) for role in y.tag.roles]
    [True]
    """


class CostRole(VariableRole):
    """Scalar cost to minimise, or a regularisation term.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks.cost import SquaredError
    >>> cost = SquaredError().apply(tensor.matrix("y"), tensor.matrix("y_hat"))
    >>> any(isinstance(role, CostRole) for role in cost.tag.roles)
    True
    """


class AuxiliaryRole(VariableRole):
    """Variable that an annotation adds to a graph, for example for monitoring.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.graph import Annotation
    >>> energy = (tensor.vector("x") ** 2).sum()
    >>> Annotation().add_auxiliary_variable(energy, name="energy")
    >>> [isinstance(role, AuxiliaryRole) for role in energy.tag.roles]
    [True]
    """


class PersistentRole(VariableRole):
    """Shared variable that belongs to the state of a model or an algorithm."""


class ParameterRole(PersistentRole):
    """Parameter of a model.

    Examples
    --------
    >>> import numpy as np
    >>> from workbench import shared
    >>> class CodebookRole(ParameterRole):
    ...     pass
    >>> codes = shared(np.zeros((8, 2), "float32"), "codes")
    >>> add_role(codes, CodebookRole())
    >>> PARAMETER.selects(codes), PERSISTENT.selects(codes)
    (True, True)
    """


class WeightRole(ParameterRole):
    """Weight matrix of a linear transformation."""


class BiasRole(ParameterRole):
    """Bias of a linear transformation."""


class FilterRole(WeightRole):
    """Filters of a convolution.

    Examples
    --------
    >>> issubclass(FilterRole, WeightRole)  # WEIGHT selects filters, too
    True
    """


class InitialStateRole(ParameterRole):
    """Trainable initial state of a recurrent brick.

    Examples
    --------
    >>> issubclass(InitialStateRole, ParameterRole)  # it is trained
    True
    """


class CollectorRole(ParameterRole):
    """Shared variable that contains the values of several parameters."""


class CollectedRole(ParameterRole):
    """Slice of a collector, used in place of one parameter.

    Examples
    --------
    >>> issubclass(CollectedRole, ParameterRole), issubclass(CollectorRole, ParameterRole)
    (True, True)
    """


class DropoutRole(VariableRole):
    """Variable after dropout.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.graph import ComputationGraph, apply_dropout
    >>> x = tensor.matrix("x")
    >>> dropped = apply_dropout(ComputationGraph(2 * x), [x], drop_prob=0.5)
    >>> found = [v for v in dropped.variables if DROPOUT.selects(v)]
    >>> [isinstance(role, DropoutRole) for v in found for role in v.tag.roles]
    [True]
    """


class AlgorithmStateRole(PersistentRole):
    """State of a training algorithm."""


class AlgorithmHyperparameterRole(AlgorithmStateRole):
    """Hyperparameter of a training algorithm, such as a learning rate.

    Examples
    --------
    >>> from workbench.algorithms import Scale
    >>> rate = Scale(0.1).learning_rate
    >>> [isinstance(role, AlgorithmHyperparameterRole) for role in rate.tag.roles]
    [True]
    """


class AlgorithmBufferRole(AlgorithmStateRole):
    """Buffer that an algorithm keeps between steps, such as a velocity.

    Examples
    --------
    >>> issubclass(AlgorithmBufferRole, AlgorithmStateRole)
    True
    >>> issubclass(AlgorithmBufferRole, PersistentRole)  # archives contain it
    True
    """


class BatchNormPopulationStatisticsRole(PersistentRole):
    """Statistics of a brick's input over the training data, for use at inference time.

    Examples
    --------
    >>> issubclass(BatchNormPopulationStatisticsRole, PersistentRole)  # archives contain it
    True
    >>> issubclass(BatchNormPopulationStatisticsRole, ParameterRole)  # but it is not trained
    False
    """


class BatchNormPopulationMeanRole(BatchNormPopulationStatisticsRole):
    """Mean of a brick's input over the training data, for use at inference time.

    Examples
    --------
    >>> issubclass(BatchNormPopulationMeanRole, BatchNormPopulationStatisticsRole)
    True
    """


class BatchNormPopulationStdevRole(BatchNormPopulationStatisticsRole):
    """Standard deviation of a brick's input over the training data, for use at inference time.

    Examples
    --------
    >>> issubclass(BatchNormPopulationStdevRole, BatchNormPopulationStatisticsRole)
    True
    """


class BatchNormGraphVariableRole(VariableRole):
    """Variable in the graph of batch normalisation."""


class BatchNormOffsetRole(BatchNormGraphVariableRole):
    """Batch or population mean that batch normalisation subtracts.

    Examples
    --------
    >>> issubclass(BatchNormOffsetRole, BatchNormGraphVariableRole)
    True
    """


class BatchNormDivisorRole(BatchNormGraphVariableRole):
    """Batch or population standard deviation that batch normalisation divides by.

    Examples
    --------
    >>> issubclass(BatchNormDivisorRole, BatchNormGraphVariableRole)
    True
    """


class BatchNormMinibatchEstimateRole(BatchNormGraphVariableRole):
    """Mean or standard deviation that is computed from the batch.

    Examples
    --------
    >>> issubclass(BatchNormMinibatchEstimateRole, BatchNormGraphVariableRole)
    True
    """


class BatchNormScaleParameterRole(WeightRole):
    """Learned scale of batch normalisation.

    Examples
    --------
    >>> issubclass(BatchNormScaleParameterRole, WeightRole)  # WEIGHT & ~BATCH_NORM_SCALE_PARAMETER
    True
    """


class BatchNormShiftParameterRole(BiasRole):
    """Learned shift of batch normalisation.

    Examples
    --------
    >>> issubclass(BatchNormShiftParameterRole, BiasRole)
    True
    """


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
    """Add a role to a variable.

    A role that is more general than an existing role is not added. A more specific role replaces
    more general roles.

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
    """Return True if a variable has one of `roles` or, if `match_all` is True, all of them.

    A variable with a more specific role also has the more general roles.

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
