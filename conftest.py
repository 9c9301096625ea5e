"""What every test, doctest and notebook starts from: default settings and repeatable examples."""

import os
from pathlib import Path

from hypothesis import settings

for variable in list(os.environ):
    if variable.startswith("WORKBENCH_") and variable != "WORKBENCH_REQUIRE_BROWSER":
        del os.environ[variable]
os.environ["WORKBENCH_CONFIG"] = os.devnull  # nobody's own settings file, in subprocesses too
# Kernels and other subprocesses import this checkout, wherever they start.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])
)

settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
