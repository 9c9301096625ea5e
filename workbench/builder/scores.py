"""Check for costs that take probabilities, but are connected to the scores of a layer.

`CategoricalCrossEntropy` refuses such values only when the first batch arrives. This module finds
the fault from the bricks, and offers a `Softmax` between the two as a fix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.builder.changes import Change
from workbench.builder.construct import name_of
from workbench.builder.fields import Json, free_name
from workbench.builder.spec import BrickSpec, CallSpec, Spec

SCORES = frozenset(
    "Bias BatchNormalization Convolutional ConvolutionalTranspose LayerNormalization Linear "
    "LinearMaxout Maxout Softplus Tanh".split()
)
"""Bricks whose outputs are not probabilities of classes."""

KEEPING = frozenset("Identity LeakyRectifier Rectifier".split())
"""Bricks whose outputs are probabilities if their inputs are."""

MODULES = frozenset("Linear Tanh BatchNorm1d LayerNorm".split())
"""Modules of torch whose outputs are not probabilities of classes."""

LAST = {
    "MLP": "activations", "BatchNormalizedMLP": "activations", "Sequence": "application_methods",
    "FeedforwardSequence": "application_methods",
}  # fmt: skip
"""Settings of containers whose last element computes the output."""

TEXT = (
    "{cost}.apply: y_hat must contain probabilities, but the outputs of {brick} are scores; put a "
    "Softmax between them, or use the method categorical_cross_entropy of Softmax"
)


def scores_of(spec: Spec, call: CallSpec) -> str | None:
    """Return the brick whose scores a cost treats as probabilities, or None if there is none."""
    wire = call.inputs.get("y_hat")
    if wire is None or call.method != "apply":
        return None
    bricks = {name_of(brick): brick for brick in spec.bricks}
    cost = bricks.get(call.brick or "")
    if cost is None or cost.type != "CategoricalCrossEntropy":
        return None
    for other in spec.calls:
        brick = bricks.get(other.brick or "")
        if wire in other.outputs and brick is not None and other.method == "apply":
            return other.brick if _gives_scores(brick.type, brick.settings) else None
    return None


def _gives_scores(type: Json, settings: Any) -> bool:
    if str(type) in SCORES:
        return True
    if not isinstance(settings, Mapping):
        return False
    if type == "TorchModule":
        return _module_gives_scores(settings.get("module"))
    parts = settings.get(LAST.get(str(type), ""))
    if not isinstance(parts, list) or not parts:
        return False
    last = parts[-1]
    if last is None:
        return True
    inner = last.get("brick") if isinstance(last, Mapping) and "method" not in last else None
    if not isinstance(inner, Mapping):
        return False
    if LAST[str(type)] == "activations" and str(inner.get("type")) in KEEPING:
        return True  # the inputs of the activations of an MLP are the outputs of a Linear
    return _gives_scores(inner.get("type"), inner.get("settings", {}))


def _module_gives_scores(given: Json) -> bool:
    module = given.get("module", given) if isinstance(given, Mapping) else None
    if not isinstance(module, Mapping):
        return False
    parts = module.get("parts")
    if isinstance(parts, Mapping) and parts:
        return _module_gives_scores(list(parts.values())[-1])
    return str(module.get("type")) in MODULES


def with_softmax(spec: Spec, call: CallSpec) -> Change:
    """Return the change that puts a `Softmax` before the cost of a call."""
    name = free_name("softmax", [name_of(brick) for brick in spec.bricks])
    wires = {given.name for given in spec.inputs}
    wires |= {wire for other in spec.calls for wire in other.outputs}
    ids = {other.id for other in spec.calls}
    output = free_name(f"{name}_apply_output", wires)
    new = CallSpec(
        free_name(name, ids), name, "apply", None, {"input_": call.inputs["y_hat"]}, {}, (output,)
    )
    value = spec.to_dict()
    place = [other.id for other in spec.calls].index(call.id)
    value["calls"][place]["inputs"]["y_hat"] = output
    value["calls"].insert(place, new.to_dict())
    value["bricks"].append(BrickSpec("Softmax", name).to_dict())
    return Change(f"put a Softmax before {call.brick}", "", value)
