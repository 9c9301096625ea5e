"""A name that a module does not have is answered with the one that was meant."""

import importlib
import pickle
import subprocess
import sys

import pytest

from tests.codebase.test_exports import pinned
from tests.support.tree import ROOT
from workbench import algorithms
from workbench.errors import MissingImportError, UnknownNameError
from workbench.names import OURS, PUBLIC, listed, suggestion

MODULES = sorted(pinned())


def imported(module, name):
    space = {}
    exec(f"from {module} import {name}", space)
    return space[name]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_names_the_nearest(module):
    for name in pinned()[module]:
        typed = name[:-2] + name[-1]
        if len(name) < 5 or typed in pinned()[module] or typed.casefold() in OURS:
            continue
        with pytest.raises(UnknownNameError, match=rf"^{module} has no '{typed}'; did you mean '"):
            getattr(importlib.import_module(module), typed)
        with pytest.raises(MissingImportError, match=rf"^{module} has no '{typed}'; did you mean"):
            imported(module, typed)


@pytest.mark.parametrize(
    "module, name, meant",
    [
        ("algorithms", "SGD", r"algorithms.GradientDescent, with the step rule Scale\(0.1\)"),
        ("algorithms", "AdamW", r"algorithms.TorchOptimizer, .*torch.optim.AdamW\)"),
        ("algorithms", "Adagrad", "did you mean 'AdaGrad'"),
        ("bricks", "Dense", "bricks.Linear"),
        ("bricks", "Conv2D", "bricks.conv.Convolutional"),
        ("bricks.conv", "Conv2d", "bricks.conv.Convolutional"),
        ("bricks", "ReLU", "bricks.Rectifier"),
        ("bricks", "GRU", "bricks.recurrent.GatedRecurrent"),
        ("bricks.cost", "MSELoss", "bricks.cost.SquaredError"),
        ("extensions", "ModelCheckpoint", "extensions.Checkpoint"),
        ("extensions", "callbacks", "extensions.TrainingExtension"),
        ("data", "DataLoader", "data.DataStream"),
        ("initialization", "Normal", "initialization.IsotropicGaussian"),
        ("tensor", "ones", "write torch.ones"),
        ("bricks", "CrossEntropyLoss", "for scores, pass loss='cross-entropy' to fit"),
        ("data", "Plot", "it is in extensions_live: from extensions_live import Plot"),
        ("bricks", "SquaredError", "from workbench.bricks.cost import SquaredError"),
        ("algorithms", "MainLoop", "from workbench.main_loop import MainLoop"),
    ],
)
def test_words_of_other_libraries_are_understood(module, name, meant):
    with pytest.raises(ImportError, match=f"^workbench.{module} has no '{name}'; .*{meant}"):
        imported(f"workbench.{module}", name)


@pytest.mark.parametrize("word", OURS)
def test_what_is_named_instead_exists(word):
    path = OURS[word].replace("(", ",").partition(",")[0]
    module, _, name = f"workbench.{path}".rpartition(".")
    assert name in pinned()[module] and word == word.casefold()


def test_no_name_is_guessed_from_a_few_equal_letters():
    assert suggestion("trainz", ["Tanh"]) == suggestion("activation", ["validation"]) == ""
    assert suggestion("plot", ["Glorot"]).startswith("; session.log.plot() draws")


def test_every_place_has_public_names():
    assert set(PUBLIC) <= set(pinned())
    assert suggestion("qqqq", ["Linear"]) == ""


def test_names_that_are_elsewhere_are_found_before_anything_is_loaded():
    code = "import workbench\ntry:\n    from workbench import Timing\nexcept ImportError as e:"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n    print(e)\nworkbench.bricks if 0 else None"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "it is in workbench.extensions: from workbench.extensions import Timing" in done.stdout


@pytest.mark.parametrize("module", PUBLIC)
def test_names_are_searched_in_the_sources(module):
    assert listed(module) == pinned()[module]


def test_a_question_for_a_name_imports_nothing():
    code = (
        "import sys, workbench\nbefore = set(sys.modules)\n"
        "assert not hasattr(workbench, 'nothing')\nprint(set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "set()\n"


def test_a_module_that_is_not_imported_yet_is_told():
    code = "import workbench\nworkbench.session"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert (
        "the module workbench.session has not been imported; add import workbench.session"
        in done.stderr
    )


def test_asking_whether_a_name_is_there_still_works():
    assert not hasattr(algorithms, "SGD") and getattr(algorithms, "Adagrad", 3) == 3
    assert hasattr(algorithms, "Adam") and not hasattr(algorithms, "__wrapped__")
    assert pickle.loads(pickle.dumps(algorithms.Adam)) is algorithms.Adam
    space = {}
    exec("from workbench.algorithms import *\nfrom workbench.bricks import linear", space)
    assert "Adam" in space and "SGD" not in space and space["linear"].Linear
