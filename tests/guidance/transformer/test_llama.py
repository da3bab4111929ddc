"""Check the plain decoder against transformers on the same weights."""

from __future__ import annotations

import json

import pytest
import torch

from guidance.transformer import HuggingFaceCausalLM, LlamaCausalLM, read_checkpoint
from guidance.transformer.llama_weights import read_shape

PROMPTS = [[1, 2, 3, 4, 5, 6, 7], [8, 9], [10, 11, 12, 13]]
STEPS = [[[20], [21], [22]], [[23, 24, 25], [26], [27, 28]], [[29], [30], [31]]]


def make(family, **changes):
    """Return a tiny random network of one family, biases and norms included."""
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        **{"num_key_value_heads": 2, "max_position_embeddings": 64, **changes},
    )
    network = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name or "bias" in name:
                parameter.normal_(1.0 if "norm" in name else 0.0, 0.3)
    return network


FAMILIES = [
    ("Llama", {}),
    ("Llama", {"tie_word_embeddings": True, "rope_theta": 500.0, "num_key_value_heads": 4}),
    ("Llama", {"head_dim": 16, "num_key_value_heads": 1, "attention_bias": True}),
    ("Mistral", {"sliding_window": None}),
    ("Qwen2", {}),
    ("Qwen3", {"head_dim": 16}),
]


@pytest.mark.parametrize("static_cache", [None, 16])
@pytest.mark.parametrize(("family", "changes"), FAMILIES)
def test_plain_decoder_equals_transformers(family, changes, static_cache, tmp_path):
    """Ragged prefills and steps give the same logits to 1e-4."""
    network = make(family, **changes)
    network.save_pretrained(tmp_path)
    expected = HuggingFaceCausalLM(network)
    model = LlamaCausalLM(*read_checkpoint(tmp_path), static_cache=static_cache)
    assert (model.logits_size, model.context_size) == (expected.logits_size, static_cache or expected.context_size)
    theirs, their_logits = expected.prefill(PROMPTS)
    ours, our_logits = model.prefill(PROMPTS)
    torch.testing.assert_close(our_logits, their_logits, atol=1e-4, rtol=1e-4)
    for step in STEPS:
        longest = max(map(len, step))
        padded = torch.tensor([[0] * (longest - len(new)) + new for new in step])
        lengths = [len(new) for new in step]
        our_logits = model.decode_step(ours, padded, lengths)
        torch.testing.assert_close(our_logits, expected.decode_step(theirs, padded, lengths), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("static_cache", [None, 300])
def test_plain_cache_forks_selects_crops_and_grows(static_cache, tmp_path):
    """The cache keeps what it is told to, past its first capacity."""
    make("Llama", max_position_embeddings=512).save_pretrained(tmp_path)
    model = LlamaCausalLM(*read_checkpoint(tmp_path), static_cache=static_cache)
    text = list(range(1, 40)) * 5
    cache, logits = model.prefill([text])
    fork = cache.fork()
    model.decode_step(cache, torch.tensor([[1, 2, 3]]))
    cache.crop(fork.num_slots)
    torch.testing.assert_close(
        model.decode_step(cache, torch.tensor([[4]])), model.decode_step(fork, torch.tensor([[4]]))
    )
    cache.select([0, 0])
    for token in range(40):
        logits = model.decode_step(cache, torch.tensor([[token], [token + 1]]))
    whole = model.prefill([[*text, 4, *range(40)]])[1]
    torch.testing.assert_close(logits[0], whole[0], atol=1e-4, rtol=1e-4)
    cache, _ = model.prefill([text[:5]])
    several = model.decode_step(cache, torch.tensor([[7, 8, 9]]), num_logits=3)
    torch.testing.assert_close(several[:, -1:], model.prefill([[*text[:5], 7, 8, 9]])[1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "gemma2"},
        {"rope_parameters": {"rope_type": "yarn", "factor": 4.0}},
        {"hidden_act": "gelu"},
        {"sliding_window": 4, "model_type": "mistral"},
        {"mlp_bias": True},
    ],
)
def test_plain_decoder_leaves_other_networks_to_transformers(change):
    """What it does not compute exactly it does not take."""
    config = json.loads(make("Llama").config.to_json_string()) | change
    assert read_shape(config) is None
