"""Draw any subset of methods, penalties, truncations and masks: the law is always finite, normal, and legal."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import guidance
from fsm.mask import pack_token_ids
from guidance.logits import Pipeline
from proxy_tuning import (
    BASE,
    ClassifierFree,
    ContrastiveDecoding,
    DExperts,
    DoLa,
    ModelArithmetic,
    ProxyTuning,
    Term,
    intersection,
    union,
)

TRUNCATIONS = [{}, {"top_k": 3}, {"top_p": 0.5}, {"min_p": 0.3}, {"top_k": 5, "top_p": 0.9, "temperature_last": True}]


def methods(experts):
    """Return methods with mild and with wild settings."""
    a, b, c, d = experts
    return [
        DExperts(expert=a, antiexpert=b, alpha=2.0),
        DExperts(antiexpert=c, alpha=-5.0, base_top_p=0.3),
        ProxyTuning(tuned=c, untuned=d, alpha=1.5),
        ProxyTuning(tuned=a, untuned=d, top_k=2),
        ContrastiveDecoding(amateur=b),
        ClassifierFree(gamma=3.0, negative_prompt="x"),
        ClassifierFree(gamma=0.0),
        DoLa(layers="high"),
        ModelArithmetic(law=BASE + Term(a) - 0.5 * union(BASE, Term(b))),
        ModelArithmetic(law=0.5 * intersection(Term(c), Term(d)) + (lambda step: 1.0 / (1 + step)) * BASE),
    ]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_subset_in_any_order_leaves_a_law_over_legal_tokens(base, experts, data):
    """Something stays, nothing illegal does, and nothing is not a number."""
    chosen = data.draw(st.lists(st.sampled_from(methods(experts)), max_size=4))
    truncation = data.draw(st.sampled_from(TRUNCATIONS))
    size = base.vocabulary.size
    legal = data.draw(st.sets(st.integers(1, size - 1), min_size=1, max_size=size))
    sampling = guidance.Sampling(temperature=data.draw(st.sampled_from([0.3, 1.0, 2.0])), **truncation)
    pipeline = Pipeline(sampling, [method.bind(base) for method in chosen])
    ids = base.encode("the cat")
    logits = base.language_model.prefill([ids])[1][..., :size]
    mask = pack_token_ids(sorted(legal), size)[None]
    law = pipeline.process([[pipeline.start(ids)]], logits, mask, pipeline.open([ids]))
    values = law.logits[0, 0]
    columns = torch.arange(size) if law.token_ids is None else law.token_ids[0, 0]
    alive = torch.isfinite(values)
    assert not torch.isnan(values).any()
    assert alive.any()
    assert set(columns[alive].tolist()) <= legal
    assert float(torch.softmax(values, -1).sum()) == pytest.approx(1.0, abs=1e-5)
