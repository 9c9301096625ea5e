"""Arguments of Keras, Lightning, fastai, scikit-learn and torch are answered with ours, by text."""

import inspect
import re

import pytest

import workbench as wb
from workbench import bricks, extensions
from workbench.argument_names import ADVICE, OURS
from workbench.bricks.conv import Convolutional, MaxPooling
from workbench.bricks.lookup import LookupTable
from workbench.bricks.recurrent import LSTM, SimpleRecurrent
from workbench.data import DataStream
from workbench.errors import SignatureError, WorkbenchError
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.hints import hint

STEP = "pass a step rule, as in step_rule=Adam(learning_rate=0.002)"
MONITOR = "monitor other data with DataStreamMonitoring([cost], stream)"
COST = "pass the cost to GradientDescent(cost=...)"
END = "the extension FinishAfter(after_n_epochs=...) ends training"
TRANSFORM = "transformers such as RandomFlip(stream) and Mapping(stream, function) change batches"
FRAME, ARRAYS, FOLDER = DataStream.from_frame, DataStream.from_arrays, DataStream.from_folder

ANSWERS = [
    # fit: Keras' and Lightning's fit, fastai's Learner, scikit-learn
    (wb.fit, "optimizer", STEP),
    (wb.fit, "lr", STEP),
    (wb.fit, "lr_max", STEP),
    (wb.fit, "opt_func", STEP),
    (wb.fit, "max_epochs", "did you mean 'epochs'?"),
    (wb.fit, "n_epoch", "did you mean 'epochs'?"),
    (wb.fit, "bs", "did you mean 'batch_size'?"),
    (wb.fit, "callbacks", "did you mean 'extensions'?"),
    (wb.fit, "cbs", "did you mean 'extensions'?"),
    (wb.fit, "loss_func", "did you mean 'loss'?"),
    (wb.fit, "validation_split", "pass validation=0.2 (a fraction) or separate data"),
    (wb.fit, "val_dataloaders", "pass validation=0.2 (a fraction) or separate data"),
    (wb.fit, "dls", "pass the data second, as in fit(model, (X, y))"),
    (wb.fit, "verbose", "Printing() and ProgressBar() are extensions"),
    (wb.fit, "patience", "pass extensions=[EarlyStopping('validation_cost', epochs=3)]"),
    (wb.fit, "random_state", "did you mean 'seed'?"),
    (wb.fit, "accelerator", "config.device is the device of variables"),
    (wb.fit, "devices", "MainLoop.start(processes=4) trains in several processes"),
    (wb.fit, "mixed_precision", "config.precision chooses float32, tf32 or bf16"),
    (wb.fit, "class_weight", "weight the costs of examples before averaging them"),
    (wb.fit, "ckpt_path", "session.load(path) continues from an archive"),
    # MainLoop: Lightning's Trainer and Keras' compile
    (wb.MainLoop, "optimizer", "did you mean 'algorithm'?"),
    (wb.MainLoop, "callbacks", "did you mean 'extensions'?"),
    (wb.MainLoop, "max_epochs", END),
    (wb.MainLoop, "train_dataloaders", "did you mean 'data_stream'?"),
    (wb.MainLoop, "train_loader", "did you mean 'data_stream'?"),
    (wb.MainLoop, "val_dataloaders", MONITOR),
    (wb.MainLoop, "validation_data", MONITOR),
    (wb.MainLoop, "loss_fn", COST),
    (wb.MainLoop, "criterion", COST),
    (wb.MainLoop, "metrics", "DataStreamMonitoring(variables, stream)"),
    (wb.MainLoop, "logger", "did you mean 'log'?"),
    # GradientDescent and step rules: torch.optim
    (wb.GradientDescent, "optimizer", "did you mean 'step_rule'?"),
    (
        wb.GradientDescent,
        "lr",
        "it is an argument of the step rule|the learning rate is an argument",
    ),
    (wb.GradientDescent, "params", "did you mean 'parameters'?"),
    (wb.GradientDescent, "scheduler", "a schedule is an extension, as in SharedVariableModifier("),
    (wb.GradientDescent, "gradient_clip_val", "clip with CompositeRule([StepClipping(1.0), rule])"),
    (wb.Adam, "lr", "did you mean 'learning_rate'?"),
    (wb.Adam, "betas", "did you mean 'beta1' and 'beta2'?"),
    (wb.Adam, "weight_decay", "add the penalty to the cost"),
    (wb.Momentum, "nesterov", "use torch's optimizer, TorchOptimizer("),
    # bricks: torch.nn and Keras' layers
    (bricks.Linear, "in_features", "did you mean 'input_dim'?"),
    (bricks.Linear, "out_features", "did you mean 'output_dim'?"),
    (bricks.Linear, "units", "did you mean 'output_dim'?"),
    (bricks.Linear, "hidden_size", "did you mean 'output_dim'?"),
    (bricks.Linear, "n_in", "did you mean 'input_dim'?"),
    (bricks.Linear, "bias", "did you mean 'use_bias'?"),
    (bricks.Linear, "kernel_initializer", "did you mean 'weights_init'?"),
    (bricks.MLP, "hidden_size", "did you mean 'dims'?"),
    (bricks.MLP, "hidden_layer_sizes", "did you mean 'dims'?"),
    (bricks.MLP, "input_dim", "did you mean 'dims'?"),
    (LSTM, "hidden_size", "did you mean 'dim'?"),
    (LSTM, "num_layers", "RecurrentStack([...]) stacks recurrent bricks"),
    (LSTM, "batch_first", "the first axis is time, and the second axis is the batch"),
    (SimpleRecurrent, "return_sequences", "outputs of all time steps are returned"),
    (Convolutional, "kernel_size", "did you mean 'filter_size'?"),
    (Convolutional, "in_channels", "did you mean 'num_channels'?"),
    (Convolutional, "filters", "did you mean 'num_filters'?"),
    (MaxPooling, "pool_size", "did you mean 'pooling_size'?"),
    (LookupTable, "num_embeddings", "did you mean 'length'?"),
    (LookupTable, "input_dim", "did you mean 'length'?"),
    (LookupTable, "output_dim", "did you mean 'dim'?"),
    (bricks.Dropout, "rate", "did you mean 'drop_prob'?"),
    # extensions: callbacks
    (extensions.EarlyStopping, "monitor", "did you mean 'record_name'?"),
    (extensions.EarlyStopping, "patience", "did you mean 'epochs'?"),
    (extensions.Checkpoint, "dirpath", "did you mean 'path'?"),
    (extensions.Checkpoint, "save_top_k", "EarlyStopping(record_name, checkpoint, 'best.tar'"),
    (extensions.FinishAfter, "max_steps", "did you mean 'after_n_batches'?"),
    (TrainingDataMonitoring, "metrics", "did you mean 'variables'?"),
    # data: DataLoader, fastai's TabularDataLoaders and ImageDataLoaders, Keras' utilities
    (DataStream, "sampler", "did you mean 'iteration_scheme'?"),
    (DataStream, "batch_size", "it is an argument of a scheme"),
    (DataStream, "num_workers", "Prefetch(stream) reads ahead"),
    (DataStream, "collate_fn", TRANSFORM),
    (FRAME, "df", "did you mean 'frame'?"),
    (FRAME, "y_names", "did you mean 'target'?"),
    (FRAME, "valid_pct", "did you mean 'validation'?"),
    (FRAME, "procs", "columns of numbers are standardised"),
    (ARRAYS, "X", "did you mean 'features'?"),
    (ARRAYS, "y", "did you mean 'targets'?"),
    (ARRAYS, "test_size", "did you mean 'validation'?"),
    (ARRAYS, "stratify", "data with classes is divided class by class"),
    (FOLDER, "directory", "did you mean 'folder'?"),
    (FOLDER, "target_size", "did you mean 'size'?"),
    (FOLDER, "item_tfms", TRANSFORM),
]


@pytest.mark.parametrize(
    "called, name, answer", ANSWERS, ids=[f"{one[0].__name__}-{one[1]}" for one in ANSWERS]
)
def test_an_argument_of_another_library_is_answered_with_ours(called, name, answer):
    with pytest.raises(TypeError, match=rf" has no (argument|trigger) {name!r}[ ;]") as caught:
        called(**{name: 1})
    assert isinstance(caught.value, WorkbenchError)
    assert any(one in str(caught.value) for one in answer.split("|")), str(caught.value)


@pytest.mark.parametrize("name", sorted(ADVICE))
def test_advice_is_given_where_no_argument_has_the_meaning(name):
    assert hint(name, ["something_else"]) == f"; {ADVICE[name]}"


def test_the_keys_of_both_tables_are_in_lower_case():
    """Otherwise no argument is found, since names are compared without case."""
    assert [name for name in {**OURS, **ADVICE} if name != name.casefold()] == []


def test_an_argument_that_exists_is_not_refused():
    for called, name, _ in ANSWERS:
        assert name not in inspect.signature(called).parameters


def test_the_answer_comes_with_all_arguments():
    with pytest.raises(SignatureError, match=re.escape("(it has frame, target, validation, ")):
        FRAME(df=1)
