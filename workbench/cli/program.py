"""The main program, which runs a command and reports its errors."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from workbench.errors import WorkbenchError, nearest
from workbench.hints import hinted

VERBS = {
    "convert": "workbench.cli.convert",
    "runs": "workbench.cli.runs",
}
"""Mapping from each command to the module that defines a function of the same name."""

UNKNOWN = "there is no command {verb!r}; `workbench --help` lists all commands{hint}"


class _Verbs(click.Group):
    """A group of commands that are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = getattr(import_module(VERBS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in VERBS:
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
    """Convert datasets, and list the training runs in a database."""


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
    """
    try:
        # In its standalone mode, the default, click prints errors and always raises SystemExit.
        program.main(arguments, prog_name="workbench")
    except SystemExit as end:
        return int(end.code or 0)
