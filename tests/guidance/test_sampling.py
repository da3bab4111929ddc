"""Check sampling settings and the counter-based uniform."""

from __future__ import annotations

import numpy as np
import pytest

from guidance.errors import SamplingError
from guidance.logits import Pipeline
from guidance.penalties import Dry, Penalties
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
        {"typical_p": 0.0},
        {"epsilon": 1.5},
        {"eta": -0.1},
        {"top_n_sigma": 0.0},
        {"xtc_probability": 1.1},
        {"xtc_threshold": -0.1},
        {"mirostat": 3},
        {"mirostat_tau": -1.0},
        {"penalties": {"repetition": 1.2}},
    ],
)
def test_sampling_refuses_settings_out_of_range(settings):
    """The message names the setting, what it got and what it expected."""
    (name,) = settings
    with pytest.raises(SamplingError, match=f"got {name}=.*expected.*; change {name}"):
        Sampling(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"mirostat": 2, "top_p": 0.9, "xtc_probability": 0.1},
            "mirostat and top_p, xtc_probability.*drop one of them",
        ),
        ({"mirostat_tau": 3.0}, "mirostat_tau without mirostat.*give mirostat=2"),
        ({"temperature": 0.0, "typical_p": 0.9}, "temperature=0 and typical_p.*drop one of them"),
        ({"temperature": 0.0, "mirostat": 1}, "temperature=0 and mirostat"),
        ({"temperature": 0.0, "xtc_probability": 0.5}, "temperature=0 and xtc_probability"),
    ],
)
def test_sampling_refuses_settings_that_make_each_other_void(settings, message):
    """The message names both and the cure."""
    with pytest.raises(SamplingError, match=message):
        Sampling(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"penalties": Penalties()},
        {"top_p": 1.0, "typical_p": 1.0, "min_p": 0.0, "epsilon": 0.0, "eta": 0.0, "xtc_probability": 0.0},
        {"penalties": Penalties(logit_bias={3: 0.0})},
    ],
)
def test_neutral_settings_add_no_processor(settings):
    """What changes nothing costs nothing, and the law is the same bit for bit."""
    assert Pipeline(Sampling(**settings)).processors == ()


@pytest.mark.parametrize(
    "settings", [{"multiplier": 0.0}, {"base": 0.5}, {"allowed_length": 0}, {"breakers": ("",)}, {"window": 1}]
)
def test_dry_refuses_settings_out_of_range(settings):
    """The message names the setting."""
    (name,) = settings
    with pytest.raises(SamplingError, match=f"got {name}="):
        Dry(**settings)


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
