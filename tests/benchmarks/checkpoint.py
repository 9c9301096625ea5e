"""Time for which training waits for a checkpoint, and time to write one.

Training waits while parameters and the state of Adam are copied and the main loop is pickled. A
thread does the rest: encoding, checksums and writing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.targets import Row
from tests.benchmarks.timing import best_of
from workbench import tensor
from workbench.algorithms import Adam, GradientDescent
from workbench.bricks import MLP, Softmax, Tanh
from workbench.errors import ArchiveError
from workbench.extensions import FinishAfter
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.serialization.checkpoint import Snapshot
from workbench.utils.atomic import replace_file

RECORDS = 100_000
WIDTHS = {"0.1 million parameters": [100], "12 million parameters": [3000, 3000]}


def trained(hidden: list[int]) -> MainLoop:
    """Return a main loop that has trained a little and has a long log."""
    x, y = tensor.matrix("features"), tensor.lmatrix("targets")
    mlp = MLP(
        [Tanh() for _ in hidden] + [None], [784, *hidden, 10],
        weights_init=IsotropicGaussian(0.01), biases_init=Constant(0),
    )  # fmt: skip
    mlp.initialize()
    cost = Softmax().categorical_cross_entropy(y.flatten(), mlp.apply(x)).mean()
    cost.name = "cost"
    model = Model(cost)
    algorithm = GradientDescent(cost=cost, parameters=model.parameters, step_rule=Adam())
    batch = {"features": [[0.1] * 784] * 8, "targets": [[1]] * 8}
    main_loop = MainLoop(
        algorithm,
        [batch],
        model=model,
        extensions=[
            TrainingDataMonitoring([cost], after_batch=True),
            FinishAfter(after_n_batches=3),
        ],
    )
    main_loop.run()
    for i in range(RECORDS):
        main_loop.log[10 + i]["cost"] = 1 / (i + 1)
    return main_loop


def contenders(main_loop: MainLoop, folder: Path) -> dict[str, Callable[[], int]]:
    """Return the timed functions by name."""
    snapshot = Snapshot.of(main_loop)

    def copied() -> int:
        Snapshot.of(main_loop, save_main_loop=False)
        return 1

    def pickled() -> int:
        Snapshot.of(main_loop)
        return 1

    def written() -> int:
        replace_file(folder / "run.tar", snapshot.write, ArchiveError)
        return 1

    return {
        "training waits: state alone": copied,
        "training waits: state and pickle": pickled,
        "in another thread: written": written,
    }


def rows(quick: bool) -> list[Row]:
    """Return one row for each size of the model."""
    found = []
    for size, hidden in WIDTHS.items():
        with tempfile.TemporaryDirectory() as folder:
            timed = contenders(trained(hidden), Path(folder))
            for name, seconds in best_of(timed, rounds=2 if quick else 5).items():
                megabytes = (Path(folder) / "run.tar").stat().st_size / 1e6
                found.append(
                    {
                        "work": f"{size}: {name}",
                        "milliseconds": seconds * 1e3,
                        "size of the archive (MB)": megabytes,
                    }
                )
    return found
