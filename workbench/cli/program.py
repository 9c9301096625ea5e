"""The main program, which runs a command and reports its errors."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from workbench.errors import WorkbenchError, nearest
from workbench.hints import hinted

VERBS = {
    "attach": "workbench.cli.attach",
    "completion": "workbench.cli.completion",
    "continue": "workbench.cli.continue_",
    "convert": "workbench.cli.convert",
    "dashboard": "workbench.cli.dashboard",
    "doctor": "workbench.cli.doctor",
    "lab": "workbench.cli.lab",
    "new": "workbench.cli.new",
    "runs": "workbench.cli.runs",
    "sessions": "workbench.cli.sessions",
    "show": "workbench.cli.show",
}
"""Mapping from each command to its module, which defines a function with the module's name."""

UNKNOWN = "there is no command {verb!r}; `workbench --help` lists all commands{hint}"


class _Verbs(click.Group):
    """A group of commands that are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = import_module(VERBS[cmd_name])
        command = getattr(module, module.__name__.rpartition(".")[2])
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if (
            not ctx.resilient_parsing
            and args
            and not args[0].startswith("-")
            and args[0] not in VERBS
        ):
            ctx.fail(UNKNOWN.format(verb=args[0], hint=nearest(args[0], VERBS)))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (WorkbenchError, OSError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="workbench")
def program() -> None:
    """Start JupyterLab, look at runs and control them, and convert data."""


@hinted
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` specify.

    Parameters
    ----------
    arguments : sequence of str, optional
        The arguments after the name of the program; by default the arguments of this process.

    Returns
    -------
    int
        The exit status: 0 for success, 1 if the command failed, 2 if the arguments are invalid.
        Errors are printed to standard error.

    Examples
    --------
    >>> main(["runs", "missing.sqlite"])  # prints that there is no such file
    1
    """
    try:
        # In its standalone mode, the default, click prints errors and always raises SystemExit.
        program.main(arguments, prog_name="workbench")
    except SystemExit as end:
        return int(end.code or 0)
