"""Refuse an environment in which another distribution claims the import name ``guidance``."""

from __future__ import annotations

from importlib import metadata

from guidance.errors import ForeignGuidanceError

__all__ = ["check_environment"]

FOREIGN = "guidance"


def check_environment() -> None:
    """Raise when guidance-ai's distribution, which has the same import name, is installed too.

    Raises
    ------
    ForeignGuidanceError : when both are installed: their files overwrite each other, so neither can be trusted.
    """
    try:
        version = metadata.version(FOREIGN)
    except metadata.PackageNotFoundError:
        return
    raise ForeignGuidanceError(
        f"environment: got the distribution {FOREIGN} {version} (guidance-ai) beside constrained-guidance, expected "
        "one package named guidance; install each in its own environment, or run: pip uninstall guidance, "
        "then pip install --force-reinstall --no-deps constrained-guidance"
    )
