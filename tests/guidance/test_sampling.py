"""Check sampling settings and the counter-based uniform."""

from __future__ import annotations

import numpy as np
import pytest

from guidance.errors import SamplingError
from guidance.sampling import Sampling, uniform


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"n": 0},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"min_p": -0.5},
    ],
)
def test_sampling_refuses_settings_out_of_range(settings):
    """The message names the setting, what it got and what it expected."""
    (name,) = settings
    with pytest.raises(SamplingError, match=f"got {name}=.*expected.*; change {name}"):
        Sampling(**settings)


def test_uniform_is_uniform_and_uncorrelated():
    """Moments and neighbours over 20,000 draws are those of independent uniforms."""
    draws = np.array([[uniform(1, row, step) for step in range(200)] for row in range(100)])
    assert 0 <= draws.min() < draws.max() < 1
    assert abs(draws.mean() - 0.5) < 0.01
    assert abs(draws.var() - 1 / 12) < 0.003
    for other in (np.roll(draws, 1, axis=0), np.roll(draws, 1, axis=1)):
        assert abs(np.corrcoef(draws.ravel(), other.ravel())[0, 1]) < 0.03


def test_uniform_depends_on_every_argument():
    """Seed, row, step and stream each change the number."""
    base = uniform(1, 2, 3)
    assert base == uniform(1, 2, 3)
    assert len({base, uniform(2, 2, 3), uniform(1, 3, 3), uniform(1, 2, 4), uniform(1, 2, 3, stream=1)}) == 5


def test_uniform_accepts_any_integer_seed():
    """Negative and very large seeds wrap."""
    assert 0 <= uniform(-5, 0, 0) < 1
    assert 0 <= uniform(1 << 200, 0, 0) < 1
