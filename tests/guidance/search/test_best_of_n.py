"""Check that the best of several draws is the best of the draws that the decoder makes."""

from __future__ import annotations

import pytest

import guidance
from guidance.errors import SamplingError
from guidance.search import BestOf

SAMPLING = guidance.Sampling(temperature=1.0, seed=3)


def drawn(model, number, output=None):
    """Return the draws to choose from."""
    sampling = guidance.Sampling(temperature=1.0, seed=3, n=number)
    return guidance.generate(model, "hello", output, sampling=sampling, max_tokens=8)


@pytest.mark.parametrize(
    ("by", "key"),
    [
        ("log_prob", lambda result: result.log_prob),
        ("mean_log_prob", lambda result: result.log_prob / len(result.log_probs)),
        (len, lambda result: len(result.text)),
        (lambda text: float("nan") if "a" in text else 1.0, lambda result: "a" not in result.text),
    ],
)
def test_best_is_the_best_of_the_draws(model, by, key):
    """Every score picks its own maximum among the same draws."""
    search = BestOf(num_samples=6, by=by)
    result = guidance.generate(model, "hello", search=search, sampling=SAMPLING, max_tokens=8)
    draws = drawn(model, 6)
    assert key(result) == pytest.approx(max(key(draw) for draw in draws), abs=1e-4)
    assert result.token_ids in [draw.token_ids for draw in draws]


def test_one_sample_is_the_draw_itself(model):
    """BestOf(1) changes nothing; greedy too."""
    for sampling in (SAMPLING, guidance.Sampling(temperature=0.0)):
        plain = guidance.generate(model, "hello", sampling=sampling, max_tokens=8)
        best = guidance.generate(model, "hello", sampling=sampling, max_tokens=8, search=BestOf(num_samples=1))
        assert best.token_ids == plain.token_ids


def test_best_score_rises_with_the_number_of_samples(model):
    """More draws never give a worse best: the first ones are the same."""
    scores = [
        guidance.generate(model, "hello", search=BestOf(num_samples=n), sampling=SAMPLING, max_tokens=8).score
        for n in (1, 3, 9)
    ]
    assert scores[0] <= scores[1] + 1e-4 <= scores[2] + 2e-4


def test_several_results_come_in_order(model):
    """n=3 of 6 are the three best, of each prompt."""
    sampling = guidance.Sampling(temperature=1.0, seed=3, n=3)
    found = guidance.generate(model, ["hello", "x"], search=BestOf(num_samples=6), sampling=sampling, max_tokens=8)
    expected = sorted((draw.log_prob for draw in drawn(model, 6)), reverse=True)[:3]
    assert [result.score for result in found[0]] == pytest.approx(expected, abs=1e-4)
    assert len(found[1]) == 3


def test_contradictions_are_refused(model):
    """Equal draws, and more results than draws, make no sense."""
    with pytest.raises(SamplingError, match="greedy sampling, expected draws that differ"):
        guidance.generate(model, "hello", search=BestOf())
    with pytest.raises(SamplingError, match="got n=5 of num_samples=4"):
        guidance.generate(model, "hello", search=BestOf(), sampling=guidance.Sampling(n=5))
    with pytest.raises(SamplingError, match="got by='luck'"):
        BestOf(by="luck")
