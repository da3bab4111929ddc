"""Find the commands that the packages above this one bring, without importing one before it may be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points

import typer

__all__ = ["add_plugins"]

GROUP = "guidance.commands"
"""The entry points of the distribution that name commands: each a name, and the function behind it."""


def add_plugins(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the command that the arguments begin with, if another package brings it; add all where they name none."""
    own = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    found = {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in own}
    asked = arguments[0] if arguments else ""
    if asked in own or asked in {command.callback.__name__ for command in app.registered_commands if command.callback}:
        return
    for name in [asked] if asked in found else sorted(found):
        app.command(name=name)(found[name].load())
