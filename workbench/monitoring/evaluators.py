"""Public import path of the aggregation buffers and `DatasetEvaluator`."""

from workbench.monitoring.accumulate import AggregationBuffer, MonitoredQuantityBuffer
from workbench.monitoring.evaluate import DatasetEvaluator
from workbench.names import explain_missing

__all__ = ["AggregationBuffer", "DatasetEvaluator", "MonitoredQuantityBuffer"]

explain_missing(__name__)
