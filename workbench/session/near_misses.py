"""Hints for attributes that other libraries have but sessions do not."""

from __future__ import annotations

from typing import Any

from workbench.errors import UnknownAttributeError, nearest

MODEL = "session.to_torch() returns the model as a torch module, session.best() the best iteration"
LOG = "session.log.epochs has a row for each epoch, and session.log.frame a row for each batch"
TRAIN = "to continue training, call session.train(epochs=5)"
RATE = "to change the learning rate, call session.set('learning_rate', 0.001)"
EVALUATE = "call session.evaluate(data)"
PREDICT = "call session.predict(X)"
VALUES = "session.probe().wait() returns the values of all parameters"
END = "to end the run, call session.stop()"
PLOT = "as the last line of a cell, a session shows its plots; session.log.plot() draws the log"
SHAPES = "print(session.main_loop.model.summary()) lists the bricks with their shapes"
COUNTED = (
    "session.log.status['epochs_done'] is their number, and session.log.epochs has a row for each"
)
EXTENSIONS = "session.main_loop.extensions has the extensions, and fit takes extensions=[...]"
COMPILED = "a session trains already, and compiles the step when that saves time"

INSTEAD: dict[str, str] = {
    **dict.fromkeys(
        ("model", "network", "net", "module", "estimator", "best_model", "best_estimator_"), MODEL
    ),
    **dict.fromkeys(
        ("history", "history_", "metrics", "recorder", "losses", "loss", "cost", "results",
         "callback_metrics", "logged_metrics"), LOG,
    ),
    **dict.fromkeys(
        ("fit", "fit_one_cycle", "fine_tune", "partial_fit", "run", "continue_training"), TRAIN
    ),
    **dict.fromkeys(("lr", "learning_rate", "optimizer", "optimizers", "opt", "step_rule"), RATE),
    **dict.fromkeys(("validate", "test", "score", "eval"), EVALUATE),
    **dict.fromkeys(("predict_proba", "get_preds", "forward", "transform"), PREDICT),
    **dict.fromkeys(
        ("parameters", "weights", "get_weights", "state_dict", "trainable_variables"), VALUES
    ),
    **dict.fromkeys(("cancel", "abort", "kill", "close", "terminate", "interrupt"), END),
    **dict.fromkeys(("plot", "show", "display", "plot_loss", "plot_metrics"), PLOT),
    "summary": SHAPES,
    **dict.fromkeys(("epochs", "n_epochs", "num_epochs", "max_epochs"), COUNTED),
    **dict.fromkeys(("callbacks", "callback", "cbs", "hooks", "extensions"), EXTENSIONS),
    "compile": COMPILED,
    **dict.fromkeys(("join", "block", "result"), "call session.wait()"),
    **dict.fromkeys(("epoch", "current_epoch", "global_step", "iteration"),
                    "session.log.status has epochs_done and iterations_done"),
    **dict.fromkeys(("classes", "classes_", "vocab"), "session.log.status['classes'] has them"),
}  # fmt: skip
"""Names in Keras, Lightning, fastai, skorch and torch, with what to write instead."""


def missing(self: Any, name: str) -> Any:
    """Raise an error for an attribute that a session does not have; say what to write instead.

    Sessions use this function as ``__getattr__``.
    """
    if hasattr(type(self), name):
        return object.__getattribute__(self, name)  # repeats the error of a property
    text = f"{type(self).__name__} has no attribute {name!r}"
    if name.startswith("_"):
        raise UnknownAttributeError(text)
    advice = INSTEAD.get(name)
    if advice is None:
        known = [one for one in dir(type(self)) if not one.startswith("_")]
        raise UnknownAttributeError(text + nearest(name, known))
    raise UnknownAttributeError(f"{text}; {advice}")
