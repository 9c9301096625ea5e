"""Tables of torch's losses, with the arguments that must have equal shapes or be probabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from torch.nn import functional

COMPARED: Final[dict[Callable[..., Any], tuple[str, ...]]] = {
    **{
        getattr(functional, name): ("input", "target")
        for name in (
            "binary_cross_entropy binary_cross_entropy_with_logits cross_entropy gaussian_nll_loss "
            "hinge_embedding_loss huber_loss kl_div l1_loss mse_loss multilabel_margin_loss "
            "multilabel_soft_margin_loss poisson_nll_loss smooth_l1_loss soft_margin_loss"
        ).split()
    },
    functional.cosine_embedding_loss: ("input1", "input2"),
    functional.margin_ranking_loss: ("input1", "input2", "target"),
    functional.triplet_margin_loss: ("anchor", "positive", "negative"),
    functional.triplet_margin_with_distance_loss: ("anchor", "positive", "negative"),
}
"""For each loss, the names of its first arguments, which must have equal shapes."""

CHECKED: Final[dict[Callable[..., Any], dict[str, str]]] = {
    functional.binary_cross_entropy: {"input": "scores", "target": "probabilities"},
    functional.binary_cross_entropy_with_logits: {
        "target": "probabilities",
        "weight": "weights",
        "pos_weight": "weights",
    },
    functional.cross_entropy: {"target": "distributions", "weight": "weights"},
    functional.kl_div: {"input": "logarithms", "target": "probabilities"},
    functional.multilabel_soft_margin_loss: {"target": "probabilities", "weight": "weights"},
    functional.nll_loss: {"input": "logarithms", "weight": "weights"},
}
"""For each loss, the arguments that must be probabilities, their logarithms, or weights."""
