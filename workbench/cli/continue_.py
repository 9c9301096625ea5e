"""The ``continue`` command, which continues the run in an archive."""

from __future__ import annotations

import click

from workbench.cli.archives import check_archive
from workbench.cli.following import follow
from workbench.errors import UntrustedArchiveError
from workbench.main_loop import MainLoop
from workbench.main_loop.facts import NAME
from workbench.serialization.checkpoint import load_main_loop

EXAMPLES = """\b
Examples:
  workbench continue digits-500.tar --trusted
  workbench continue digits-500.tar --trusted --epochs 5 --save digits-more.tar
"""
NOT_TRUSTED = (
    "continuing executes code from the archive {path!r}, so pass --trusted only if you trust its "
    "origin; `workbench show` reads it without executing anything"
)


@click.command("continue", epilog=EXAMPLES)
@click.argument("archive", type=click.Path())
@click.option("--trusted", is_flag=True, help="Confirm that you trust the origin of ARCHIVE.")
@click.option("--epochs", type=click.IntRange(1), help="Train for this many more epochs.")
@click.option("--save", "saved", metavar="FILE", help="Save the run to FILE at the end.")
def continue_(archive: str, trusted: bool, epochs: int | None, saved: str | None) -> None:
    """Continue the run in ARCHIVE, by default until its planned end.

    Press Ctrl-C to stop between two batches; with --save, the run is also saved. The archive must
    contain the main loop itself, as the archives of Checkpoint and session.save() do. The run keeps
    its name.
    """
    check_archive(archive)
    if not trusted:
        raise UntrustedArchiveError(NOT_TRUSTED.format(path=archive))
    main_loop = load_main_loop(archive, trusted=True)
    assert isinstance(main_loop, MainLoop)
    session = main_loop.start(name=main_loop.status.get(NAME), epochs=epochs)
    try:
        follow(session)
    except KeyboardInterrupt:
        session.stop().wait()
        session.wait()
        click.echo("stopped")
    if saved is not None:
        click.echo(f"saved {session.save(saved).wait()}")
