"""`deepen`, which inserts a layer with identity weights into an MLP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from workbench.bricks import MLP, Brick
from workbench.bricks.activations import Identity, Rectifier
from workbench.builder.fields import Json
from workbench.builder.spec import Spec
from workbench.builder.widening import model_with
from workbench.errors import BuilderError
from workbench.hints import Hinted, hinted

LINEAR = re.compile(r"linear_(\d+)(.*)")
NO_MLP = (
    "{path} is not a layer of a top-level MLP, so no layer can be inserted after it; choose a "
    "linear layer of a top-level MLP, such as mlp/linear_0"
)
LAST = "{path} is the last layer of {mlp}; choose a layer that is followed by another layer"
TWICE = (
    "applying {activation} twice does not give the same result as applying it once; use a "
    "Rectifier or no activation"
)
IDENTITY: Mapping[str, Json] = {
    "weights_init": {"scheme": {"type": "Identity"}},
    "biases_init": {"scheme": {"type": "Constant", "settings": {"constant": 0}}},
}


@dataclass(frozen=True)
class Deepened(Hinted):
    """A specification with an additional layer.

    Attributes
    ----------
    spec : Spec
    brick : str
        The path of the new layer.
    moved : dict of str to str
        The earlier paths of the layers that follow the new layer, keyed by new path. Pass this
        dictionary to `Session.rebuild` as `moved`.
    reason : str
        The reason why the model computes a different function; empty if the function is the same.

    Examples
    --------
    >>> from workbench.bricks import MLP, Tanh
    >>> from workbench.builder import deepen, to_spec
    >>> found = deepen(to_spec(MLP([Tanh(), None], [784, 100, 10])), "mlp/linear_0")
    >>> isinstance(found, Deepened), found.brick
    (True, 'mlp/linear_1')
    >>> found.reason
    'applying Tanh twice does not give the same result as applying it once; use a Rectifier ...'
    """

    spec: Spec
    brick: str
    moved: Mapping[str, str]
    reason: str


@hinted
def deepen(spec: Spec, brick: str) -> Deepened:
    """Return a specification with a new layer of equal size after a layer of an MLP.

    The weights of the new layer are the identity matrix, and its activation is the activation of
    the previous layer. The model still computes the same function if applying this activation twice
    gives the same result as applying it once.

    Parameters
    ----------
    spec : Spec
    brick : str
        The path of a linear layer of an MLP, such as ``mlp/linear_0``.

    Returns
    -------
    Deepened
        The new specification. If the new model computes a different function, `reason` says why.

    Raises
    ------
    BuilderError
        If there is no such layer, or if it is the last layer.

    Examples
    --------
    >>> from workbench.bricks import MLP, Rectifier
    >>> from workbench.builder import deepen, to_spec
    >>> found = deepen(to_spec(MLP([Rectifier(), None], [784, 100, 10])), "mlp/linear_0")
    >>> found.spec.bricks[0].settings["dims"], found.brick, found.moved, found.reason
    ([784, 100, 100, 10], 'mlp/linear_1', {'mlp/linear_2': 'mlp/linear_1'}, '')
    """
    _, bricks = model_with(spec, brick)
    path = brick.rpartition("/")[0]
    mlp = bricks.get(path)
    top = next((one for one in spec.bricks if one.name == path), None)
    layers: list[Brick] = list(mlp.linear_transformations) if isinstance(mlp, MLP) else []
    if top is None or not isinstance(mlp, MLP) or bricks[brick] not in layers:
        raise BuilderError(NO_MLP.format(path=brick))
    number, count = layers.index(bricks[brick]), len(layers)
    if number == count - 1:
        raise BuilderError(LAST.format(path=brick, mlp=path))
    place = number + 1
    dims, activations = list(top.settings["dims"]), list(top.settings["activations"])
    dims.insert(place, dims[place])
    activations.insert(place, activations[number])
    changes = {_shifted(name, place): dict(one) for name, one in top.changes.items()}
    changes[f"linear_{place}"] = dict(IDENTITY)
    new = replace(
        top, settings={**top.settings, "dims": dims, "activations": activations}, changes=changes
    )
    bricks_after = tuple(new if one is top else one for one in spec.bricks)
    moved = {f"{path}/linear_{i + 1}": f"{path}/linear_{i}" for i in range(count - 1, number, -1)}
    activation = mlp.activations[number]
    same = activation is None or isinstance(getattr(activation, "brick", activation),
                                            (Rectifier, Identity))  # fmt: skip
    reason = "" if same else TWICE.format(activation=type(activation).__name__)
    return Deepened(replace(spec, bricks=bricks_after), f"{path}/linear_{place}", moved, reason)


def _shifted(name: str, place: int) -> str:
    """Return the new path of a brick after a layer has been inserted at index `place`."""
    found = LINEAR.fullmatch(name)
    if found is None or int(found[1]) < place:
        return name
    return f"linear_{int(found[1]) + 1}{found[2]}"
