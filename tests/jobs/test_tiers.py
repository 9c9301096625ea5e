"""Every job trains to the same parameters in every tier, up to rounding."""

import importlib
import pkgutil

import numpy
import pytest

import tests.jobs
from tests.jobs import Job
from workbench.config import config
from workbench.extensions import TrainingExtension
from workbench.extensions.monitoring import DataStreamMonitoring

BATCHES = 4
JOBS = [
    module.JOB
    for info in pkgutil.iter_modules(tests.jobs.__path__, "tests.jobs.")
    if isinstance(getattr(module := importlib.import_module(info.name), "JOB", None), Job)
]


class Enough(Exception):
    """Exception that ends a job early."""


class Keep(TrainingExtension):
    """Extension that keeps the parameters after some batches without monitors, and ends the job."""

    def before_training(self):
        loop = self.main_loop
        loop.extensions = [e for e in loop.extensions if not isinstance(e, DataStreamMonitoring)]
        loop.refresh()

    def after_batch(self, batch):
        if self.main_loop.status["iterations_done"] == BATCHES:
            algorithm = self.main_loop.algorithm
            self.parameters = [p.get_value() for p in algorithm.parameters]
            self.tier = algorithm.execution.described
            raise Enough


def parameters_of(job, execution):
    keep = Keep()
    with config.override(execution=execution), pytest.raises(Enough):
        job.train(extensions=[keep], **job.small.settings)
    return keep


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_tiers_agree(job):
    compiled, eager = parameters_of(job, "compiled"), parameters_of(job, "eager")
    assert compiled.tier == "compiled: requested"
    for ours, theirs in zip(compiled.parameters, eager.parameters, strict=True):
        numpy.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
