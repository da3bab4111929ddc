"""Print results to stdout and everything else to stderr, so that pipes work."""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from guidance.errors import GuidanceError, InputFileError

__all__ = ["INTERRUPTED", "REFUSED", "check_place", "print_note", "reporting_errors", "to_json", "write_result"]

REFUSED = 2
"""Exit code for input that cannot work."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

P = ParamSpec("P")
R = TypeVar("R")


def reporting_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the project's errors into one line on stderr and exit code 2."""

    @functools.wraps(command)
    def reporting(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except GuidanceError as error:
            print_note(f"error: {' '.join(str(error).split())}")
            raise SystemExit(REFUSED) from None
        except BrokenPipeError:
            # The reader of the pipe has gone; without this the interpreter would complain when it flushes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(INTERRUPTED) from None
        except KeyboardInterrupt:
            print_note("interrupted")
            raise SystemExit(INTERRUPTED) from None

    return reporting


def print_note(text: str) -> None:
    """Print one line to stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def check_place(path: Path | None) -> None:
    """Refuse a result file that cannot be written, before the work is done.

    Raises
    ------
    InputFileError : when its folder does not exist, or it is one itself.
    """
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        found = "a folder" if path.is_dir() else f"no folder {path.parent}"
        raise InputFileError(
            f"output file {path}: got {found}, expected a file in a folder that exists; check the path"
        )


def write_result(text: str, path: Path | None) -> None:
    """Print a result, or write it to a file that appears whole or not at all.

    Raises
    ------
    InputFileError : when the file cannot be written.
    """
    if path is None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        return
    temporary = None
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(text + "\n")
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise InputFileError(
            f"output file {path}: got {error.strerror}, expected a place to write; check the folder"
        ) from error


def to_json(value: Any) -> str:
    """Return JSON for a result's parts."""
    return json.dumps(value, ensure_ascii=False, default=str)
