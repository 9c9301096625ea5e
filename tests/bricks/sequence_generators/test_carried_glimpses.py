"""Glimpses that go from step to step: attention that knows where it looked before."""

import torch

from workbench import function, tensor
from workbench.bricks import application
from workbench.bricks.attention import SequenceContentAttention
from workbench.bricks.recurrent import GatedRecurrent
from workbench.bricks.sequence_generators import (
    LookupFeedback,
    Readout,
    SequenceGenerator,
    SoftmaxEmitter,
)
from workbench.initialization import IsotropicGaussian
from workbench.search import BeamSearch

LOOKED_AT = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(3))


class Moving(SequenceContentAttention):
    """Starts at the first element and advances by one element a step."""

    @application(outputs=["weighted_averages", "weights"])
    def take_glimpses(
        self, attended, preprocessed_attended=None, attended_mask=None, weights=None, **states
    ):
        moved = weights.roll(1, 1).T
        return self.compute_weighted_averages(moved, attended), moved.T

    @take_glimpses.property("inputs")
    def take_glimpses_inputs(self):
        return ["attended", "preprocessed_attended", "attended_mask", "weights", "states"]

    @application(outputs=["weighted_averages", "weights"])
    def initial_glimpses(self, batch_size, attended):
        averages, weights = super().initial_glimpses(batch_size, attended)
        return averages, torch.cat([weights[:, 1:], weights[:, :1] + 1], 1)


def made():
    generator = SequenceGenerator(
        Readout(
            SoftmaxEmitter(random_seed=1), LookupFeedback(3, 2), readout_dim=3,
            source_names=["states", "weighted_averages"],
        ),
        GatedRecurrent(2),
        Moving(2, state_names=["states"], attended_dim=2),
        weights_init=IsotropicGaussian(1), biases_init=IsotropicGaussian(1), seed=2,
    )  # fmt: skip
    generator.initialize()
    return generator


def test_each_step_continues_from_the_glimpses_of_the_last():
    generator = made()
    got = generator.generate(attended=LOOKED_AT, n_steps=4, batch_size=3, as_dict=True)
    torch.testing.assert_close(got["weights"], torch.eye(5)[:4, None].expand(4, 3, 5))
    torch.testing.assert_close(got["weighted_averages"], LOOKED_AT[:4])
    costs = generator.cost_matrix(got["outputs"], attended=LOOKED_AT)
    torch.testing.assert_close(costs, got["costs"], rtol=1e-4, atol=1e-5)


def test_generation_goes_on_from_given_glimpses():
    generator = made()
    rest = {"states": torch.zeros(3, 2), "weighted_averages": torch.zeros(3, 2)}
    got = generator.generate(
        attended=LOOKED_AT, weights=torch.eye(5)[[1, 2, 3]], n_steps=1, as_dict=True, **rest
    )
    assert got["weights"][0].equal(torch.eye(5)[[2, 3, 4]])


def test_a_beam_search_carries_them_too():
    generator, x = made(), tensor.tensor3("x")
    samples = generator.generate(attended=x, n_steps=1, batch_size=x.shape[1])[1]
    copies = LOOKED_AT[:, :1].expand(5, 4, 2).contiguous()
    [best, *_], [cost, *_] = BeamSearch(samples).search({x: copies}, 2, 4)
    y = tensor.lmatrix("y")
    run = function([y, x], generator.cost(y, attended=x))
    expected = run(torch.tensor(best)[:, None], LOOKED_AT[:, :1])
    torch.testing.assert_close(torch.tensor(cost), expected, rtol=1e-4, atol=1e-5)
