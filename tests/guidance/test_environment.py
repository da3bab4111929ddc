"""Check that a foreign distribution of the same import name is noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from guidance import environment
from guidance.errors import ForeignGuidanceError


def test_foreign_distribution_is_refused(monkeypatch):
    """The error is an ImportError that names the cure."""
    monkeypatch.setattr(environment.metadata, "version", lambda name: "0.3.0")
    with pytest.raises(ForeignGuidanceError, match=r"guidance 0\.3\.0 .*own environment") as caught:
        environment.check_environment()
    assert isinstance(caught.value, ImportError)


def test_import_fails_beside_the_foreign_distribution(tmp_path):
    """A real metadata folder on the path is enough."""
    info = tmp_path / "guidance-0.3.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guidance\nVersion: 0.3.0\n")
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(root)!r}, {str(tmp_path)!r}]; import guidance"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert "ForeignGuidanceError" in done.stderr
    assert "pip uninstall guidance" in done.stderr


def test_own_environment_passes():
    """Nothing is wrong here."""
    environment.check_environment()
