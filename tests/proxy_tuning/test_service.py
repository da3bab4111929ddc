"""Check models behind a service: what it tells is all that is known, and steering corrects that."""

from __future__ import annotations

import pytest
import torch

import guidance
from proxy_tuning import DExperts, ProxyTuning, Service, SteeringError

PROMPTS = ["the cat", "in", "another thing, the other"]
ARRAY = {"type": "array", "items": {"enum": ["the", "an", "in"]}, "maxItems": 4}


class Counting:
    """Answer for a local model with its k likeliest tokens, and count the calls."""

    def __init__(self, model, k):
        self.model, self.k, self.num_calls = model, k, 0

    def __call__(self, texts):
        """Return the log-probabilities of the likeliest tokens."""
        self.num_calls += 1
        laws = torch.log_softmax(self.model.language_model.prefill(texts)[1][:, 0], -1)
        values, columns = laws.topk(self.k, dim=-1)
        return [
            dict(zip(row, value, strict=True)) for row, value in zip(columns.tolist(), values.tolist(), strict=True)
        ]


def behind_service(model, k):
    """Return the model as a service would show it, and the counter of calls."""
    ask = Counting(model, k)
    service = Service(ask, logits_size=model.vocabulary.size, context_size=256)
    tokens = list(model.vocabulary.token_bytes)
    config = type("Config", (), {"eos_token_id": 0})
    return guidance.Model(service, tokens, name="service", generation_config=config), ask


@pytest.mark.parametrize("output", [None, ARRAY], ids=["text", "json"])
def test_a_service_that_tells_all_is_the_model(base, experts, output):
    """All log-probabilities known: the same texts, steered and not, in a batch, with drafts and without."""
    service, _ = behind_service(base, base.vocabulary.size)
    sampling = guidance.Sampling(seed=2, temperature=0.8)
    for steer in ([], [ProxyTuning(tuned=experts[0], untuned=experts[1])]):
        for speculate in (None, guidance.Speculation(draft=experts[0], num_tokens=2)):
            options = {"steer": steer, "sampling": sampling, "max_tokens": 40, "speculate": speculate}
            expected = guidance.generate(base, PROMPTS, output, **options)
            found = guidance.generate(service, PROMPTS, output, **options)
            assert [r.token_ids for r in found] == [r.token_ids for r in expected]


def test_five_tokens_known_are_proxy_tuned_as_if_the_rest_were_not_there(base, experts):
    """The black-box variant: the same texts as the model cut to its five likeliest tokens."""
    service, ask = behind_service(base, 5)
    sampling = guidance.Sampling(seed=2)
    proxy = ProxyTuning(tuned=experts[0], untuned=experts[1])
    cut = ProxyTuning(tuned=experts[0], untuned=experts[1], top_k=5)
    found = guidance.generate(service, PROMPTS, steer=[proxy], sampling=sampling, max_tokens=25)
    expected = guidance.generate(base, PROMPTS, steer=[cut], sampling=sampling, max_tokens=25)
    assert [r.token_ids for r in found] == [r.token_ids for r in expected]
    assert ask.num_calls <= 26


@pytest.mark.parametrize("k", [1, 5])
def test_a_grammar_holds_where_no_known_token_is_legal(base, experts, k):
    """Then the small models choose among the legal ones; no row is left without a token."""
    service, _ = behind_service(base, k)
    steer = [ProxyTuning(tuned=experts[0], untuned=experts[1])]
    for model, method in ((service, steer), (base, [ProxyTuning(tuned=experts[0], untuned=experts[1], top_k=k)])):
        results = guidance.generate(model, PROMPTS, ARRAY, steer=method, max_tokens=60)
        assert all(result.is_valid for result in results)


def test_dexperts_nucleus_works_on_a_service(base, experts):
    """The nucleus is of the known tokens."""
    service, _ = behind_service(base, 5)
    result = guidance.generate(service, "the", steer=[DExperts(expert=experts[0])], max_tokens=10)
    assert len(result.token_ids) == 10 or result.stop_reason == "eos"


def test_answers_that_cannot_be_are_refused():
    """A missing answer, and tokens beyond the vocabulary."""
    for ask, message in (
        (lambda texts: [], "0 answers for 1 texts"),
        (lambda texts: [{9: -1.0}], r"tokens \[9\], .* ids below 3"),
        (lambda texts: [{}], "expected at least one"),
    ):
        with pytest.raises(SteeringError, match=message):
            Service(ask, logits_size=3).prefill([[0]])
