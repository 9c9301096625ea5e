"""The ``doctor`` command, which prints versions and advice."""

from __future__ import annotations

import click

from workbench.utils.live_layer import from_live_layer

EXAMPLES = """\b
Examples:
  workbench doctor
"""


@click.command(epilog=EXAMPLES)
def doctor() -> None:
    """Print the versions of libraries, and advice on anything that does not work."""
    from_live_layer("doctor", "doctor", what="workbench doctor")()
