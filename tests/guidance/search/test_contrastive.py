"""Check contrastive search against a twin that reads everything again at every step."""

from __future__ import annotations

import pytest
import torch

import guidance
from grammars import regex
from guidance.decoding import StopReason
from guidance.errors import ModelError
from guidance.search import Contrastive
from guidance.search.hidden import make_hidden_reader
from tests.guidance.search.test_beams import search
from tests.reference.tiny_world import Table

PROMPTS = ["hello", "a much longer prompt than the others", "x"]


def slow_contrastive(model, prompt, *, k, alpha, num_tokens):
    """Return the tokens of the textbook loop, with no cache."""
    network, tokens, start = model.language_model.network, model.encode(prompt), len(model.encode(prompt))

    def read(ids):
        with torch.inference_mode():
            output = network(torch.tensor([ids]), output_hidden_states=True)
        hidden = torch.nn.functional.normalize(output.hidden_states[-1][0], dim=-1)
        return hidden, output.logits[0, -1, : model.vocabulary.size]

    while len(tokens) < start + num_tokens:
        past, logits = read(tokens)
        law = torch.softmax(logits, -1)
        best = None
        for token in law.topk(k).indices.tolist():
            hidden, _ = read([*tokens, token])
            score = (1 - alpha) * law[token] - alpha * (past @ hidden[-1]).max()
            if best is None or score > best[0]:
                best = (score, token)
        tokens.append(best[1])
        if best[1] in model.vocabulary.eos_token_ids:
            return tokens[start:-1]
    return tokens[start:]


@pytest.mark.parametrize(("k", "alpha"), [(4, 0.6), (3, 0.3), (1, 0.6), (4, 0.0)])
def test_contrastive_equals_the_textbook(model, k, alpha):
    """A batch of ragged prompts gives what the loop gives for each."""
    found = guidance.generate(model, PROMPTS, search=Contrastive(k=k, alpha=alpha), max_tokens=10)
    for prompt, result in zip(PROMPTS, found, strict=True):
        assert list(result.token_ids) == slow_contrastive(model, prompt, k=k, alpha=alpha, num_tokens=10)


@pytest.mark.parametrize("settings", [{"k": 1}, {"alpha": 0.0}])
def test_contrastive_without_choice_or_weight_is_greedy(model, settings):
    """k=1 and alpha=0 both are, with a grammar too."""
    for output in (None, regex("(the|in){3} (true|an|er)+!")):
        plain = guidance.generate(model, "hello", output, max_tokens=20)
        found = guidance.generate(model, "hello", output, max_tokens=20, search=Contrastive(**settings))
        assert found.token_ids == plain.token_ids


def test_contrastive_keeps_the_grammar(model):
    """Every text is one of the grammar's, forced runs included."""
    output = regex('{"a": (true|tea|an), "b": (the|in)+}')
    for result in guidance.generate(model, PROMPTS, output, search=Contrastive(), max_tokens=40):
        assert result.stop_reason is StopReason.ACCEPTED
        assert result.metrics.num_forced_tokens > 0


def test_plain_decoder_shows_the_same_states():
    """Reading through an identity for an output layer gives the plain decoder's logits."""
    model = guidance.load("embedded")
    prompt = model.encode("Ada, 36, London")
    reader = make_hidden_reader(model)
    cache, first = reader.prefill([prompt])
    reading = reader.read(cache, torch.tensor([prompt[1:]]), None, num_logits=len(prompt) - 1)
    _, expected = model.language_model.prefill([prompt])
    assert first.hidden.shape[:2] == (1, 1)
    assert torch.allclose(reading.logits[:, -1:], expected, atol=1e-4)


def test_models_that_show_no_states_are_refused():
    """The message says what to use instead."""
    with pytest.raises(ModelError, match=r"shows no hidden states.*search with guidance\.Beams"):
        search(Table(1), Contrastive())
