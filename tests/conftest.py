"""Share the test data's place and the limits every test runs under."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked ``gpu`` where no CUDA device is at hand."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device here"))


@pytest.fixture(scope="session")
def data_directory() -> Path:
    """Return the folder of outside test data, or skip: it is not part of the project."""
    directory = Path(os.environ.get("GUIDANCE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not directory.is_dir():
        pytest.skip(f"no test data at {directory}; set GUIDANCE_TEST_DATA to run this test")
    return directory
