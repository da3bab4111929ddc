"""Check that what is computed beside the model stays in step with it: ragged rows, forced runs, rows that leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch

import guidance
from guidance.errors import BudgetError
from guidance.logits import Companion, Processor, Stage

TEXTS = ("the true answer", "the answer is here", "never", "then")
PROMPTS = ["hello", "a much longer prompt than the others", "x", "hello"]


class Beside(Companion):
    """Hold an expert's cache, its logits, and the texts it should have read."""

    def __init__(self, language_model, cache, logits, texts):
        self.language_model, self.cache, self.logits, self.texts = language_model, cache, logits, texts

    @property
    def num_bytes(self):
        """Return the cache's bytes."""
        return self.cache.num_bytes

    def read(self, token_ids, lengths=None, *, num_logits=1):
        """Read on."""
        self.logits = self.language_model.decode_step(self.cache, token_ids, lengths, num_logits=num_logits)
        for row, text in enumerate(self.texts):
            length = token_ids.shape[1] if lengths is None else lengths[row]
            text.extend(token_ids[row, token_ids.shape[1] - length :].tolist())

    def select(self, rows):
        """Keep these rows."""
        self.cache.select(rows)
        self.logits = self.logits[list(rows)]
        self.texts = [list(self.texts[row]) for row in rows]

    def drop(self, counts):
        """Forget."""
        self.cache.drop(counts)
        self.texts = [text[: len(text) - count] for text, count in zip(self.texts, counts, strict=True)]

    def fork(self):
        """Copy."""
        return Beside(self.language_model, self.cache.fork(), self.logits, [list(text) for text in self.texts])


@dataclass(frozen=True)
class Expert(Processor):
    """Add the logits of another network, read through a companion."""

    stage: ClassVar[Stage] = Stage.COMBINE
    language_model: Any
    weight: float
    size: int

    def open(self, prompts):
        """Read the prompts."""
        cache, logits = self.language_model.prefill(prompts)
        return Beside(self.language_model, cache, logits, [list(prompt) for prompt in prompts])

    def process(self, states, logits, context):
        """Add, and check that the companion's rows are these rows."""
        assert context.companion.logits.shape[:2] == logits.shape[:2]
        return logits + self.weight * context.companion.logits[..., : self.size]


@dataclass(frozen=True)
class Twin(Processor):
    """Do the same without a cache: the state is the text, read whole at every step."""

    stage: ClassVar[Stage] = Stage.COMBINE
    language_model: Any
    weight: float
    size: int

    def start(self, prompt_ids):
        """Begin with the prompt."""
        return tuple(prompt_ids)

    def advance(self, state, token_id, log_prob):
        """Append."""
        return (*state, token_id)

    def process(self, states, logits, context):
        """Add what a fresh prefill gives."""
        added = [[self.language_model.prefill([list(text)])[1][0, -1] for text in row] for row in states]
        return logits + self.weight * torch.stack([torch.stack(row) for row in added])[..., : self.size]


@pytest.fixture(scope="module")
def expert():
    """Return another random network over the same tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from guidance.transformer import HuggingFaceCausalLM

    torch.manual_seed(11)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    network = LlamaForCausalLM(LlamaConfig(vocab_size=280, num_key_value_heads=1, **sizes))
    with torch.no_grad():
        network.lm_head.weight.mul_(20)
    return HuggingFaceCausalLM(network)


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("sampling", [guidance.Sampling(temperature=0.0), guidance.Sampling(seed=4, n=2)])
def test_companions_equal_their_uncached_twin(model, expert, finite_grammar, constrained, sampling):
    """With rows of unequal prompts that end at different times, and with forced runs, every text is the twin's."""
    output = finite_grammar(TEXTS) if constrained else None
    size = model.vocabulary.size
    results = [
        guidance.generate(model, PROMPTS, output, sampling=sampling, max_tokens=20, stop="e", steer=[steer])
        for steer in (Expert(expert, 0.7, size), Twin(expert, 0.7, size))
    ]
    for ours, twins in zip(*results, strict=True):
        rows = zip(ours, twins, strict=True) if sampling.n > 1 else [(ours, twins)]
        for one, other in rows:
            assert one.token_ids == other.token_ids
            assert one.log_probs == pytest.approx(other.log_probs, abs=1e-3)
    plain = guidance.generate(model, PROMPTS, output, sampling=sampling, max_tokens=20, stop="e")
    assert str(plain) != str(results[0])


def test_companions_draw_again_within_the_budget(model, expert, finite_grammar):
    """A draw that leads too far is drawn again with every row's companion beside it."""
    texts = tuple(letter * length for letter in "abcdefgh" for length in (3, 30))
    steer = [Expert(expert, 1.0, model.vocabulary.size)]
    sampling = guidance.Sampling(seed=1, n=12)
    results = guidance.generate(model, "hello", finite_grammar(texts), sampling=sampling, max_tokens=5, steer=steer)
    assert all(result.text in texts for result in results)
    with pytest.raises(BudgetError):
        guidance.generate(model, "hello", finite_grammar(("abcdef",)), max_tokens=5, steer=steer)
