"""Check that Triton's kernels compile for a GPU, whether or not there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_triton_kernels_compile_for_a_gpu(tmp_path):
    """What the interpreter lets pass, the compiler might not: annotations, types, shapes that are no powers of two."""
    pytest.importorskip("triton")
    checks = Path(__file__).parent / "compiled_triton.py"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(checks)]
    root = Path(__file__).parents[3]
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"PYTHONPATH": str(root), "TRITON_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, env=environment)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
    assert " passed" in run.stdout
