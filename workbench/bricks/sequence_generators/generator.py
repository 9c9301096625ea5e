"""`BaseSequenceGenerator`, which computes the cost of sequences and generates new sequences.

Given the states s, glimpses g and outputs y of the previous step and the contexts c, a step is::

    g' = transition.take_glimpses(s, g, c)
    r' = readout.readout(readout.feedback(y), s, g', c)
    y' = readout.emit(r')                                with the cost readout.cost(r', y')
    s' = transition.compute_states(s, g', fork.apply(readout.feedback(y')), c)

To generate sequences, the generator applies ``transition.preprocess`` to the contexts, and then
computes one step after another. To compute the cost of given outputs, it applies the transition
once to all time steps, and then the readout.

In the shapes below, T is the number of elements of a sequence, and B the number of sequences in a
batch.
"""

from __future__ import annotations

from typing import Any, Unpack

import torch

from workbench.bricks.application import BoundApplication, application
from workbench.bricks.attention import AbstractAttentionRecurrent
from workbench.bricks.base import Brick
from workbench.bricks.checks import shown
from workbench.bricks.cost import mean_cost
from workbench.bricks.initializable import Initializable
from workbench.bricks.options import InitializableOptions, with_children
from workbench.bricks.recurrent.base import by_name
from workbench.bricks.recurrent.iteration import CONTROLS, over_sequences
from workbench.bricks.sequence_generators.interface import AbstractReadout
from workbench.errors import ApplicationError, BrickError, ShapeError, SignatureError, nearest
from workbench.graph.annotations import ApplicationCall
from workbench.tensor import Variable
from workbench.utils.plain import dict_subset

MASK = "mask"


class BaseSequenceGenerator(Initializable):
    """Generator of sequences with a readout and a transition that has an attention interface.

    The subclass `SequenceGenerator` creates the fork, and adds attention to a transition.

    Parameters
    ----------
    readout : AbstractReadout
        The brick that generates outputs from states, glimpses, contexts and feedback.
    transition : AbstractAttentionRecurrent
        The transition; its contexts are the contexts of the generator.
    fork : Brick
        A brick that computes the sequences of the transition from feedback. It has the application
        and settings of a `Fork`.
    **kwargs
        Options of `Initializable`.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks.parallel import Fork
    >>> from workbench.bricks.recurrent import LSTM
    >>> from workbench.bricks.sequence_generators import FakeAttentionRecurrent, Readout
    >>> from workbench.initialization import Constant
    >>> generator = BaseSequenceGenerator(
    ...     Readout(source_names=["states"], readout_dim=1),
    ...     FakeAttentionRecurrent(LSTM(1)), Fork(["inputs"]),
    ...     weights_init=Constant(1), biases_init=Constant(1))
    >>> generator.initialize()
    >>> states, cells, outputs, costs = generator.generate(
    ...     outputs=torch.zeros(1, 1), n_steps=3, batch_size=1)
    >>> outputs.flatten()
    tensor([1.0000, 1.6528, 1.9430])
    """

    def __init__(
        self,
        readout: AbstractReadout,
        transition: AbstractAttentionRecurrent,
        fork: Brick,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        self.readout: Any = readout
        self.transition: Any = transition
        self.fork: Any = fork
        own = [self.readout, self.transition, self.fork]
        super().__init__(**with_children(kwargs, *own))

    def _states(self) -> list[str]:
        return list(self.transition.compute_states.outputs)

    def _glimpses(self) -> list[str]:
        return list(self.transition.take_glimpses.outputs)

    def _contexts(self) -> list[str]:
        return list(self.transition.apply.contexts)

    def _preprocessed(self) -> list[str]:
        return list(self.transition.preprocess.outputs)

    def _push_allocation_config(self) -> None:
        # Each brick must have its settings before its dimensions are read.
        self.transition.push_allocation_config()
        self.readout._require(["source_names", "readout_dim"], "allocation")
        self.readout.source_dims = [self._source_dim(name) for name in self.readout.source_names]
        self.readout.push_allocation_config()
        self.fork.input_dim = self.readout.get_dim("feedback")
        self.fork.output_dims = self.transition.get_dims(self.fork.apply.outputs)

    def _source_dim(self, name: str) -> Any:
        if name == "feedback":
            return self.readout.get_dim(name)
        known = [*self._states(), *self._glimpses(), *self._contexts()]
        if name not in known:
            raise BrickError(
                f"{self.path()}: the readout has the source {name!r}, but a source must be one of "
                f"feedback, {', '.join(known)}{nearest(name, [*known, 'feedback'])}"
            )
        return self.transition.get_dim(name)

    def get_dim(self, name: str) -> Any:
        contexts = (*self._contexts(), *self._preprocessed())
        if name in (*self._states(), *self._glimpses(), *contexts):
            return self.transition.get_dim(name)
        if name == "outputs":
            return self.readout.get_dim(name)
        return 0 if name in (MASK, "costs") else super().get_dim(name)

    # The cost of given sequences.

    @application(outputs=["cost"])
    def cost(
        self,
        outputs: Variable,
        application_call: ApplicationCall,
        mask: Variable | None = None,
        **kwargs: Variable,
    ) -> Variable:
        """Compute the mean cost of sequences, where the cost of a sequence is a sum over time.

        Long sequences therefore contribute more than short sequences. The auxiliary variable
        ``per_sequence_element`` is the mean cost of an element.

        Parameters
        ----------
        outputs, mask, **kwargs
            The arguments of `cost_matrix`.

        Returns
        -------
        Variable
            A scalar with the role ``COST`` and the number B of sequences in ``tag.n_examples``.
        """
        costs = self.cost_matrix(outputs, mask, **kwargs)
        number = costs.shape[0] * costs.shape[1] if mask is None else mask.ne(0).sum()
        per_element = costs.sum() / number
        per_element.tag.n_examples = number
        application_call.add_auxiliary_variable(per_element, name="per_sequence_element")
        return mean_cost(costs.sum(0))

    @cost.property("inputs")
    def cost_inputs(self) -> list[str]:
        """Return the names of the outputs, mask, contexts, initial states and initial glimpses."""
        return ["outputs", MASK, *self._contexts(), *self._states(), *self._glimpses()]

    @application(outputs=["costs"])
    def cost_matrix(
        self,
        outputs: Variable,
        application_call: ApplicationCall,
        mask: Variable | None = None,
        **kwargs: Variable,
    ) -> Variable:
        """Compute the cost of each element of the sequences.

        The states and glimpses used to compute each output are auxiliary variables that keep their
        names. The states and glimpses after the last output are auxiliary variables with names that
        end in ``_final_value``. To continue the sequences, pass these variables as initial states
        and glimpses.

        Parameters
        ----------
        outputs : Variable
            The sequences, of shape (T, B), or (T, B, ...) if an output is not a scalar.
        mask : Variable, optional
            A mask of shape (T, B), zero after the end of a sequence. It is also passed to the
            transition if the transition has a sequence named ``mask``.
        **kwargs
            Contexts, and optionally initial states and glimpses, by name.

        Returns
        -------
        Variable
            Costs of shape (T, B), zero where the mask is zero.

        Raises
        ------
        ShapeError
            If `outputs` or `mask` has the wrong number of dimensions.
        SignatureError
            If an argument is neither a context, a state nor a glimpse.
        """
        self._check(outputs, mask, kwargs)
        # None is allowed for optional arguments, such as the mask of the attended sequence.
        given = {name: value for name, value in kwargs.items() if value is not None}
        contexts = dict_subset(given, self._contexts(), must_have=False)
        feedback = self.readout.feedback(outputs)
        sequences = self.fork.apply(feedback, as_dict=True)
        if mask is not None and MASK in self.transition.apply.sequences:
            sequences[MASK] = mask
        results = self.transition.apply(
            return_initial_states=True, as_dict=True, **{**given, **sequences}
        )
        # An output is computed from the states before its step and the glimpses of its step.
        used = {name: results[name][:-1] for name in self._states()}
        used |= {name: results[name][1:] for name in self._glimpses()}
        first = self.readout.feedback(self.readout.initial_outputs(outputs.shape[1]))
        fed: Any = torch.cat([first.unsqueeze(0), feedback[:-1]])
        readouts = self.readout.readout(feedback=fed, **used, **contexts)
        costs: Variable = self.readout.cost(readouts, outputs)
        for name, value in used.items():
            application_call.add_auxiliary_variable(value.copy(), name=name)
        for name in used:
            final = results[name][-1]
            application_call.add_auxiliary_variable(final.copy(), name=f"{name}_final_value")
        return costs if mask is None else costs.where(mask.ne(0), 0.0)

    @cost_matrix.property("inputs")
    def cost_matrix_inputs(self) -> list[str]:
        """Return the input names, which are the same as for `cost`."""
        return self.cost_inputs()

    def _check(self, outputs: Variable, mask: Variable | None, rest: dict[str, Any]) -> None:
        where = f"{self.path()}.cost_matrix"
        self._check_names("cost_matrix", list(rest), self.cost_inputs())
        if outputs.ndim < 2:
            raise ShapeError(
                f"{where}: outputs have shape {shown(outputs)}, but must have shape (T, B) or "
                "(T, B, ...), with the time axis before the batch axis; x.unsqueeze(1) adds a "
                "batch axis for a single sequence"
            )
        if mask is not None and mask.ndim != 2:
            raise ShapeError(
                f"{where}: mask has shape {shown(mask)}, but must have shape (T, B), with the "
                "time axis before the batch axis"
            )

    def _check_names(self, method: str, given: list[str], known: list[str]) -> None:
        for name in given:
            if name not in known:
                raise SignatureError(
                    f"{self.path()}.{method} accepts the arguments ({', '.join(known)}), not "
                    f"{name!r}{nearest(name, known)}"
                )

    # New sequences.

    @application(sequences=[])
    def generate(
        self,
        application: BoundApplication,
        application_call: ApplicationCall,
        outputs: Variable | None = None,
        **kwargs: object,
    ) -> list[Variable]:
        """Generate sequences element by element.

        With ``iterate=False`` one element is generated. In this case all states, outputs and
        glimpses must be passed, and `n_steps` and `batch_size` are not used.

        Parameters
        ----------
        outputs : Variable, optional
            The outputs of the previous step, of shape (B,) or (B, ...); by default the initial
            outputs.
        n_steps : int or Variable
            The number of elements.
        batch_size : int or Variable
            The number of sequences.
        **kwargs
            Contexts and, optionally, initial states and glimpses by name. With ``iterate=False``,
            the outputs of ``transition.preprocess`` can also be passed.

        Returns
        -------
        list of Variable
            States, outputs, glimpses and costs, in the order of ``generate.outputs``. The
            first dimension of each is T, unless ``iterate`` is False. The states of a time step
            are computed from its output.

        Raises
        ------
        SignatureError
            If an argument is missing, or is neither a context, a state nor a glimpse.
        """
        if getattr(self.generate, "outputs", None) is None:
            raise ApplicationError(
                f"{self.path()}.generate: {self.generate.application!r} must declare outputs, the "
                "names of the generated values; write @application(outputs=[...]), or a delegate "
                "that returns super().generate"
            )
        known = [*self.generate_inputs(), *self._preprocessed()]
        self._check_names("generate", [n for n in kwargs if n not in CONTROLS], known)
        given = {"outputs": outputs, **kwargs}
        if not given.get("iterate", True):
            return self._one_step(given)
        # Preprocess contexts once, and not in every step.
        contexts = dict_subset(given, self._contexts(), must_have=False)
        preprocessed = self.transition.preprocess(as_dict=True, **contexts)
        everything = [*self._contexts(), *self._preprocessed()]
        return over_sequences(application, application_call, {**preprocessed, **given}, everything)

    def _one_step(self, given: dict[str, Any]) -> list[Variable]:
        """Compute the next states, outputs and glimpses, and the costs."""
        missing = [name for name in self.generate_states() if given.get(name) is None]
        if missing:
            raise SignatureError(
                f"{self.path()}.generate requires {', '.join(missing)}, because a single step "
                "(iterate=False) requires all states, outputs and glimpses"
            )
        names = [*self._contexts(), *self._preprocessed()]
        contexts = {name: given[name] for name in names if given.get(name) is not None}
        states = dict_subset(given, self._states())
        before = dict_subset(given, self._glimpses())
        glimpses = self.transition.take_glimpses(as_dict=True, **states, **before, **contexts)
        readouts = self.readout.readout(
            feedback=self.readout.feedback(given["outputs"]), **states, **glimpses, **contexts
        )
        new = self.readout.emit(readouts)
        costs = self.readout.cost(readouts, new)
        inputs = self.fork.apply(self.readout.feedback(new), as_dict=True)
        next_states = self.transition.compute_states(
            as_list=True, **inputs, **states, **glimpses, **contexts
        )
        return [*next_states, new, *glimpses.values(), costs]

    @generate.delegate
    def generate_delegate(self) -> BoundApplication:
        """Return the transition's application, which defines the contexts of the generator."""
        bound: BoundApplication = self.transition.apply
        return bound

    @generate.property("states")
    def generate_states(self) -> list[str]:
        """Return the names of the values passed between steps: states, outputs and glimpses."""
        return [*self._states(), "outputs", *self._glimpses()]

    @generate.property("outputs")
    def generate_outputs(self) -> list[str]:
        """Return the names of the states, outputs, glimpses and costs."""
        return [*self.generate_states(), "costs"]

    @generate.property("inputs")
    def generate_inputs(self) -> list[str]:
        """Return the names of the states, outputs, glimpses and contexts."""
        return [*self.generate_states(), *self._contexts()]

    @application
    def initial_states(self, batch_size: Any, *args: Any, **kwargs: object) -> list[Variable]:
        """Return the initial states, outputs and glimpses of `generate`.

        Parameters
        ----------
        batch_size : int or Variable
            The number B of sequences.
        *args, **kwargs
            The arguments of `generate`; contexts must be passed by keyword.
        """
        names = [*self._states(), *self._glimpses()]
        made = by_name(self.transition.initial_states, names, batch_size, *args, **kwargs)
        made["outputs"] = self.readout.initial_outputs(batch_size)
        return [made[name] for name in self.generate_states()]

    @initial_states.property("outputs")
    def initial_states_outputs(self) -> list[str]:
        """Return the names of the states of `generate`."""
        return self.generate_states()
