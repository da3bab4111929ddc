"""Check steering in a world whose laws are closed forms, against those forms and against the table that is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import guidance
from guidance.logits import Context
from proxy_tuning import BASE, Attribute, DExperts, ModelArithmetic, Term
from tests.reference.latent_mixture import PROMPT, Mixture, PerfectClassifier, figures_of

WORLD = Mixture()
NUM_TEXTS, NUM_TOKENS = 1000, 20
KNOWN_TEXTS = 4000


@pytest.fixture(scope="module")
def world_models():
    """Return the base and both experts."""
    return {kind: WORLD.model(kind) for kind in ("base", "+", "-")}


def laws_after(method, base, prefixes):
    """Return the law a method draws from after prefixes of one length, and the prefixes' log-odds."""
    bound = method.bind(base)
    ids = torch.tensor(prefixes)
    cache, logits = base.language_model.prefill([[0]] * len(prefixes))
    companion = bound.open([[0]] * len(prefixes))
    logits = base.language_model.decode_step(cache, ids, num_logits=ids.shape[1]).float()
    companion.read(ids, num_logits=ids.shape[1])
    found = bound.process([range(ids.shape[1])] * len(prefixes), logits, Context(companion=companion))
    return torch.softmax(found, -1).numpy(), WORLD.evidence[ids.numpy()].cumsum(axis=1)


PREFIXES = np.random.default_rng(0).integers(0, 60, (30, 12))


def test_classifier_at_strength_one_is_the_true_conditional(world_models):
    """Bayes: base times posterior is p(token | +), at every prefix, to 1e-6 in float32."""
    method = ModelArithmetic(law=BASE + Attribute(PerfectClassifier(WORLD)))
    found, _ = laws_after(method, world_models["base"], PREFIXES)
    assert np.abs(found - WORLD.laws[0]).max() < 1e-6


@pytest.mark.parametrize("strength", [2.0, 5.0, -1.0])
def test_classifier_at_any_strength_is_its_closed_form(world_models, strength):
    """The law is proportional to the base times the posterior's power."""
    method = ModelArithmetic(law=BASE + strength * Attribute(PerfectClassifier(WORLD)))
    found, odds = laws_after(method, world_models["base"], PREFIXES)
    assert np.abs(found - WORLD.classifier_law(odds, strength)).max() < 1e-6


@pytest.mark.parametrize("alpha", [0.5, 3.2, -3.2])
def test_experts_at_any_strength_are_their_closed_form(world_models, alpha):
    """With exact experts, DExperts is the base times the power of their ratio."""
    method = DExperts(expert=world_models["+"], antiexpert=world_models["-"], alpha=alpha, base_top_p=1.0)
    found, odds = laws_after(method, world_models["base"], PREFIXES)
    assert np.abs(found - WORLD.experts_law(odds, alpha)).max() < 1e-6


def test_mixture_of_laws_by_arithmetic(world_models):
    """Half of each expert, in logarithms, is the geometric mean of their laws."""
    method = ModelArithmetic(law=0.5 * Term(world_models["+"]) + 0.5 * Term(world_models["-"]))
    found, _ = laws_after(method, world_models["base"], PREFIXES)
    mean = np.sqrt(WORLD.laws[0] * WORLD.laws[1])
    assert np.abs(found - mean / mean.sum()).max() < 1e-6


# (method, strength): (share of + texts, perplexity under the base, 1 - TV), from 4,000 texts of 20 tokens
KNOWN = {
    ("experts", 0.5): (0.771, 34.42, 0.946),
    ("experts", 1.0): (0.934, 34.55, 0.880),
    ("experts", 2.0): (1.000, 35.12, 0.723),
    ("experts", -3.2): (0.000, 36.30, 0.534),
    ("classifier", 1.0): (0.767, 34.38, 0.964),
    ("classifier", 5.0): (0.999, 34.48, 0.888),
}


@pytest.mark.parametrize(("kind", "strength"), sorted(KNOWN))
def test_generated_texts_reproduce_the_known_table(world_models, kind, strength):
    """Texts drawn through the whole decoder have the shares, perplexities and distances that are known."""
    if kind == "experts":
        method = DExperts(expert=world_models["+"], antiexpert=world_models["-"], alpha=strength, base_top_p=1.0)
        law = WORLD.experts_law
    else:
        method = ModelArithmetic(law=BASE + strength * Attribute(PerfectClassifier(WORLD)))
        law = WORLD.classifier_law
    sampling = guidance.Sampling(seed=5, n=NUM_TEXTS)
    results = guidance.generate(world_models["base"], PROMPT, steer=[method], sampling=sampling, max_tokens=NUM_TOKENS)
    token_ids = np.array([result.token_ids for result in results])
    figures = figures_of(WORLD, token_ids, lambda odds: law(odds, strength))
    share, perplexity, acceptance = KNOWN[kind, strength]
    deviation = np.sqrt(max(share * (1 - share), 1e-3) * (1 / NUM_TEXTS + 1 / KNOWN_TEXTS))
    assert abs(figures["plus"] - share) < 4 * deviation
    assert figures["perplexity"] == pytest.approx(perplexity, rel=0.04)
    assert figures["acceptance"] == pytest.approx(acceptance, abs=0.01)
