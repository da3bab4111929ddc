"""Compile loops with Numba, and keep what was compiled only as long as nothing that went into it has changed.

Numba keeps compiled functions on disk and forgets them when their own file changes. What they call or read from other
files is compiled into them all the same: after an upgrade they would go on as before. So each file of kernels has a
stamp beside what is kept of it: a digest of its text and of all of ours that it imports. Where that differs, what is
kept is dropped and compiled anew. Cost: about 0.2 ms per file, when it is imported.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit

__all__ = ["kernel"]

_IMPORTED = re.compile(r"^from (\w+(?:\.\w+)+) import", re.MULTILINE)


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function when it is first called, and keep it on disk; ``options`` are those of ``numba.njit``."""
    if function is None:
        return lambda later: kernel(later, **options)
    compiled = njit(cache=True, **options)(function)
    folder = getattr(getattr(compiled, "stats", None), "cache_path", None)
    if folder is not None:  # else compiling is switched off
        _drop_outdated(function.__module__, folder)
    return compiled


@cache
def _drop_outdated(module: str, folder: str) -> None:
    """Drop what is kept of a module's kernels where it was compiled from other texts; once per process."""
    name, stamp = module.rpartition(".")[2], "\n".join(sorted(_digests(module)))
    path = Path(folder, f"{name}.stamp")
    with contextlib.suppress(OSError):
        if path.read_text(encoding="utf-8") == stamp:
            return
    with contextlib.suppress(OSError):  # where nothing can be written, nothing is kept
        for index in path.parent.glob(f"{name}.*.nbi"):
            index.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(stamp)
        Path(draft).replace(path)


def _digests(module: str) -> set[str]:
    """Return names and digests of a module and of all of ours that it imports, itself or through others."""
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found and name.partition(".")[0] in {module.partition(".")[0], "fsm"}:
            found[name], imported = _read(name)
            waiting += imported
    return {f"{name} {digest}" for name, digest in found.items()}


@cache
def _read(module: str) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a module's text, and what it imports."""
    file = getattr(sys.modules.get(module), "__file__", None)
    text = Path(file).read_bytes() if file else b""
    return sha256(text).hexdigest(), tuple(_IMPORTED.findall(text.decode()))
