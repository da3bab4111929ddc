"""Check contrast with early layers: its exits, its choice of one, and that rows do not depend on each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import guidance
from fsm.mask import pack_token_ids
from guidance.logits import Context
from guidance.transformer import LlamaCausalLM
from proxy_tuning import DoLa, SteeringError
from proxy_tuning.early_exits import EarlyExits
from tests.proxy_tuning.hugging_face import as_hugging_face

PROMPTS = ["the cat", "in", "another thing, the other"]


@pytest.fixture(scope="module")
def deep(models):
    """Return a model of six layers."""
    return models(11, num_layers=6, name="deep")


def cut(network, num_layers):
    """Return a network that ends after some layers."""
    weights = network.weights
    shape = type(network.shape)(
        **{name: getattr(network.shape, name) for name in network.shape.__slots__} | {"num_layers": num_layers}
    )
    return LlamaCausalLM(
        shape,
        type(weights)(
            embedding=weights.embedding, layers=weights.layers[:num_layers], norm=weights.norm, head=weights.head
        ),
    )


def test_exits_are_networks_that_end_there(deep):
    """Several exits in one pass equal one network each, through prefill and steps."""
    exits = EarlyExits(deep.language_model, (1, 3, 4))
    prompts = [[1, 2, 3], [4, 5]]
    cache, logits = exits.prefill(prompts)
    step = torch.tensor([[6, 7], [8, 9]])
    more = exits.decode_step(cache, step, num_logits=2)
    for place, num_layers in enumerate((1, 3, 4)):
        network = cut(deep.language_model, num_layers)
        own, expected = network.prefill(prompts)
        torch.testing.assert_close(logits[:, :, place], expected)
        torch.testing.assert_close(more[:, :, place], network.decode_step(own, step, num_logits=2))


def slow(mature, exits, legal, plausibility):
    """Return the contrast of one position, column by column, as dictionaries."""

    def law(logits):
        weights = {v: np.exp(logits[v] - max(logits[u] for u in legal)) for v in legal}
        total = sum(weights.values())
        return {v: weight / total for v, weight in weights.items()}

    def divergence(p, q):
        middle = {v: (p[v] + q[v]) / 2 for v in legal}
        return sum(0.5 * x[v] * np.log(x[v] / middle[v]) for x in (p, q) for v in legal)

    p = law(mature)
    q = max((law(early) for early in exits), key=lambda early: divergence(p, early))
    kept = [v for v in legal if p[v] >= plausibility * max(p.values())]
    return {v: np.log(p[v] / q[v]) for v in kept}


@pytest.mark.parametrize("layers", ["low", "high", (2,), (1, 5)])
def test_contrast_equals_a_slow_one(deep, layers):
    """The layer that differs most, the plausible legal tokens, the difference of logarithms."""
    method = DoLa(layers=layers, plausibility=0.05).bind(deep)
    ids = deep.encode("the cat")
    logits = deep.language_model.prefill([ids])[1]
    reader = method.open([ids])
    size = deep.vocabulary.size
    for legal in (list(range(size)), [2, 5, 7, 11, 20]):
        mask = None if len(legal) == size else pack_token_ids(legal, size)[None]
        found = method.process([[None]], logits, Context(mask=mask, companion=reader))[0, 0]
        exits = reader.logits[0, 0].double().tolist()
        expected = slow(logits[0, 0].double().tolist(), exits, legal, 0.05)
        assert sorted(torch.isfinite(found).nonzero().flatten().tolist()) == sorted(expected)
        for token, value in expected.items():
            assert float(found[token]) == pytest.approx(value, abs=1e-4)


def test_rows_do_not_depend_on_their_neighbours(deep):
    """Each row chooses its own layer: a batch gives the texts that single calls give."""
    steer = [DoLa(layers="high")]
    sampling = guidance.Sampling(seed=5, temperature=0.8)
    together = guidance.generate(deep, PROMPTS, steer=steer, sampling=sampling, max_tokens=25)
    for prompt, result in zip(PROMPTS, together, strict=True):
        alone = guidance.generate(deep, prompt, steer=steer, sampling=sampling, max_tokens=25)
        assert result.token_ids == alone.token_ids


def test_what_cannot_be_read_is_refused(deep, models):
    """Layers that are not there, networks of the transformers library, a processor that was never bound."""
    for make, message in (
        (lambda: DoLa(layers=(6,)).bind(deep), r"layers=\(6,\) for a model of 6, .* 1 to 5"),
        (lambda: DoLa().bind(models(2, num_layers=1)), "model of 1"),
        (lambda: DoLa().bind(as_hugging_face(models(2))), "HuggingFaceCausalLM, expected a Llama-like network"),
        (lambda: DoLa(plausibility=0.0), "plausibility=0.0"),
        (lambda: DoLa().open([[1]]), "no model to steer"),
    ):
        with pytest.raises(SteeringError, match=message):
            make()
