"""Training of a model that was built from a specification."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.algorithms import Adam, GradientDescent, StepRule
from workbench.bricks import Brick
from workbench.builder.convert import Built
from workbench.builder.described import describe_as
from workbench.builder.paths import below
from workbench.data import FilterSources
from workbench.data.streams import AbstractDataStream
from workbench.errors import BuilderError, nearest
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.interfaces import Session
from workbench.main_loop import MainLoop
from workbench.model import Model, Trained
from workbench.tensor import SharedVariable, Variable
from workbench.utils.plain import find_bricks


def start_training(
    built: Built,
    stream: AbstractDataStream | Iterable[Any],
    *,
    step_rule: StepRule | None = None,
    extensions: Sequence[Any] = (),
    frozen: Collection[str] = (),
    epochs: int | None = None,
) -> Session:
    """Initialise a model where needed, and train it in the background.

    Parameters
    ----------
    built : Built
        The model; its cost is minimised.
    stream : data stream
        The stream of batches. Its sources must have the same names as the inputs; other sources are
        ignored.
    step_rule : StepRule, optional
        `Adam` by default.
    extensions : list of extensions, optional
        Additional extensions; the cost and the monitored scalars are always recorded.
    frozen : collection of str
        The paths of bricks whose parameters do not change.
    epochs : int, optional
        The number of epochs; by default training continues until it is stopped.

    Returns
    -------
    Session

    Raises
    ------
    BuilderError
        If the model has no cost or nothing to train, or if the stream does not have a source.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> from workbench.builder import from_spec, to_spec
    >>> from workbench.initialization import Constant
    >>> linear = Linear(2, 1, weights_init=Constant(0), biases_init=Constant(0))
    >>> cost = (linear.apply(tensor.matrix("x")) ** 2).mean()
    >>> built = from_spec(to_spec(cost))
    >>> session = start_training(built, [{"x": [[1.0, 2.0]]}], epochs=2)
    >>> session.wait()
    True
    """
    cost = built.cost
    if cost is None:
        raise BuilderError(
            "there is no cost to minimise; add a cost, or choose an output as the cost"
        )
    name_records(built)
    for name, brick in built.bricks.items():
        if not brick.initialized:
            try:
                brick.initialize()
            except Exception as error:
                raise BuilderError(f"{name} cannot be initialised: {error}") from error
    parameters = trained(built, cost, frozen)
    monitored = scalars(built)
    algorithm = GradientDescent(
        cost=cost, parameters=parameters, step_rule=Adam() if step_rule is None else step_rule
    )
    if built.spec is not None:
        describe_as(algorithm, built.spec, built, frozen)
    main_loop = MainLoop(
        algorithm,
        _with_needed_sources(stream, built, [cost, *monitored]),
        model=PartlyFrozen(built.model.outputs) if frozen else built.model,
        extensions=[TrainingDataMonitoring([cost, *monitored], after_batch=True), *extensions],
    )
    return main_loop.start(epochs=epochs)


class PartlyFrozen(Model):
    """A model with parameters that the user has frozen."""

    def check_sanity(self, algorithm: Trained) -> None:
        """Check the values of the parameters, but not whether the algorithm trains all of them."""
        super().check_sanity(Everything(self.parameters))


@dataclass(frozen=True)
class Everything:
    """Stand-in for an algorithm that trains all parameters of a model, used in checks."""

    parameters: Iterable[SharedVariable]


def name_records(built: Built) -> None:
    """Name the cost and the monitored variables after their wires, unless they have names."""
    shown = {built.cost, *built.monitored}
    for wire, variable in built.variables.items():
        if variable in shown and variable.name is None:
            variable.name = wire


def scalars(built: Built) -> list[Variable]:
    """Return the monitored variables that are scalars, except the cost."""
    return [one for one in built.monitored if one.ndim == 0 and one is not built.cost]


def plotted(built: Built) -> list[list[str]]:
    """Return the names of the channels that training records, one list for each figure."""
    name_records(built)
    cost = [] if built.cost is None else [[str(built.cost.name)]]
    others = [str(one.name) for one in scalars(built)]
    return [*cost, *([others] if others else [])]


def trained(built: Built, cost: Variable, frozen: Collection[str]) -> list[SharedVariable]:
    """Return the parameters of the cost, without the parameters of frozen bricks.

    Raises
    ------
    BuilderError
        If there are no such parameters.
    """
    fixed = [brick for path in frozen if (brick := brick_at(built, path)) is not None]
    kept = {
        parameter
        for brick in find_bricks(fixed, lambda _: True)
        for parameter in brick.parameters
        if parameter is not None
    }
    found = [one for one in Model(cost).parameters if one not in kept]
    if not found:
        reason = "all parameters are frozen" if kept else "the cost does not depend on any"
        raise BuilderError(f"there are no parameters to train: {reason}")
    return found


def brick_at(built: Built, path: str) -> Brick | None:
    """Return the brick at a path such as ``mlp/linear_0``, or None if there is none."""
    top, _, rest = path.partition("/")
    return below(built.bricks[top], rest) if top in built.bricks else None


def _with_needed_sources(
    stream: AbstractDataStream | Iterable[Any], built: Built, outputs: Sequence[Variable]
) -> Any:
    if not isinstance(stream, AbstractDataStream):
        return stream
    needed = [one.name for one in Model(list(outputs)).inputs if one.name]
    for name in needed:
        if name not in stream.sources:
            raise BuilderError(
                f"the stream has no source {name!r}{nearest(name, stream.sources, ' ({})')}; its "
                f"sources are {', '.join(stream.sources)}. Rename the input or the source"
            )
    if set(needed) == set(stream.sources):
        return stream
    return FilterSources(stream, sources=tuple(s for s in stream.sources if s in needed))
