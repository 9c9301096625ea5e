"""Values over a data set: how batches are aggregated, and evaluators that run over streams."""

from workbench.monitoring.aggregation import (
    AggregationScheme,
    Aggregator,
    Mean,
    MonitoredQuantity,
    TakeLast,
    mean,
)
from workbench.monitoring.evaluators import (
    AggregationBuffer,
    DatasetEvaluator,
    MonitoredQuantityBuffer,
)

__all__ = [
    "AggregationBuffer",
    "AggregationScheme",
    "Aggregator",
    "DatasetEvaluator",
    "Mean",
    "MonitoredQuantity",
    "MonitoredQuantityBuffer",
    "TakeLast",
    "mean",
]
