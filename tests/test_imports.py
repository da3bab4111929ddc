"""Check that the arrows between packages point one way, and that every package says what it exports."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ALLOWED = {
    "fsm": set(),
    "grammars": {"fsm"},
    "guidance": {"fsm", "grammars"},
    "classifiers": {"fsm", "grammars", "guidance"},
    "proxy_tuning": {"fsm", "grammars", "guidance"},
}
PACKAGES = tuple(ALLOWED)

# What a layer must do without, so that masks can be computed where no model is.
FORBIDDEN_LIBRARIES = {
    "fsm": {"torch", "transformers", "tokenizers", "pydantic", "lark", "interegular", "jsonschema"},
    "grammars": {"torch", "transformers", "tokenizers"},
}


def imported_roots(path: Path) -> set[str]:
    """Return the top-level packages a file imports anywhere, also inside functions."""
    roots = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.split(".")[0])
    return roots


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_arrows(package):
    """Only to the left in fsm <- grammars <- guidance <- classifiers, proxy_tuning; not even lazily back."""
    for path in sorted((ROOT / package).rglob("*.py")):
        roots = imported_roots(path)
        wrong = roots & (set(PACKAGES) - ALLOWED[package] - {package})
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"
        heavy = roots & FORBIDDEN_LIBRARIES.get(package, set())
        assert not heavy, f"{path.relative_to(ROOT)} imports {sorted(heavy)}"


def test_nothing_imports_an_adapter():
    """Adapters know the packages, and no module outside them knows an adapter; not even lazily."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "adapters" not in path.relative_to(ROOT).parts:
                assert "guidance.adapters" not in path.read_text(encoding="utf-8"), path.relative_to(ROOT)


def modules() -> list[str]:
    """Return every module of the five packages that is not run as a script."""
    names = []
    for package in PACKAGES:
        names.append(package)
        found = pkgutil.walk_packages([str(ROOT / package)], prefix=f"{package}.")
        names += [module.name for module in found if not module.name.endswith("__main__")]
    return names


@pytest.mark.parametrize("name", modules())
def test_exports_exist(name):
    """Every name in ``__all__`` is there, once; ruff keeps the order."""
    if name.endswith("._triton"):
        pytest.importorskip("triton", reason="Triton comes with torch for GPUs")
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", None)
    if exported is None:
        assert not hasattr(module, "__path__"), f"{name} is a package without __all__"
        return
    assert len(set(exported)) == len(exported)
    for export in exported:
        assert hasattr(module, export), f"{name} exports {export}, which it does not have"


def test_import_guidance_loads_no_torch():
    """Importing the package is instant; models are paid for when they are loaded."""
    code = "import sys, guidance; print('torch' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_packages_say_they_are_typed():
    """Each package carries py.typed."""
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").is_file()
