"""A sequence generator over three letters in plain torch, one step after the other."""

import torch

from workbench.bricks.attention import SequenceContentAttention
from workbench.bricks.recurrent import GatedRecurrent
from workbench.bricks.sequence_generators import (
    LookupFeedback,
    Readout,
    SequenceGenerator,
    SoftmaxEmitter,
)
from workbench.initialization import IsotropicGaussian
from workbench.select import Selector

LETTERS, FEEDBACK, STATES, ATTENDED, START = 3, 2, 4, 5, 1


def made(attention=True, **kwargs):
    """Make a generator with gated recurrent units, with or without attention."""
    sources = ["states", "feedback", *(["weighted_averages"] if attention else [])]
    generator = SequenceGenerator(
        Readout(
            SoftmaxEmitter(START, random_seed=6),
            LookupFeedback(LETTERS, FEEDBACK),
            source_names=sources,
            readout_dim=LETTERS,
        ),
        GatedRecurrent(STATES),
        SequenceContentAttention(3, state_names=["states"], attended_dim=ATTENDED, name="look")
        if attention
        else None,
        weights_init=IsotropicGaussian(1),
        biases_init=IsotropicGaussian(1),
        seed=5,
        name="generator",
        **kwargs,
    )
    generator.initialize()
    return generator


class Plain:
    """The same network of the same parameters, computed without bricks."""

    def __init__(self, generator):
        found = Selector(generator).get_parameters()
        self.parameters = {
            path: torch.tensor(p.get_value(), requires_grad=True) for path, p in found.items()
        }

    def get(self, end):
        [found] = [p for path, p in self.parameters.items() if path.endswith(end)]
        return found

    def start(self, batch_size):
        return self.get("initial_state").expand(batch_size, -1), torch.full((batch_size,), START)

    def feedback(self, letters):
        return self.get("lookuptable.W")[letters]

    def glimpses(self, states, attended, attended_mask=None):
        match = attended @ self.get("look/preprocess.W") + self.get("look/preprocess.b")
        match = match + states @ self.get("state_trans/transform_states.W")
        energies = (torch.tanh(match) @ self.get("energy_comp/linear.W"))[..., 0]
        if attended_mask is not None:
            energies = energies.masked_fill(attended_mask == 0, -torch.inf)
        weights = torch.softmax(energies, 0)
        return (weights[..., None] * attended).sum(0), weights.T

    def logits(self, letters, states, averages=None):
        total = states @ self.get("readout/merge/transform_states.W") + self.get("bias.b")
        total = total + self.feedback(letters) @ self.get("merge/transform_feedback.W")
        if averages is not None:
            total = total + averages @ self.get("merge/transform_weighted_averages.W")
        return total

    def next_states(self, letters, states, averages=None, mask=None):
        fed = self.feedback(letters)
        inputs = fed @ self.get("fork/fork_inputs.W") + self.get("fork/fork_inputs.b")
        gate_inputs = fed @ self.get("fork/fork_gate_inputs.W") + self.get(
            "fork/fork_gate_inputs.b"
        )
        if averages is not None:
            inputs = inputs + averages @ self.get("distribute/fork_inputs.W")
            gate_inputs = gate_inputs + averages @ self.get("distribute/fork_gate_inputs.W")
        gates = torch.sigmoid(states @ self.get("state_to_gates") + gate_inputs)
        update, reset = gates.split(STATES, 1)
        candidates = torch.tanh((states * reset) @ self.get("state_to_state") + inputs)
        new = update * candidates + (1 - update) * states
        return new if mask is None else torch.where(mask[:, None] != 0, new, states)

    def run(self, letters, attended=None, mask=None, attended_mask=None):
        """Costs, states before each step, averages and weights for given letters (T, B)."""
        states, last = self.start(letters.shape[1])
        steps = []
        for t, now in enumerate(letters):
            averages = weights = None
            if attended is not None:
                averages, weights = self.glimpses(states, attended, attended_mask)
            logits = self.logits(last, states, averages)
            costs = torch.nn.functional.cross_entropy(logits, now, reduction="none")
            if mask is not None:
                costs = costs * mask[t]
            steps.append([costs, states, averages, weights])
            states = self.next_states(now, states, averages, None if mask is None else mask[t])
            last = now
        return [
            None if series[0] is None else torch.stack(series)
            for series in zip(*steps, strict=True)
        ]
