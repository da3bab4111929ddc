"""Run the examples in the docstrings of the five packages."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("fsm", "grammars", "guidance", "classifiers", "proxy_tuning")


def modules():
    """Return the modules whose source holds an example."""
    names = []
    for package in PACKAGES:
        found = pkgutil.walk_packages([str(ROOT / package)], prefix=f"{package}.")
        names += [package, *(module.name for module in found if not module.name.endswith("__main__"))]
    return [name for name in names if ">>> " in _source(name)]


def _source(name):
    path = ROOT.joinpath(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_hold(name):
    """What a docstring shows is what happens."""
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert failed == 0
