"""The ``attach`` command, which controls and follows a session that trains in other processes."""

from __future__ import annotations

from typing import Any

import click

from workbench.cli.following import follow, line
from workbench.interfaces import Command
from workbench.session.remote import attach as attached

EXAMPLES = """\b
Examples:
  workbench attach digits
  workbench attach digits --set learning_rate 0.001
  workbench attach digits --pause
  workbench attach digits --stop --save digits.tar
"""


@click.command(epilog=EXAMPLES)
@click.argument("name")
@click.option("--pause", is_flag=True, help="Pause between two batches.")
@click.option("--resume", is_flag=True, help="Continue after a pause.")
@click.option("--stop", is_flag=True, help="End training between two batches.")
@click.option(
    "--set", "values", nargs=2, multiple=True, metavar="NAME VALUE", type=(str, float),
    help="Change a hyperparameter; can be repeated.",
)  # fmt: skip
@click.option("--save", "saved", metavar="FILE", help="Save the run to FILE.")
def attach(
    name: str,
    pause: bool,
    resume: bool,
    stop: bool,
    values: tuple[tuple[str, float], ...],
    saved: str | None,
) -> None:
    """Follow the session NAME until it pauses or ends; if options are given, only apply them.

    NAME can also be the path of the database that contains its log. Press Ctrl-C to leave;
    training continues.
    """
    if pause + resume + stop > 1:
        raise click.UsageError("pass only one of --pause, --resume and --stop")
    session = attached(name)
    commands: list[Command] = [session.set(path, value) for path, value in values]
    if saved is not None:
        commands.append(session.save(saved))
    for wanted, do in ((pause, session.pause), (resume, session.resume), (stop, session.stop)):
        if wanted:
            commands.append(do())
    try:
        for command in commands:
            result: Any = command.wait()
            click.echo(f"{command.text}: {result or command.state}")
        if not commands:
            follow(session)
        elif not stop:
            click.echo(line(session))
    except KeyboardInterrupt:
        click.echo(f"left; {session.name} continues")
    finally:
        session.close()
