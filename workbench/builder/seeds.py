"""Models with the initial values that their code would draw in a new process."""

from __future__ import annotations

from workbench.bricks import Brick
from workbench.bricks.random_numbers import RNGMixin
from workbench.bricks.seeds import fresh_seeds, root_seed
from workbench.builder.convert import Built, from_spec
from workbench.builder.paths import tree
from workbench.builder.spec import Spec


def as_in_new_process(spec: Spec) -> Built:
    """Build a model whose bricks have the seeds that its code would give them in a new process.

    With `from_spec` alone, seeds depend on how many bricks in this process already have a seed.

    Examples
    --------
    >>> from workbench.builder import from_code
    >>> code = '''
    ... from workbench.bricks import Linear
    ... from workbench.initialization import Constant, IsotropicGaussian
    ... from workbench import tensor
    ... y = Linear(2, 1, weights_init=IsotropicGaussian(), biases_init=Constant(0)).apply(
    ...     tensor.matrix("x"))
    ... '''
    >>> first, second = (as_in_new_process(from_code(code)).bricks["linear"] for _ in range(2))
    >>> first.initialize(), second.initialize()
    (None, None)
    >>> bool((first.W.get_value() == second.W.get_value()).all())
    True
    """
    with fresh_seeds():
        built = from_spec(spec)
        for top in built.model.get_top_bricks():
            if isinstance(top, Brick) and _draws(top):
                root_seed(top)  # the first call determines the seed
    return built


def _draws(top: Brick) -> bool:
    """Return True if the initialisation of a brick needs its derived seed."""
    if isinstance(top, RNGMixin) and top._seed is not None:
        return False
    parts = [part for part in tree(top) if isinstance(part, RNGMixin) and part._seed is None]
    return any(not part.allocated or part.parameters for part in parts)
