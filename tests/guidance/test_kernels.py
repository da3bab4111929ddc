"""Check that compiling at first use is announced, happens once, and is quick afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from guidance import kernels

ROOT = Path(__file__).resolve().parents[2]


def run(cache: Path) -> subprocess.CompletedProcess[str]:
    """Prepare the kernels in a new process with its own cache folder."""
    code = "from guidance.kernels import prepare_kernels; prepare_kernels()"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True, timeout=300
    )


@pytest.mark.slow
def test_first_use_compiles_and_says_so(tmp_path):
    """The first process prints one line on stderr and nothing on stdout; the second prints nothing."""
    first, second = run(tmp_path), run(tmp_path)
    assert first.stderr.startswith("guidance: compiling kernels, once")
    assert first.stderr.rstrip().endswith(" s")
    assert first.stdout == second.stdout == second.stderr == ""


def test_preparing_prepared_kernels_does_nothing(monkeypatch):
    """With every kernel on disk nothing is run."""
    monkeypatch.setattr(kernels, "_is_on_disk", lambda kernel: True)
    monkeypatch.setattr(kernels, "_exercise_masks", lambda: pytest.fail("nothing was to be compiled"))
    kernels.prepare_kernels()
