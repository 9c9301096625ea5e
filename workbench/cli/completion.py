"""The ``completion`` command, which prints a script that lets a shell complete the commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

EXAMPLES = """\b
Examples:
  eval "$(workbench completion bash)"          # in ~/.bashrc
  eval "$(workbench completion zsh)"           # in ~/.zshrc
  workbench completion fish | source           # in ~/.config/fish/config.fish
"""


@click.command(epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that lets SHELL complete commands, options and files."""
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "workbench", "_WORKBENCH_COMPLETE")
    click.echo(script.source_template % script.source_vars())
