"""Runs pytest, and the tests that failed once more, alone.

    python -m tests.support.attempts -m "not browser" tests

The summary of the second attempt marks the tests that then passed as UNSTEADY.
"""

import subprocess
import sys

CACHE = ["-o", "cache_dir=build/attempts"]  # where pytest notes which tests failed
AGAIN = ["-n", "0", "--lf", "--lfnf", "none", "--maxfail", "3"]


def main(options: list[str]) -> int:
    """Return the status of pytest with `options`: that of the second attempt, if tests failed."""
    pytest = [sys.executable, "-m", "pytest", *CACHE, *options]
    status = subprocess.run([*pytest, "--cache-clear"], check=False).returncode
    if status == 1:
        status = subprocess.run([*pytest, *AGAIN], check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
