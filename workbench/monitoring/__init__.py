"""Monitoring: aggregation of values from batches, and evaluation of variables on data streams."""

from workbench.monitoring.aggregation import (
    AggregationScheme,
    Aggregator,
    Concatenate,
    Maximum,
    Mean,
    Median,
    Minimum,
    MonitoredQuantity,
    Perplexity,
    Sum,
    TakeLast,
    mean,
    perplexity,
)
from workbench.monitoring.evaluators import (
    AggregationBuffer,
    DatasetEvaluator,
    MonitoredQuantityBuffer,
)
from workbench.names import explain_missing

__all__ = [
    "AggregationBuffer",
    "AggregationScheme",
    "Aggregator",
    "Concatenate",
    "DatasetEvaluator",
    "Maximum",
    "Mean",
    "Median",
    "Minimum",
    "MonitoredQuantity",
    "MonitoredQuantityBuffer",
    "Perplexity",
    "Sum",
    "TakeLast",
    "mean",
    "perplexity",
]

explain_missing(__name__)
