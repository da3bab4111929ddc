"""Check what each method is at the strengths where it is something known."""

from __future__ import annotations

import pytest
import torch

from fsm.mask import pack_token_ids
from guidance.logits import Context, MinP, TopP
from proxy_tuning import (
    BASE,
    ClassifierFree,
    ContrastiveDecoding,
    DExperts,
    ExpertPair,
    ModelArithmetic,
    ProxyTuning,
    SteeringError,
    Term,
)

PROMPT = "the cat sat on"


def process(method, base, prompt=PROMPT, mask=None):
    """Return a method's logits at the first position, and the base's."""
    ids = base.encode(prompt)
    logits = base.language_model.prefill([ids])[1][..., : base.vocabulary.size]
    bound = method.bind(base)
    before = logits.clone()
    found = bound.process([[bound.start(ids)]], logits, Context(mask=mask, companion=bound.open([ids])))
    assert torch.equal(logits, before)
    return found, logits


def law(logits):
    """Return the softmax."""
    return torch.softmax(logits.double(), dim=-1)


def logits_of(model, prompt=PROMPT):
    """Return a model's own logits after a prompt."""
    return model.language_model.prefill([model.encode(prompt)])[1]


def test_zero_strength_is_the_base_bit_for_bit(base, experts):
    """No detour over another law; nothing is even opened."""
    first, second, *_ = experts
    methods = [
        DExperts(expert=first, antiexpert=second, alpha=0.0, base_top_p=1.0),
        ProxyTuning(tuned=first, untuned=second, alpha=0.0),
        ContrastiveDecoding(amateur=first, strength=0.0, plausibility=0.0),
        ClassifierFree(gamma=1.0, negative_prompt="no"),
        ModelArithmetic(law=BASE + 0.0 * Term(first)),
        ModelArithmetic(law=3.0 * BASE),
        ModelArithmetic(law=BASE + Term(first) - Term(first)),
    ]
    for method in methods:
        found, logits = process(method, base)
        assert torch.equal(found, logits), method
        assert method.bind(base).open([[1]]) is None


def test_zero_strength_keeps_the_support_the_method_cuts(base, experts):
    """DExperts at 0 is the nucleus of the base; contrastive decoding its plausible tokens."""
    found, logits = process(DExperts(expert=experts[0], alpha=0.0, base_top_p=0.8), base)
    assert torch.equal(found, TopP(0.8).process((), logits))
    found, logits = process(ContrastiveDecoding(amateur=experts[0], strength=0.0, plausibility=0.2), base)
    assert torch.equal(found, MinP(0.2).process((), logits))


def test_full_plausibility_is_greedy(base, experts):
    """Only the base's most likely token is as likely as itself."""
    found, logits = process(ContrastiveDecoding(amateur=experts[0], plausibility=1.0), base)
    assert torch.isfinite(found[0, 0]).nonzero().flatten().tolist() == [int(logits[0, 0].argmax())]


def test_dexperts_is_its_formula(base, experts):
    """Within the nucleus of the base, ``z + alpha * (z+ - z-)``, unfiltered on the right."""
    first, second, *_ = experts
    found, logits = process(DExperts(expert=first, antiexpert=second, alpha=1.7, base_top_p=0.9), base)
    expected = logits + 1.7 * (logits_of(first) - logits_of(second))
    kept = torch.isfinite(TopP(0.9).process((), logits))
    torch.testing.assert_close(found[kept], expected[kept])
    assert torch.isneginf(found[~kept]).all()


@pytest.mark.parametrize("side", ["expert", "antiexpert"])
def test_dexperts_with_one_side_is_finite_and_takes_the_base_for_the_other(base, experts, side):
    """The published code gives not-a-number here, as its filter writes into the base."""
    found, logits = process(DExperts(**{side: experts[0]}, alpha=2.0, base_top_p=0.9), base)
    sign = 1 if side == "expert" else -1
    expected = logits + sign * 2.0 * (logits_of(experts[0]) - logits)
    kept = torch.isfinite(found)
    assert not torch.isnan(found).any()
    torch.testing.assert_close(found[kept], expected[kept])


def test_nucleus_is_of_the_legal_tokens(base, experts):
    """With a grammar, the nucleus is never empty of legal tokens."""
    logits = base.language_model.prefill([base.encode(PROMPT)])[1][0, 0]
    legal = logits.argsort()[:3].tolist()
    mask = pack_token_ids(sorted(legal), base.vocabulary.size)[None]
    found, _ = process(DExperts(expert=experts[0], base_top_p=0.5), base, mask=mask)
    assert torch.isfinite(found[0, 0, legal]).any()


def test_proxy_tuning_identities(base, experts):
    """Equal models cancel; a base that is the untuned model becomes the tuned one, exactly."""
    first, second, *_ = experts
    found, logits = process(ProxyTuning(tuned=first, untuned=first), base)
    assert torch.equal(found, logits)
    found, _ = process(ProxyTuning(tuned=second, untuned=first), first)
    torch.testing.assert_close(found, logits_of(second))


def test_pairs_add_up(base, experts):
    """Several pairs are the sum of their differences."""
    a, b, c, d = experts
    found, logits = process(
        DExperts(
            expert=a, antiexpert=b, alpha=0.5, pairs=(ExpertPair(expert=c, antiexpert=d, alpha=-1.5),), base_top_p=1.0
        ),
        base,
    )
    expected = logits + 0.5 * (logits_of(a) - logits_of(b)) - 1.5 * (logits_of(c) - logits_of(d))
    torch.testing.assert_close(found, expected)


def test_raw_logits_and_log_probabilities_combine_to_the_same_law(base, experts):
    """Each log-softmax shifts a row by a constant, whatever the weights sum to."""
    found, logits = process(ProxyTuning(tuned=experts[0], untuned=experts[1], alpha=2.3), base)
    parts = [torch.log_softmax(own.double(), -1) for own in (logits, logits_of(experts[0]), logits_of(experts[1]))]
    expected = parts[0] + 2.3 * (parts[1] - parts[2])
    torch.testing.assert_close(law(found), torch.softmax(expected, -1), atol=1e-6, rtol=1e-5)


def test_classifier_free_is_its_formula(base):
    """``log u + gamma (log z - log u)``; gamma 0 is the law under the negative prompt."""
    found, logits = process(ClassifierFree(gamma=1.5, negative_prompt="dogs"), base)
    negative = logits_of(base, "dogs")
    torch.testing.assert_close(law(found), law(negative + 1.5 * (logits - negative)), atol=1e-6, rtol=1e-5)
    found, _ = process(ClassifierFree(gamma=0.0, negative_prompt="dogs"), base)
    torch.testing.assert_close(found, negative)
    found, logits = process(ClassifierFree(gamma=2.0), base)
    last = base.language_model.prefill([base.encode(PROMPT)[-1:]])[1]
    torch.testing.assert_close(found, 2 * logits - last)


def test_contrastive_decoding_is_its_formula(base, experts):
    """``log p - strength * z / T`` over the plausible tokens."""
    method = ContrastiveDecoding(amateur=experts[0], strength=0.8, amateur_temperature=0.5, plausibility=0.1)
    found, logits = process(method, base)
    kept = law(logits) >= 0.1 * law(logits).amax()
    torch.testing.assert_close(found[kept], (logits - 1.6 * logits_of(experts[0]))[kept])
    assert torch.isneginf(found[~kept]).all()


def test_proxy_tuning_of_a_service_keeps_what_it_tells(base, experts):
    """With k log-probabilities known, k tokens are left, corrected as ever."""
    found, logits = process(ProxyTuning(tuned=experts[0], untuned=experts[1], top_k=5), base)
    known = logits[0, 0].topk(5).indices
    kept = torch.isfinite(found[0, 0])
    assert sorted(kept.nonzero().flatten().tolist()) == sorted(known.tolist())
    full, _ = process(ProxyTuning(tuned=experts[0], untuned=experts[1]), base)
    assert torch.equal(found[0, 0][kept], full[0, 0][kept])


def test_tokens_removed_before_stay_removed(base, experts):
    """Minus infinity never meets another one: no not-a-number after any order of methods."""
    first, second, *_ = experts
    ids = base.encode(PROMPT)
    logits = base.language_model.prefill([ids])[1].index_fill(-1, torch.tensor([5]), float("-inf"))
    for method in (
        DExperts(expert=first, antiexpert=second, alpha=-3.0),
        DExperts(expert=first),
        ClassifierFree(gamma=0.0, negative_prompt="x"),
        ProxyTuning(tuned=first, untuned=second, alpha=-1.0),
        ContrastiveDecoding(amateur=first),
    ):
        bound = method.bind(base)
        found = bound.process([[0]], logits, Context(companion=bound.open([ids])))
        assert not torch.isnan(found).any()
        assert torch.isneginf(found[..., 5]).all()


def test_linear_methods_commute_with_masks_and_biases(base, experts):
    """What adds up logits may come before or after a mask or a bias: the same law."""
    ids = base.encode(PROMPT)
    logits = base.language_model.prefill([ids])[1]
    bias = torch.linspace(-2, 2, logits.shape[-1])
    hidden = torch.arange(logits.shape[-1]) % 3 == 1
    for method in (
        DExperts(expert=experts[0], antiexpert=experts[1], alpha=1.3, base_top_p=1.0),
        ProxyTuning(tuned=experts[2], untuned=experts[3]),
        ModelArithmetic(law=BASE + Term(experts[0]) - Term(experts[1])),
    ):
        bound = method.bind(base)
        context = Context(companion=bound.open([ids]))
        after = (bound.process([[0]], logits, context) + bias).masked_fill(hidden, float("-inf"))
        before = bound.process([[0]], (logits + bias).masked_fill(hidden, float("-inf")), context)
        torch.testing.assert_close(law(before), law(after), atol=1e-6, rtol=1e-5)


def test_settings_out_of_range_are_refused(base, experts):
    """What, where, and the cure."""
    expert = experts[0]
    for make in (
        DExperts,
        lambda: DExperts(expert=expert, base_top_p=0.0),
        lambda: DExperts(expert=expert, alpha=float("nan")),
        lambda: ProxyTuning(tuned=expert, untuned=expert, top_k=0),
        lambda: ContrastiveDecoding(amateur=expert, amateur_temperature=0),
        lambda: ContrastiveDecoding(amateur=expert, plausibility=2.0),
        lambda: ClassifierFree().open([[1]]),
        lambda: ModelArithmetic(law=BASE - Term(expert)).bind(base),
        lambda: DExperts(expert=expert).process([[0]], torch.zeros(1, 1, 99)),
    ):
        with pytest.raises(SteeringError, match=r"got .*expected .*; "):
            make()
