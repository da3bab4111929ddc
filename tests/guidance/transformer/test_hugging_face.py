"""Check the cached path against the network without a cache."""

from __future__ import annotations

import pytest
import torch

from guidance.errors import ModelError
from guidance.transformer import HuggingFaceCausalLM


def llama(**changes):
    """Return a tiny random Llama."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return build(LlamaConfig, LlamaForCausalLM, num_key_value_heads=2, **changes)


def mistral_with_window(**changes):
    """Return a tiny random Mistral whose window is shorter than the texts."""
    from transformers import MistralConfig, MistralForCausalLM

    return build(MistralConfig, MistralForCausalLM, num_key_value_heads=2, sliding_window=6, **changes)


def gemma3(**changes):
    """Return a tiny random Gemma 3: layers with and without a window."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    kinds = ["sliding_attention", "full_attention"]
    return build(
        Gemma3TextConfig, Gemma3ForCausalLM, num_key_value_heads=2, sliding_window=6, head_dim=8, layer_types=kinds
    )


def gpt2(**changes):
    """Return a tiny random GPT-2: learned positions."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=4, n_positions=64, **changes)
    return GPT2LMHeadModel(config).eval()


def build(config_class, model_class, **changes):
    """Return a tiny model of one class."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = config_class(vocab_size=50, max_position_embeddings=64, **sizes, **changes)
    return model_class(config).eval()


PROMPTS = [[1, 2, 3, 4, 5, 6, 7], [8, 9], [10, 11, 12, 13]]


def plain(network, token_ids):
    """Return the logits after a text, computed without a cache."""
    with torch.inference_mode():
        return network(torch.tensor([token_ids])).logits[0, -1]


@pytest.mark.parametrize("make", [llama, mistral_with_window, gemma3, gpt2])
def test_ragged_batch_equals_the_plain_forward(make):
    """Prefill, steps of unequal lengths, and dropped rows all give the logits of the text alone."""
    network = make()
    model = HuggingFaceCausalLM(network)
    texts = [list(prompt) for prompt in PROMPTS]
    cache, logits = model.prefill(PROMPTS)
    for row, text in enumerate(texts):
        torch.testing.assert_close(logits[row, -1], plain(network, text), atol=1e-5, rtol=1e-4)
    steps = [[[20], [21], [22]], [[23, 24, 25], [26], [27, 28]], [[29], [30], [31]]]
    for step in steps:
        longest = max(map(len, step))
        padded = torch.tensor([[0] * (longest - len(new)) + new for new in step])
        logits = model.decode_step(cache, padded, [len(new) for new in step])
        for row, new in enumerate(step):
            texts[row] += new
            torch.testing.assert_close(logits[row, -1], plain(network, texts[row]), atol=1e-5, rtol=1e-4)
    cache.select([2, 0])
    logits = model.decode_step(cache, torch.tensor([[40], [41]]))
    for row, text in enumerate([[*texts[2], 40], [*texts[0], 41]]):
        torch.testing.assert_close(logits[row, -1], plain(network, text), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("make", [llama, mistral_with_window, gemma3, gpt2])
def test_single_row_equals_the_plain_forward(make):
    """Without padding no mask is passed, and windows still hold."""
    network = make()
    model = HuggingFaceCausalLM(network)
    text = list(PROMPTS[0])
    cache, logits = model.prefill([text])
    for new in ([1], [2, 3, 4], [5], [6, 7], [8] * 9):
        text += new
        logits = model.decode_step(cache, torch.tensor([new]), [len(new)])
        torch.testing.assert_close(logits[0, -1], plain(network, text), atol=1e-5, rtol=1e-4)


def test_cache_forks_selects_and_crops():
    """A fork is independent, a row may be selected twice, and a crop forgets."""
    network = llama()
    model = HuggingFaceCausalLM(network)
    cache, _ = model.prefill(PROMPTS[:2])
    fork = cache.fork()
    model.decode_step(cache, torch.tensor([[1, 2], [3, 4]]))
    cache.crop(fork.num_slots)
    assert cache.num_slots == fork.num_slots == 7
    assert cache.num_bytes == fork.num_bytes > 0
    cache.select([0, 0, 1, 1])
    assert cache.num_rows == 4
    logits = model.decode_step(cache, torch.tensor([[5], [6], [7], [8]]))
    for row, text in enumerate([[*PROMPTS[0], 5], [*PROMPTS[0], 6], [*PROMPTS[1], 7], [*PROMPTS[1], 8]]):
        torch.testing.assert_close(logits[row, -1], plain(network, text), atol=1e-5, rtol=1e-4)
    assert fork.num_slots == 7


def test_every_position_has_logits_on_request():
    """Speculation reads several positions of one step."""
    network = llama()
    model = HuggingFaceCausalLM(network)
    cache, _ = model.prefill([PROMPTS[0]])
    logits = model.decode_step(cache, torch.tensor([[1, 2, 3]]), num_logits=3)
    for position in range(3):
        text = [*PROMPTS[0], *[1, 2, 3][: position + 1]]
        torch.testing.assert_close(logits[0, position], plain(network, text), atol=1e-5, rtol=1e-4)


def test_model_refuses_an_encoder():
    """A BERT without a head is not a causal language model."""
    from transformers import BertConfig, BertModel

    config = BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=50)
    with pytest.raises(ModelError, match="AutoModelForCausalLM"):
        HuggingFaceCausalLM(BertModel(config))
