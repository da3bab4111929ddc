"""Check temperatures, and the published polynomial with its guards."""

from __future__ import annotations

import math

import pytest
import torch

from guidance.logits import AdaptiveTemperature, Pipeline, Temperature
from guidance.sampling import Sampling
from tests.reference.samplers import entropy


def test_temperature_zero_is_the_limit():
    """Temperature 0 leaves the most likely token alone."""
    found = Temperature(0.0).process([[None]], torch.tensor([[[1.0, 3.0, 2.0]]]))
    assert found.tolist() == [[[-math.inf, 3.0, -math.inf]]]


def test_temperature_one_is_the_identity():
    """Dividing by one changes nothing."""
    logits = torch.randn(1, 1, 9)
    assert torch.equal(Temperature(1.0).process([[None]], logits), logits)


@pytest.mark.parametrize("temperature", [1e-3, 1e-20, 1e-38, 1e-300, 5e-324])
def test_tiny_temperatures_are_finite_and_take_the_most_likely(temperature):
    """Ties stay equally likely, which is the limit of the law; nothing overflows."""
    logits = torch.tensor([[1.0, 3.0, 3.0, -1e30, -math.inf]])
    law = torch.softmax(Temperature(temperature).process([[None]], logits[None]), -1)
    assert law[0, 0].tolist() == [0.0, 0.5, 0.5, 0.0, 0.0]
    pipeline = Pipeline(Sampling(temperature=temperature))
    drawn = [pipeline.draw([()], logits, None, uniforms=[u]).token_ids[0] for u in (0.0, 0.49, 0.51, 0.999999)]
    assert drawn == [1, 1, 2, 2]


def test_entropy_rises_with_temperature():
    """And the order of tokens stays."""
    logits = torch.randn(1, 1, 30, generator=torch.Generator().manual_seed(0))
    tempered = [Temperature(t).process([[None]], logits) for t in (0.3, 0.7, 1.0, 2.0, 5.0)]
    entropies = [entropy(torch.softmax(z, -1)[0, 0].double().tolist()) for z in tempered]
    assert entropies == sorted(entropies)
    assert all(torch.equal(z.argsort(), logits.argsort()) for z in tempered)


def law_of_entropy(target):
    """Return the logits of a law of this entropy: one likely token and 599 others."""
    low, high = 1 / 600, 1.0
    for _ in range(200):
        p = (low + high) / 2
        h = -p * math.log(p) - (1 - p) * math.log((1 - p) / 599)
        low, high = (p, high) if h > target else (low, p)
    return torch.tensor([[[p] + [(1 - p) / 599] * 599]], dtype=torch.float64).log()


@pytest.mark.parametrize(
    ("nats", "factor"),
    [
        (0.3, 1.0),
        (0.8, 1.0),
        (1.0, 1.27),
        (2.0, 2.10),
        (3.0, 2.25),
        (4.0, 2.389),
        (4.412, 2.421),
        (5.0, 2.294),
        (5.5, 1.847),
        (6.0, 1.0),
    ],
)
def test_adaptive_temperature_has_the_published_values(nats, factor):
    """Evaluated highest degree first, only above one half, and never below one."""
    assert float(AdaptiveTemperature().factor(law_of_entropy(nats))) == pytest.approx(
        factor, abs=1e-3 + 5e-3 * (factor > 1)
    )


def test_adaptive_temperature_never_raises_the_entropy():
    """The most likely token stays first; laws outside the range stay bit for bit."""
    for spread in (0.1, 0.5, 1.0, 2.0, 4.0, 8.0):
        logits = spread * torch.randn(1, 1, 500, generator=torch.Generator().manual_seed(3))
        found = AdaptiveTemperature().process([[None]], logits)
        before, after = (entropy(torch.softmax(z, -1)[0, 0].double().tolist()) for z in (logits, found))
        assert after <= before + 1e-6
        assert found.argmax() == logits.argmax()
        if not 0.849 < before < 5.945:
            assert torch.equal(found, logits)
