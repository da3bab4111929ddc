"""Check that drafts and searches leave steered texts what they are: the experts follow every token taken back."""

from __future__ import annotations

import numpy as np
import pytest

import guidance
from grammars import choice
from proxy_tuning import (
    BASE,
    Attribute,
    ClassifierFree,
    ContrastiveDecoding,
    DExperts,
    DoLa,
    ModelArithmetic,
    ProxyTuning,
    Term,
    union,
)
from tests.reference.latent_mixture import NUM_NEUTRAL, NUM_POLAR, PROMPT, Mixture

PROMPTS = ["the cat in the cat in", "in", "another thing, the other"]
ARRAY = {"type": "array", "items": {"enum": ["the", "an", "in"]}, "maxItems": 4}


def steering(name, experts):
    """Return a method by name."""
    first, second, third, fourth = experts
    return {
        "dexperts": [DExperts(expert=first, antiexpert=second, alpha=0.7)],
        "proxy": [ProxyTuning(tuned=first, untuned=second, tuned_prompt=lambda text: f"say {text}: ")],
        "contrastive": [ContrastiveDecoding(amateur=first, strength=0.2)],
        "classifier-free": [ClassifierFree(gamma=1.5, negative_prompt="x")],
        "dola": [DoLa()],
        "schedule": [ModelArithmetic(law=BASE + (lambda step: 0.5**step) * union(BASE, Term(first)))],
        "several": [DExperts(expert=third, antiexpert=fourth, alpha=0.3), ClassifierFree(gamma=1.2)],
    }[name]


METHODS = ("dexperts", "proxy", "contrastive", "classifier-free", "dola", "schedule", "several")


@pytest.mark.parametrize("output", [None, ARRAY], ids=["text", "json"])
@pytest.mark.parametrize("name", METHODS)
def test_drafts_never_change_a_steered_text(base, experts, name, output):
    """Good drafts and bad ones, lines and trees, greedy and sampled, ragged rows: the same tokens as without."""
    steer = steering(name, experts)
    for sampling in (guidance.Sampling(temperature=0.0), guidance.Sampling(temperature=0.8, seed=3, n=2)):
        plain = _tokens(guidance.generate(base, PROMPTS, output, steer=steer, sampling=sampling, max_tokens=40))
        for draft, tree in ((base, None), (experts[0], (2, 2, 1)), ("prompt-lookup", None)):
            speculate = guidance.Speculation(draft=draft, num_tokens=3, tree=tree)
            found = guidance.generate(
                base, PROMPTS, output, steer=steer, sampling=sampling, max_tokens=40, speculate=speculate
            )
            assert _tokens(found) == plain


@pytest.mark.parametrize("output", [None, ARRAY], ids=["text", "json"])
def test_everything_at_once_is_the_same_with_drafts(base, experts, output):
    """Experts, a proxy, a negative prompt, penalties, truncation and a watermark, in one ragged batch."""
    first, second, third, fourth = experts
    options = {
        "steer": [
            DExperts(expert=first, antiexpert=second, alpha=0.6, base_top_p=0.95),
            ProxyTuning(tuned=third, untuned=fourth, alpha=0.5),
            ClassifierFree(gamma=1.2, negative_prompt="x"),
        ],
        "watermark": guidance.Watermark(key=b"secret", gamma=0.25, delta=2.0),
        "sampling": guidance.Sampling(
            temperature=0.9, top_p=0.95, seed=3, n=2, penalties=guidance.Penalties(repetition=1.2, frequency=0.1)
        ),
        "max_tokens": 40,
    }
    plain = _tokens(guidance.generate(base, PROMPTS, output, **options))
    for draft, tree in ((base, (3, 2, 1)), (first, None), ("prompt-lookup", (2, 2, 2))):
        speculate = guidance.Speculation(draft=draft, num_tokens=3, tree=tree)
        assert _tokens(guidance.generate(base, PROMPTS, output, **options, speculate=speculate)) == plain
    alone = [_tokens([guidance.generate(base, prompt, output, **options)]) for prompt in PROMPTS]
    assert [tokens for row in alone for tokens in row] == plain


def _tokens(results):
    flat = [result for row in results for result in (row if isinstance(row, list) else [row])]
    return [result.token_ids for result in flat]


@pytest.mark.parametrize("kind", ["experts", "classifier"])
def test_drafts_accepted_by_their_law_leave_the_steered_law(kind):
    """The expert drafts, base and experts verify: classes of the first two tokens are distributed as they must be."""
    from tests.reference.latent_mixture import PerfectClassifier

    world, count = Mixture(agreement=0.9), 3000
    base, plus, minus = (world.model(name) for name in ("base", "+", "-"))
    if kind == "experts":
        method = DExperts(expert=plus, antiexpert=minus, alpha=0.8, base_top_p=1.0)
        law = lambda odds: world.experts_law(odds, 0.8)  # noqa: E731
    else:
        method = ModelArithmetic(law=BASE + 2.0 * Attribute(PerfectClassifier(world)))
        law = lambda odds: world.classifier_law(odds, 2.0)  # noqa: E731
    results = guidance.generate(
        base,
        PROMPT,
        steer=[method],
        sampling=guidance.Sampling(seed=1, n=count),
        max_tokens=3,
        speculate=guidance.Speculation(draft=plus, num_tokens=2, acceptance="rejection"),
    )
    tokens = np.array([result.token_ids[:2] for result in results])
    classes = (tokens >= NUM_NEUTRAL).astype(int) + (tokens >= NUM_NEUTRAL + NUM_POLAR)
    observed = np.bincount(classes[:, 0] * 3 + classes[:, 1], minlength=9)
    expected = count * _pairs(world, law)
    assert ((observed - expected) ** 2 / expected).sum() < 26.1  # the 99.9 % point of chi-square with 8 degrees


def _pairs(world, law):
    """Return the probability of each pair of classes: float64[9]."""
    spans = (slice(0, NUM_NEUTRAL), slice(NUM_NEUTRAL, NUM_NEUTRAL + NUM_POLAR), slice(NUM_NEUTRAL + NUM_POLAR, None))
    first = law(np.zeros(1))[0]
    second = law(world.evidence)  # after each first token
    return np.array([(first[a][:, None] * second[a][:, b]).sum() for a in spans for b in spans])


TEXTS = ["the cat", "the can", "in the tin", "an ant", "thin", "another"]


@pytest.mark.parametrize("name", METHODS)
def test_beams_find_the_likeliest_steered_text(base, experts, name):
    """With more beams than texts, the result is the one of highest probability under the steered law."""
    steer = steering(name, experts)
    drawn = guidance.generate(
        base,
        "say",
        choice(TEXTS),
        steer=steer,
        sampling=guidance.Sampling(seed=2, n=300, temperature=1.0),
        max_tokens=20,
    )
    likely = {result.text: result.log_prob for result in drawn}
    best = max(likely, key=likely.__getitem__)
    beams = guidance.Beams(num_beams=24, length_penalty=0.0)
    found = guidance.generate(base, "say", choice(TEXTS), steer=steer, search=beams, max_tokens=20)
    assert found.text == best
    assert found.log_prob == pytest.approx(likely[best], abs=1e-3)
