"""The small generator recovers a Markov chain."""

import numpy as np

from tests.jobs import markov_chain


def test_walks_are_those_of_the_chain():
    chain = np.array(markov_chain.THREE_STATES)
    walks = markov_chain.walks(chain, 20000, 50, seed=1)
    assert walks.shape == (20000, 50)
    np.testing.assert_allclose(markov_chain.transitions(walks, 3), chain, atol=0.01)


def test_the_transition_matrix_is_recovered():
    result = markov_chain.JOB.run()
    assert result.reached, result
