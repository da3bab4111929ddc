"""Check that compiling at first use is announced, happens once, and is quick afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from numba.core import event

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


def test_kernels_of_other_grammars_are_announced_once(capsys, monkeypatch):
    """A line names the kind when its first kernel is compiled; schemas' kernels have their own line."""
    listeners: list[event.Listener] = []
    monkeypatch.setitem(event._registered, "numba:compile", listeners)
    kernels._announce_later_kernels.cache_clear()
    for _ in range(2):
        kernels._announce_later_kernels()
    assert len(listeners) == 1
    kernels._announce_later_kernels.cache_clear()
    for module in ("fsm._step_kernels", "fsm.patterns._byte_kernels", "fsm.patterns._position_kernels"):
        dispatcher = SimpleNamespace(py_func=SimpleNamespace(__module__=module))
        with event.trigger_event("numba:compile", data={"dispatcher": dispatcher}):
            pass
    assert capsys.readouterr().err == f"guidance: compiling kernels of {kernels._LATER['fsm.patterns.']}\n"


def test_kinds_announced_are_those_that_have_kernels():
    """Every package of kernels that is left until later exists, and no other one is forgotten."""
    packages = {".".join(path.parts[-3:-1]) + "." for path in (ROOT / "fsm").glob("*/_*kernels.py")}
    assert packages - {"fsm.tokens.", "fsm.freezing.", "fsm.automata."} == set(kernels._LATER)
