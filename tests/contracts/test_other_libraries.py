"""Arguments of Keras, Lightning, fastai, scikit-learn and torch are answered with ours, by text."""

import inspect
import re

import pytest
import torch

import workbench as wb
from tests.codebase.test_exports import pinned
from workbench import bricks, extensions
from workbench.argument_names import ADVICE, OURS
from workbench.bricks.conv import Convolutional, MaxPooling
from workbench.bricks.lookup import LookupTable
from workbench.bricks.recurrent import LSTM, SimpleRecurrent
from workbench.data import DataStream
from workbench.errors import SignatureError, WorkbenchError
from workbench.extensions import schedules
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.fitting.start import OTHER_NAMES
from workbench.hints import hint
from workbench.session import Session

STEP = "pass a step rule, as in step_rule=Adam(learning_rate=0.002)"
MONITOR = "monitor other data with DataStreamMonitoring([cost], stream)"
COST = "pass the cost to GradientDescent(cost=...)"
END = "the extension FinishAfter(after_n_epochs=...) ends training"
TRANSFORM = "transformers such as RandomFlip(stream) and Mapping(stream, function) change batches"
DATA = "pass the data second, as in fit(model, (X, y))"
VALIDATION = "pass validation=0.2 (a fraction) or separate data"
STOPPING = "pass extensions=[EarlyStopping('validation_cost', epochs=3)]"
SAVED = "pass a path for each file, as in Checkpoint(path) and session.save(path)"
LOADER = "pass a DataStream with an iteration scheme, or a torch DataLoader with this argument"
EACH_EPOCH = "the validation data is evaluated after each epoch; the program session.recipe()"
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
    (wb.fit, "class_weight", "loss=torch.nn.CrossEntropyLoss(weight="),
    (wb.fit, "ckpt_path", "session.load(path) continues from an archive"),
    (wb.fit, "train_ds", DATA),
    (wb.fit, "X_train", DATA),
    (wb.fit, "y_train", DATA),
    (wb.fit, "val_ds", VALIDATION),
    (wb.fit, "valid_ds", VALIDATION),
    (wb.fit, "eval_set", VALIDATION),
    (wb.fit, "opt", STEP),
    (wb.fit, "optimiser", STEP),
    (wb.fit, "lrs", STEP),
    (wb.fit, "moms", "the momentum is an argument of a step rule, as in Momentum("),
    (wb.fit, "pct_start", "a schedule is an extension, as in SharedVariableModifier(rate, "),
    (wb.fit, "accumulate_grad_batches", "each update uses the gradient of one batch"),
    (wb.fit, "max_iter", "did you mean 'epochs'?"),
    (wb.fit, "min_epochs", "session.train(epochs=...) continues a run"),
    (wb.fit, "fast_dev_run", "for a trial run, pass extensions=[FinishAfter(after_n_batches=5)]"),
    (wb.fit, "early_stopping_rounds", STOPPING),
    (wb.fit, "monitor", STOPPING),
    (wb.fit, "mode", "extensions=[EarlyStopping('validation_accuracy', choose_best=max, epochs=3)"),
    (wb.fit, "logger", "set config.log_backend = 'sqlite' and config.sqlite_database"),
    (wb.fit, "log_every_n_steps", "the cost of every batch is in session.log"),
    (wb.fit, "check_val_every_n_epoch", EACH_EPOCH),
    (wb.fit, "val_check_interval", EACH_EPOCH),
    (wb.fit, "validation_freq", EACH_EPOCH),
    (wb.fit, "validation_steps", "pass less of it, as in validation=(X[:100], y[:100])"),
    (wb.fit, "validation_batch_size", "validation data has the same batch_size as training data"),
    (wb.fit, "test_data", "session.evaluate(data) evaluates a model on other data"),
    (wb.fit, "weighted_metrics", "weight the costs of examples before averaging them"),
    (wb.fit, "deterministic", "runs with the same seed give equal results on a CPU"),
    (wb.fit, "profiler", "with config.profile = True, the time that each part took is printed"),
    (wb.fit, "enable_checkpointing", "only the extension Checkpoint(path) and session.save(path)"),
    (wb.fit, "enable_progress_bar", "Printing() and ProgressBar() are extensions"),
    (wb.fit, "default_root_dir", SAVED),
    (wb.fit, "output_dir", SAVED),
    (wb.fit, "args", "pass the settings one by one, as in epochs=3, batch_size=16"),
    (wb.fit, "gpus", "config.device is the device of variables"),
    (wb.fit, "pin_memory", "batches are copied to a GPU through pinned memory automatically"),
    (wb.fit, "drop_last", LOADER),
    (wb.fit, "sampler", LOADER),
    (wb.fit, "workers", "Prefetch(stream) reads ahead"),
    (wb.fit, "label_col", "did you mean 'target'?"),
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
    (wb.MainLoop, "train_ds", "did you mean 'data_stream'?"),
    (wb.MainLoop, "valid_ds", MONITOR),
    (wb.MainLoop, "mode", "EarlyStopping(record_name, choose_best=max, epochs=5)"),
    (wb.MainLoop, "monitor", "the extension EarlyStopping(record_name, epochs=5)"),
    (wb.MainLoop, "fast_dev_run", "the extension FinishAfter(after_n_batches=5) ends a trial run"),
    (wb.MainLoop, "check_val_every_n_epoch", "DataStreamMonitoring(variables, stream, every_n_"),
    (wb.MainLoop, "limit_val_batches", "evaluates all data of its stream; pass a smaller stream"),
    (wb.MainLoop, "log_every_n_steps", "triggers, as in Printing(every_n_batches=50)"),
    # GradientDescent and step rules: torch.optim
    (wb.GradientDescent, "optimizer", "did you mean 'step_rule'?"),
    (
        wb.GradientDescent,
        "lr",
        "it is an argument of the step rule|the learning rate is an argument",
    ),
    (wb.GradientDescent, "optimiser", "did you mean 'step_rule'?"),
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
    (ARRAYS, "y_train", "did you mean 'targets'?"),
    (ARRAYS, "test_size", "did you mean 'validation'?"),
    (ARRAYS, "stratify", "data with class labels are split class by class"),
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


def test_classes_and_functions_in_advice_exist():
    """An answer like ``SomeClass(argument=...)`` must name what a reader can import."""
    known = {name for names in pinned().values() for name in names}
    known |= {*dir(schedules), *dir(DataStream), *dir(Session), *dir(torch), *dir(torch.nn)}
    known |= set(dir(torch.optim))
    texts = [*ADVICE.values(), *OTHER_NAMES.values()]
    named = {name for text in texts for name in re.findall(r"(\w+)\(", text)}
    assert named - known == set()


def test_the_keys_of_both_tables_are_in_lower_case():
    """Otherwise no argument is found, since names are compared without case."""
    assert [name for name in {**OURS, **ADVICE, **OTHER_NAMES} if name != name.casefold()] == []


def test_an_argument_that_exists_is_not_refused():
    for called, name, _ in ANSWERS:
        assert name not in inspect.signature(called).parameters


def test_the_answer_comes_with_all_arguments():
    with pytest.raises(SignatureError, match=re.escape("(it has frame, target, validation, ")):
        FRAME(df=1)
