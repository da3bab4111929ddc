"""Check the processor under generate of encoder-decoder models, whose rows begin at a start token."""

from __future__ import annotations

import pytest
import torch

import guidance
from guidance.adapters.transformers import GrammarLogitsProcessor
from tests.guidance.conftest import make_tokenizer
from tests.guidance.transformer.test_encoder_decoder import bart, t5

END = 264
PROMPTS = ["hello", "a much longer prompt than the others", "x"]


def make_special_tokenizer():
    """Return the tiny tokenizer with two more special tokens: one to start with, one that is forced first."""
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens(["<s>", "<en>"])
    return tokenizer


@pytest.fixture(scope="module", params=[t5, bart])
def guided(request):
    """Return a model of each family."""
    torch.manual_seed(0)
    network = request.param().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    return guidance.Model(network, make_special_tokenizer(), name="seq2seq")


def encode(model):
    """Return the prompts as the encoder reads them: padded on the right, with their end tokens."""
    lines = [[*model.encode(prompt), END] for prompt in PROMPTS]
    width = max(map(len, lines))
    ids = torch.tensor([line + [0] * (width - len(line)) for line in lines])
    mask = torch.tensor([[1] * len(line) + [0] * (width - len(line)) for line in lines])
    return {"input_ids": ids, "attention_mask": mask}


LOOPS = {
    "greedy": {"do_sample": False},
    "samples": {"do_sample": True, "num_return_sequences": 3},
    "beams": {"num_beams": 3, "num_return_sequences": 2},
    "language": {"forced_bos_token_id": 266},
    "language, drawn beams": {"forced_bos_token_id": 266, "num_beams": 2, "do_sample": True},
    "forced end": {"forced_eos_token_id": END},
}


@pytest.mark.parametrize("loop", sorted(LOOPS))
def test_every_text_is_accepted(guided, case, loop):
    """The start token is the prompt; a token that the model is made to begin with is no part of the output."""
    processor = GrammarLogitsProcessor(guided, case.output)
    torch.manual_seed(0)
    settings = {"max_new_tokens": 70, "eos_token_id": END, "pad_token_id": 0, **LOOPS[loop]}
    sequences = guided.language_model.network.generate(**encode(guided), **settings, logits_processor=[processor])
    assert len(sequences) == 3 * settings.get("num_return_sequences", 1)
    for line in sequences.tolist():
        assert line[0] == END  # the decoder's start token
        body = line[1 : line.index(END, 1)]
        if "forced_bos_token_id" in settings:
            assert body.pop(0) == 266
        assert not {265, 266} & set(body)
        assert case.accepts(guided.decode(body))
    assert len(processor.values(sequences)) == len(sequences)


def test_greedy_equals_our_own_loop(guided, case):
    """Every prompt alone, as the encoder reads it."""
    network = guided.language_model.network
    for prompt in PROMPTS:
        ids = torch.tensor([[*guided.encode(prompt), END]])
        processor = GrammarLogitsProcessor(guided, case.output)
        line = network.generate(
            ids, max_new_tokens=70, eos_token_id=END, pad_token_id=0, do_sample=False, logits_processor=[processor]
        )[0, 1:].tolist()
        result = guidance.generate(guided, prompt, case.output, max_tokens=70)
        assert tuple(line[: line.index(END)]) == result.token_ids
