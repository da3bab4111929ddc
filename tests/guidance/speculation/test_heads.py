"""Check drafts by block-wise heads: what they guess, that they change no text and no law, and who is refused."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

import guidance
from fsm import Vocabulary
from grammars import regex
from guidance.decoding import Decoder, Request
from guidance.errors import ModelError
from guidance.logits import Pipeline
from guidance.speculation.heads import load_heads
from guidance.transformer import LlamaCausalLM, read_checkpoint
from tests.guidance.conftest import make_network, make_tokenizer
from tests.guidance.decoding.test_companions import Expert
from tests.reference.draft_heads import guess, last_state

PROMPTS = ["the answer is the answer is", "a much longer prompt than the others", "x"]
LAWS = [guidance.Sampling(temperature=0.0), guidance.Sampling(temperature=0.7, top_p=0.9, seed=3, n=2)]
NUM_HEADS, WIDTH, SIZE = 4, 6, 32


def make_heads(num_heads=NUM_HEADS, size=SIZE, scale=0.5):
    """Return the tensors of random heads."""
    generator = torch.Generator().manual_seed(7)
    shapes = {"hidden": (num_heads, WIDTH, size), "token": (num_heads, WIDTH, size)}
    shapes |= {"bias": (num_heads, WIDTH), "out": (num_heads, size, WIDTH)}
    return {name: scale * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def save_model(folder, network, tensors):
    """Write a network and its heads to a folder; return our decoder for it."""
    network.save_pretrained(folder)
    (folder / "heads").mkdir()
    save_file(tensors, folder / "heads" / "heads.safetensors")
    return LlamaCausalLM(*read_checkpoint(folder))


@pytest.fixture(scope="module")
def headed(tmp_path_factory):
    """Return the tiny model with heads of its own, as a folder has them."""
    folder = tmp_path_factory.mktemp("headed")
    return guidance.Model(save_model(folder, make_network(), make_heads()), make_tokenizer(), name=str(folder))


def test_proposals_are_what_the_heads_guess(headed, monkeypatch):
    """Greedy lines and trees: each proposed token is among the likeliest of its head, read from the text anew."""
    from guidance.speculation.head_drafter import HeadDrafter

    network, tensors, seen = make_network(), make_heads(), []
    inner = HeadDrafter.propose

    def noted(self, rows, rooms):
        proposals = inner(self, rows, rooms)
        seen.extend(
            ([*row.request.prompt_ids, *row.token_ids], given) for row, given in zip(rows, proposals, strict=True)
        )
        return proposals

    monkeypatch.setattr(HeadDrafter, "propose", noted)
    for tree in (None, (2, 2)):
        guidance.generate(
            headed, PROMPTS, max_tokens=6, speculate=guidance.Speculation(draft="heads", num_tokens=2, tree=tree)
        )
    proposed = [(text, given) for text, given in seen if given.token_ids]
    assert len(proposed) > 10
    assert any(given.is_tree for _, given in proposed)
    for text, given in proposed[::3]:
        state = last_state(network, text[:-1])
        for place, token in zip(given.parents, given.token_ids, strict=True):
            before = given.token_ids[place - 1] if place else text[-1]
            logits = guess(network, tensors, state, before, given.depths[place] + 1)[:265]
            assert logits[token] >= logits.topk(2 if given.is_tree else 1).values[-1] - 1e-4


@pytest.mark.parametrize("tree", [None, (3, 2, 1)])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("constrained", [False, True])
def test_heads_change_no_text(headed, tree, law, constrained):
    """Ragged rows with steering and a watermark: the same tokens as without drafts."""
    torch.manual_seed(2)
    expert = guidance.Model(make_network(num_layers=1), make_tokenizer()).language_model
    settings = {
        "sampling": law,
        "max_tokens": 31,
        "steer": [Expert(expert, 0.5, headed.vocabulary.size)],
        "watermark": guidance.Watermark(key=b"secret"),
    }
    output = regex("(the|an?|i[ns])( [a-e]{2,9})+x") if constrained else None
    plain = guidance.generate(headed, PROMPTS, output, **settings)
    speculation = guidance.Speculation(draft="heads", num_tokens=3, tree=tree)
    ahead = guidance.generate(headed, PROMPTS, output, speculate=speculation, **settings)
    drafted = 0
    for ours, theirs in zip(ahead, plain, strict=True):
        for one, other in zip(ours if law.n > 1 else [ours], theirs if law.n > 1 else [theirs], strict=True):
            assert (one.token_ids, one.stop_reason) == (other.token_ids, other.stop_reason)
            drafted += one.metrics.num_drafted_tokens
    assert drafted > 0


@pytest.mark.parametrize("tree", [(), (2, 2)])
def test_law_of_texts_by_heads_is_exact(tmp_path, tree):
    """Accepted by their law on a network of 8 tokens: 12,000 texts of three tokens, chi-square by enumeration."""
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"vocab_size": 8, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    config = LlamaConfig(**sizes, num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=32)
    torch.manual_seed(4)
    network = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        network.lm_head.weight.mul_(15)
    ours = save_model(tmp_path, network, make_heads(size=16))
    vocabulary = Vocabulary([bytes([97 + i]) for i in range(8)])
    model = SimpleNamespace(language_model=ours, vocabulary=vocabulary, context_size=32, prefix_cache=None)
    model.name = str(tmp_path)
    pipeline, size = Pipeline(guidance.Sampling(seed=11)), 12_000
    requests = [Request(prompt_ids=(0, 1), pipeline=pipeline, max_tokens=4, row=row) for row in range(size)]
    speculation = guidance.Speculation(draft="heads", num_tokens=2, tree=tree or None, acceptance="rejection")
    decoder = Decoder(model, requests, forces=False, speculate=speculation)
    for _ in decoder.run():
        pass
    texts = list(itertools.product(range(8), repeat=3))
    with torch.inference_mode():
        log_probs = network(torch.tensor([[0, 1, *text] for text in texts])).logits.log_softmax(-1)
    law = {
        text: float(sum(log_probs[k, 1 + i, token] for i, token in enumerate(text)).exp())
        for k, text in enumerate(texts)
    }
    counts = dict.fromkeys(texts, 0)
    for row in decoder.rows:
        counts[tuple(row.token_ids[:3])] += 1
    likely = [text for text in texts if size * law[text] >= 5]
    statistic = sum((counts[text] - size * law[text]) ** 2 / (size * law[text]) for text in likely)
    freedom = len(likely)
    assert abs(statistic - freedom) < 5 * (2 * freedom) ** 0.5
    assert sum(row.num_accepted for row in decoder.rows) > 0


def test_models_without_heads_are_refused_by_name(model, tmp_path):
    """A transformers network, an embedded model without heads, and heads of another size."""
    for other, name in ((model, "tiny"), ("embedded/writer", "embedded/writer")):
        with pytest.raises(ModelError, match=rf"{name}: got draft='heads', but no heads/heads.safetensors.*early-exit"):
            guidance.generate(other, "x", speculate=guidance.Speculation(draft="heads"))
    network = save_model(tmp_path, make_network(), make_heads(size=48))
    with pytest.raises(ModelError, match=r"\(4, 6, 48\).*over hidden states of size 32; train them anew"):
        load_heads(guidance.Model(network, make_tokenizer(), name=str(tmp_path)))
