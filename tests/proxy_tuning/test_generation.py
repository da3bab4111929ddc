"""Check steering through the whole decoder: batches, grammars, samples, several methods at once."""

from __future__ import annotations

import json

import pytest
import torch

import guidance
from guidance.decoding import Decoder, Request
from guidance.embedded.judge import judge_register, judge_sentiment
from guidance.logits import Pipeline
from proxy_tuning import (
    BASE,
    Attribute,
    ClassifierFree,
    ContrastiveDecoding,
    DExperts,
    ModelArithmetic,
    ProxyTuning,
    Term,
    union,
)

PROMPTS = ["the cat", "in", "another thing, the other"]


def steerings(experts):
    """Return every method, and several at once."""
    first, second, third, fourth = experts
    return {
        "dexperts": [DExperts(expert=first, antiexpert=second, alpha=1.5)],
        "expert only": [DExperts(expert=first, alpha=1.2, base_top_p=0.5)],
        "proxy": [ProxyTuning(tuned=first, untuned=second, tuned_prompt=lambda text: f"say {text}: ")],
        "contrastive": [ContrastiveDecoding(amateur=first, strength=0.3)],
        "classifier-free": [ClassifierFree(gamma=1.7, negative_prompt="{")],
        "arithmetic": [ModelArithmetic(law=BASE + Term(first) - 0.3 * union(BASE, Term(second)))],
        "all": [
            DExperts(expert=first, antiexpert=second, base_top_p=0.95),
            ProxyTuning(tuned=third, untuned=fourth),
            ClassifierFree(gamma=1.3),
        ],
    }


METHODS = ("dexperts", "expert only", "proxy", "contrastive", "classifier-free", "arithmetic", "all")


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("output", [None, {"type": "array", "items": {"enum": ["the", "an", "in"]}, "maxItems": 4}])
def test_rows_of_a_batch_are_what_they_are_alone(base, experts, name, output):
    """Ragged prompts, rows that leave early, forced runs of unequal lengths: same texts, same log-probabilities."""
    steer = steerings(experts)[name]
    sampling = guidance.Sampling(temperature=0.9, seed=3, n=2)
    together = guidance.generate(base, PROMPTS, output, steer=steer, sampling=sampling, max_tokens=60)
    for prompt, row in zip(PROMPTS, together, strict=True):
        alone = guidance.generate(base, prompt, output, steer=steer, sampling=sampling, max_tokens=60)
        assert [result.token_ids for result in row] == [result.token_ids for result in alone]
        for left, right in zip(row, alone, strict=True):
            assert left.log_probs == pytest.approx(right.log_probs, abs=1e-3)
            assert output is None or left.is_valid


def test_log_probs_are_of_the_combined_law(base, experts):
    """Every drawn token's log-probability is that of the formula, computed without a cache."""
    first, second, *_ = experts
    steer = [DExperts(expert=first, antiexpert=second, alpha=1.5, base_top_p=1.0)]
    sampling = guidance.Sampling(seed=1)
    result = guidance.generate(base, "the cat", steer=steer, sampling=sampling, max_tokens=30, base_log_probs=True)
    text = base.encode("the cat")
    for token, log_prob, base_log_prob in zip(result.token_ids, result.log_probs, result.base_log_probs, strict=True):
        own, plus, minus = (m.language_model.prefill([text])[1][0, 0].double() for m in (base, first, second))
        law = torch.log_softmax(own + 1.5 * (plus - minus), -1)
        assert log_prob == pytest.approx(float(law[token]), abs=1e-4)
        assert base_log_prob == pytest.approx(float(torch.log_softmax(own, -1)[token]), abs=1e-4)
        text.append(token)


def test_steering_survives_a_transformers_model(base, experts):
    """An expert of the transformers library steers like any other: its cache is kept in step too."""
    from tests.proxy_tuning.hugging_face import as_hugging_face

    expert, antiexpert = experts[:2]
    steer = [DExperts(expert=expert, antiexpert=antiexpert)]
    plain = guidance.generate(base, PROMPTS, steer=steer, max_tokens=30)
    outside = [DExperts(expert=as_hugging_face(expert), antiexpert=antiexpert)]
    found = guidance.generate(base, PROMPTS, steer=outside, max_tokens=30)
    assert [result.token_ids for result in found] == [result.token_ids for result in plain]


@pytest.fixture(scope="module")
def writers():
    """Return the embedded models for steering."""
    names = ("writer", "positive", "negative", "small_formal", "small_writer")
    return {name: guidance.load(f"embedded/{name}") for name in names}


SCHEMA = {
    "type": "object",
    "properties": {"topic": {"type": "string"}, "message": {"type": "string", "maxLength": 200}},
    "required": ["topic", "message"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("sign", [1, -1])
def test_experts_praise_or_blame_in_text_and_in_json(writers, sign):
    """What is steered is what the text says, whatever form it must have."""
    wanted = "positive" if sign > 0 else "negative"
    steer = [DExperts(expert=writers["positive"], antiexpert=writers["negative"], alpha=2.0 * sign)]
    sampling = guidance.Sampling(seed=2, n=10)
    free = guidance.generate(
        writers["writer"], "Write about the lamp.\n\n", steer=steer, sampling=sampling, max_tokens=90
    )
    assert sum(judge_sentiment(result.text) == wanted for result in free) >= 9
    prompt = "Write about the lamp as JSON.\n\n"
    documents = guidance.generate(writers["writer"], prompt, SCHEMA, steer=steer, sampling=sampling, max_tokens=300)
    assert all(result.is_valid for result in documents)
    assert sum(judge_sentiment(json.loads(result.text)["message"]) == wanted for result in documents) >= 8


def test_proxy_tuning_makes_the_large_model_formal(writers):
    """The register of the tuned small model becomes the large one's."""
    steer = [ProxyTuning(tuned=writers["small_formal"], untuned=writers["small_writer"])]
    sampling = guidance.Sampling(seed=2, n=10)
    prompt = "Write about the lamp.\n\n"
    found = guidance.generate(writers["writer"], prompt, steer=steer, sampling=sampling, max_tokens=90)
    assert sum(judge_register(result.text) == "formal" for result in found) >= 9


def test_stream_steers_too(base, experts):
    """The last event of a stream is what generate returns."""
    steer = [DExperts(expert=experts[0])]
    *_, last = guidance.stream(base, "the cat", steer=steer, max_tokens=12)
    assert last.result.token_ids == guidance.generate(base, "the cat", steer=steer, max_tokens=12).token_ids


def test_experts_may_be_named(writers):
    """A name is loaded once and steers like the model."""
    prompt, sampling = "Write about the lamp.\n\n", guidance.Sampling(seed=2)
    named = [DExperts(expert="embedded/positive", antiexpert="embedded/negative")]
    given = [DExperts(expert=writers["positive"], antiexpert=writers["negative"])]
    texts = [
        guidance.generate(writers["writer"], prompt, steer=steer, sampling=sampling, max_tokens=60).text
        for steer in (named, given)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("kind", ["fudge", "head"])
def test_classifiers_are_terms_of_an_expression(writers, kind):
    """``BASE + 2 Attribute(c)`` is what the classifier does by itself, token for token; with experts it adds up."""
    from classifiers import Fudge, OnePassHead

    method, name = (Fudge, "embedded/sentiment") if kind == "fudge" else (OnePassHead, "embedded/sentiment_head")
    prompt, sampling = "Write about the lamp.\n\n", guidance.Sampling(seed=2, n=4)
    expression = BASE + 2.0 * Attribute(method(name, attribute="positive"))
    texts = [
        [
            result.token_ids
            for result in guidance.generate(writers["writer"], prompt, steer=steer, sampling=sampling, max_tokens=60)
        ]
        for steer in ([ModelArithmetic(law=expression)], [method(name, attribute="positive", strength=2.0)])
    ]
    assert texts[0] == texts[1]
    both = [ModelArithmetic(law=expression + 1.0 * Term(writers["small_formal"]))]
    found = guidance.generate(writers["writer"], prompt, SCHEMA, steer=both, sampling=sampling, max_tokens=300)
    assert all(result.is_valid for result in found)
    assert sum(judge_register(result.value["message"]) == "formal" for result in found) >= 2


@pytest.mark.parametrize("kind", ["fudge", "head"])
def test_a_classifier_of_other_tokens_is_refused(base, kind):
    """The vocabularies are compared before anything runs."""
    from classifiers import Fudge, OnePassHead

    method, name = (Fudge, "embedded/sentiment") if kind == "fudge" else (OnePassHead, "embedded/sentiment_head")
    with pytest.raises(guidance.GuidanceError, match="token"):
        ModelArithmetic(law=BASE + Attribute(method(name, attribute="positive"))).bind(base)


def test_rows_of_one_batch_may_be_steered_differently(base, experts):
    """Each row has a law of its own: experts, a proxy under a grammar, nothing at all."""
    first, second, third, fourth = experts
    compiled = base.compile({"type": "array", "items": {"enum": ["the", "an"]}, "maxItems": 3}).compiled
    sampling = guidance.Sampling(temperature=0.8, seed=2)
    laws = [
        Pipeline(sampling, [DExperts(expert=first, antiexpert=second).bind(base)]),
        Pipeline(sampling, [ProxyTuning(tuned=third, untuned=fourth).bind(base)]),
        Pipeline(sampling, []),
        Pipeline(sampling, [ClassifierFree(gamma=1.5).bind(base), DExperts(expert=fourth).bind(base)]),
    ]
    requests = [
        Request(
            prompt_ids=tuple(base.encode(prompt)),
            pipeline=pipeline,
            max_tokens=30,
            compiled=compiled if i % 2 else None,
        )
        for i, (prompt, pipeline) in enumerate(zip(("the cat", "in", "another thing", "x"), laws, strict=True))
    ]
    together = Decoder(base, requests)
    alone = [Decoder(base, [request]) for request in requests]
    for decoder in (together, *alone):
        for _ in decoder.run():
            pass
    assert [row.token_ids for row in together.rows] == [decoder.rows[0].token_ids for decoder in alone]
