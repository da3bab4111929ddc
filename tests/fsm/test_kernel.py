"""Check that kernels kept on disk are those of the texts they were compiled from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALLED = "from fsm.kernel import kernel\n\n\n@kernel\ndef called_kernel(x):\n    return x + {}\n"
CONSTANT = "STEP = {}\n"
CALLER = """from fsm.kernel import kernel
from loops._called_kernels import called_kernel
from loops.constants import STEP


@kernel
def caller_kernel(x):
    return 100 * STEP + called_kernel(x)
"""
RUN = """from loops._caller_kernels import caller_kernel
print(caller_kernel(1), sum(caller_kernel.stats.cache_hits.values()))
"""


def call(folder: Path, cache: Path | None) -> tuple[int, int]:
    """Call the kernel in a new process; return what it says, and how many functions were found on disk."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)
    if cache:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    done = subprocess.run(
        [sys.executable, "-c", RUN], capture_output=True, text=True, env=environment, check=True, timeout=120
    )
    value, hits = done.stdout.split()
    return int(value), int(hits)


@pytest.mark.parametrize("is_beside", [True, False])
def test_kernels_are_compiled_anew_when_what_they_import_has_changed(tmp_path, is_beside):
    """Their own file stays as it was; what they call, and a constant they read, do not."""
    package = tmp_path / "loops"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "_caller_kernels.py").write_text(CALLER)
    cache = None if is_beside else tmp_path / "kept"
    (package / "_called_kernels.py").write_text(CALLED.format(1))
    (package / "constants.py").write_text(CONSTANT.format(1))
    assert call(tmp_path, cache) == (102, 0)
    assert call(tmp_path, cache) == (102, 1)
    (package / "_called_kernels.py").write_text(CALLED.format(2))
    assert call(tmp_path, cache) == (103, 0)
    (package / "constants.py").write_text(CONSTANT.format(3))
    assert call(tmp_path, cache) == (303, 0)
    assert call(tmp_path, cache) == (303, 1)
