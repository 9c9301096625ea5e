"""Classes have few ancestors, where neither Blocks nor Fuel fixes them."""

import importlib
import inspect
import pkgutil

import pytest

import extensions_live
import workbench

LIMIT = 4
BASES = 3

EVERYWHERE = {"Hinted", "KnownAttributes"}
"""Checks of misspelt names, which public classes have in place of those of `object`."""

FIXED = set(
    # Bases that a user of Blocks asks for, by isinstance or by deriving from them.
    "Annotation Brick Activation Feedforward RNGMixin Initializable LinearLike Random Sequence "
    "FeedforwardSequence MLP Softmax BatchNormalization Convolutional Pooling Parallel Fork Cost "
    "CostMatrix BaseRecurrent AbstractAttention GenericSequenceAttention "
    "AbstractAttentionRecurrent AbstractEmitter AbstractFeedback AbstractReadout "
    "BaseSequenceGenerator BrickWrapper TrainingAlgorithm UpdatesAlgorithm StepRule CompositeRule "
    "TrainingExtension SimpleExtension CompositeExtension MonitoringExtension "
    "SharedVariableModifier AggregationScheme NdarrayInitialization VariableRole PersistentRole "
    "ParameterRole WeightRole BiasRole "
    # The same in Fuel.
    "Dataset IndexableDataset IterableDataset AbstractDataStream DataStream Transformer "
    "SourcewiseTransformer IterationScheme IndexScheme BatchScheme BatchSizeScheme".split()
)

MANY_BASES = {
    "BatchNormalization": "RNGMixin and Feedforward as in Blocks; a layer on images; has modes",
    "ConvolutionalSequence": "Sequence, Initializable and Feedforward as in Blocks; is a layer too",
}
"""Classes with more bases, and what each base is for."""


def classes():
    """Yield every class of the project."""
    for package in (workbench, extensions_live):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("__main__"):
                continue
            for value in vars(importlib.import_module(found.name)).values():
                if inspect.isclass(value) and value.__module__ == found.name:
                    yield value


def chosen(cls):
    """Return the names of the ancestors in this project that the project chose itself."""
    ours = (base for base in cls.__mro__[1:] if base.__module__.startswith(("workbench", "ext")))
    return [base.__name__ for base in ours if base.__name__ not in FIXED | EVERYWHERE]


CLASSES = sorted({*classes()}, key=lambda cls: (cls.__module__, cls.__qualname__))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_a_class_has_few_ancestors_of_our_choice(cls):
    assert len(chosen(cls)) <= LIMIT, chosen(cls)


def test_a_class_has_few_bases():
    bases = {
        cls.__name__: [base for base in cls.__bases__ if base.__name__ not in EVERYWHERE]
        for cls in CLASSES
    }
    assert {name for name, found in bases.items() if len(found) > BASES} == set(MANY_BASES)
