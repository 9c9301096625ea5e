"""Public import path of aggregation schemes and monitored quantities."""

from workbench.monitoring.fold import AggregationScheme, Aggregator
from workbench.monitoring.quantity import MonitoredQuantity
from workbench.monitoring.schemes import (
    Concatenate,
    Maximum,
    Mean,
    Median,
    Minimum,
    Perplexity,
    Sum,
    TakeLast,
    mean,
    perplexity,
)
from workbench.names import explain_missing

__all__ = [
    "AggregationScheme",
    "Aggregator",
    "Concatenate",
    "Maximum",
    "Mean",
    "Median",
    "Minimum",
    "MonitoredQuantity",
    "Perplexity",
    "Sum",
    "TakeLast",
    "mean",
    "perplexity",
]

explain_missing(__name__)
