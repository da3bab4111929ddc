"""Check truncations against their definitions."""

from __future__ import annotations

import pytest
import torch

from guidance.logits import MinP, Temperature, TopK, TopP
from tests.reference.logits import nucleus


def kept(processor, logits):
    """Return the columns a processor leaves."""
    return set(torch.isfinite(processor.process([[None]], logits[None, None])[0, 0]).nonzero()[:, 0].tolist())


@pytest.mark.parametrize("p", [0.05, 0.5, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("size", [3, 50, 3000])
def test_top_p_keeps_the_smallest_set_that_reaches_p(p, size):
    """The set is the sorted prefix, also where the first partial sort is too short."""
    logits = torch.randn(size, generator=torch.Generator().manual_seed(size), dtype=torch.float64) / 3
    assert kept(TopP(p), logits) == nucleus(torch.softmax(logits, -1).tolist(), p)


def test_top_p_of_the_textbook_example():
    """Probabilities .3 .2 .15 .1 .1 .1 .05 at p = .6 keep three."""
    logits = torch.tensor([0.3, 0.2, 0.15, 0.1, 0.1, 0.1, 0.05]).log()
    assert kept(TopP(0.6), logits) == {0, 1, 2}


def test_top_k_keeps_ties():
    """Tokens tied with the k-th stay."""
    assert kept(TopK(2), torch.tensor([3.0, 1.0, 2.0, 2.0, 0.0])) == {0, 2, 3}


def test_min_p_keeps_what_is_likely_enough_beside_the_best():
    """At a share of one half, tokens below half the best probability go."""
    assert kept(MinP(0.5), torch.tensor([0.5, 0.26, 0.2, 0.04]).log()) == {0, 1}


def test_temperature_zero_is_the_limit():
    """Temperature 0 leaves the most likely token alone."""
    assert kept(Temperature(0.0), torch.tensor([1.0, 3.0, 2.0])) == {1}


def test_temperature_one_is_the_identity():
    """Dividing by one changes nothing."""
    logits = torch.randn(1, 1, 9)
    assert torch.equal(Temperature(1.0).process([[None]], logits), logits)
