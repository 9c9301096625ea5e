"""Source of a small run, for notebooks that show views of it."""

SMALL_RUN = """
import time
from extensions_live import Plot, view
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.main_loop import MainLoop

class Slow:
    fail_at = None
    def initialize(self):
        self.seen = 0
    def process_batch(self, batch):
        time.sleep(0.01)
        self.seen += 1
        if self.seen == self.fail_at:
            raise ValueError("the weights ran away")

class Writer(TrainingExtension):
    def after_batch(self, batch):
        i = self.main_loop.status["iterations_done"]
        self.main_loop.log.current_row["cost"] = float("nan") if i % 40 == 20 else 1 / i

def start(epochs, fail_at=None, channels=("cost",), **options):
    algorithm = Slow()
    algorithm.fail_at = fail_at
    extensions = [Writer(), FinishAfter(after_n_epochs=epochs), Plot(channels=channels)]
    loop = MainLoop(algorithm, [{"x": [i]} for i in range(50)], extensions=extensions)
    return loop.start(**options)
"""
