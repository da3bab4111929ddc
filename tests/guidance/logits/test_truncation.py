"""Check truncations against their definitions."""

from __future__ import annotations

import pytest
import torch

from guidance.logits import Epsilon, Eta, MinP, TopK, TopNSigma, TopP, Typical, Xtc
from tests.reference import samplers
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


@pytest.mark.parametrize("size", [1, 2, 9, 200])
@pytest.mark.parametrize(
    ("processor", "rule"),
    [
        (TopNSigma(1.0), lambda z: samplers.top_n_sigma(z, 1.0)),
        (TopK(5), lambda z: samplers.top_k(z, 5)),
        (TopP(0.7), lambda z: samplers.top_p(z, 0.7)),
        (MinP(0.2), lambda z: samplers.min_p(z, 0.2)),
        (Typical(0.6), lambda z: samplers.typical(z, 0.6)),
        (Epsilon(0.02), lambda z: samplers.epsilon(z, 0.02)),
        (Eta(0.3), lambda z: samplers.eta(z, 0.3)),
        (Xtc(0.1, 1.0), lambda z: samplers.xtc(z, 0.1)),
    ],
)
def test_truncations_equal_their_slow_twins(processor, rule, size):
    """They keep the same tokens, also where a mask has forbidden some already."""
    generator = torch.Generator().manual_seed(size)
    for trial in range(20):
        logits = 2 * torch.randn(size, generator=generator)
        if trial % 2 and size > 2:
            logits[torch.randperm(size, generator=generator)[: size // 2]] = float("-inf")
        expected = {v for v, z in enumerate(rule(logits.tolist())) if z > float("-inf")}
        assert kept(processor, logits) == expected


@pytest.mark.parametrize("name", ["top_p", "min_p"])
def test_top_p_and_min_p_depend_on_the_temperature_and_top_n_sigma_does_not(name):
    """Dividing the logits first widens a nucleus; deviations scale along."""
    logits = torch.randn(100, generator=torch.Generator().manual_seed(1)) * 3
    processor = {"top_p": TopP(0.8), "min_p": MinP(0.1)}[name]
    assert kept(processor, logits) < kept(processor, logits / 2)
    assert kept(TopNSigma(1.5), logits) == kept(TopNSigma(1.5), logits / 2)
    assert kept(TopK(7), logits) == kept(TopK(7), logits / 2)


def test_top_n_sigma_does_not_see_what_a_mask_forbids():
    """The deviation of the legal logits counts, whatever else stood beside them."""
    legal = torch.tensor([3.0, 2.0, 1.0, 0.0])
    masked = torch.cat([legal, torch.full((40,), float("-inf"))])
    assert kept(TopNSigma(1.0), masked) == kept(TopNSigma(1.0), legal)


def test_typical_may_drop_the_most_likely_token():
    """Of one token at .4 and 60 at .01, the ones of average information stay."""
    logits = torch.tensor([0.4] + [0.01] * 60).log()
    assert 0 not in kept(Typical(0.3), logits)


@pytest.mark.parametrize(
    ("law", "threshold", "expected"),
    [
        ([0.5, 0.3, 0.15, 0.05], 0.1, {2, 3}),  # of three over the threshold the least likely stays
        ([0.9, 0.05, 0.05], 0.1, {0, 1, 2}),  # fewer than two: as it was
        ([0.6, 0.4], 0.5, {0, 1}),  # no two tokens are both over one half
        ([0.3, 0.3, 0.3, 0.1], 0.2, {2, 3}),  # ties: the last stays
    ],
)
def test_xtc_drops_top_choices(law, threshold, expected):
    """All of them go but the least likely; fewer than two are left alone."""
    assert kept(Xtc(threshold, 1.0), torch.tensor(law).log()) == expected


def test_xtc_spares_ends_and_new_lines():
    """Where a protected token would go, nothing goes."""
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    assert kept(Xtc(0.1, 1.0, protected=(0,)), logits) == {0, 1, 2, 3}
    assert kept(Xtc(0.1, 1.0, protected=(2,)), logits) == {2, 3}


def test_xtc_is_the_mixture_of_both_laws():
    """At one half, a top choice is half as likely as before."""
    law = torch.tensor([0.5, 0.3, 0.15, 0.05])
    found = torch.softmax(Xtc(0.1, 0.5).process([[None]], law.log()[None, None])[0, 0], -1)
    cut = torch.tensor([0.0, 0.0, 0.75, 0.25])
    assert torch.allclose(found, (law + cut) / 2, atol=1e-6)


@pytest.mark.parametrize("processor", [TopP(0.0001), MinP(1.0), Epsilon(1.0), TopNSigma(0.0), TopK(1)])
def test_the_most_likely_token_stays(processor):
    """However strict, they leave it."""
    logits = torch.randn(50, generator=torch.Generator().manual_seed(2))
    assert kept(processor, logits) == {int(logits.argmax())}


@pytest.mark.parametrize("processor", [TopP(1.0), MinP(0.0), Epsilon(0.0), Eta(0.0), Typical(1.0), TopK(50)])
def test_neutral_settings_change_no_bit(processor):
    """They are the identity."""
    logits = torch.randn(1, 1, 50, generator=torch.Generator().manual_seed(2))
    assert torch.equal(processor.process([[None]], logits), logits)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_top_p_trims_ties(dtype):
    """Of equal tokens the first stay, as many as reach p."""
    logits = torch.tensor([0.0, 2.0, 2.0, 2.0, 2.0, -1.0], dtype=dtype)
    assert kept(TopP(0.5), logits) == {1, 2, 3}
