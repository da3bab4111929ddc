"""Hold a world so small that every text can be listed: eight tokens, three steps."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import torch

from fsm import Vocabulary, allocate_token_bitmask

SIZE = 8
END = 7
TOKENS = [bytes([97 + token]) for token in range(END)] + [b"</s>"]
VOCABULARY = Vocabulary(TOKENS, eos_token_ids=[END], special_token_ids=[END])


class Texts:
    """Be a KV cache that remembers the tokens themselves."""

    def __init__(self, texts):
        self.texts = texts

    @property
    def num_rows(self):
        """Count."""
        return len(self.texts)

    @property
    def num_bytes(self):
        """Measure."""
        return 8 * sum(len(text) for text in self.texts)

    def select(self, rows):
        """Keep rows."""
        self.texts = [list(self.texts[row]) for row in rows]


class Table:
    """Be a language model whose logits are a random function of the last two tokens."""

    logits_size = SIZE
    context_size = 64
    device = torch.device("cpu")

    def __init__(self, seed, spread=1.5, broken_after=None):
        self.table = spread * torch.randn(SIZE, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))
        self.num_steps = 0
        if broken_after is not None:
            self.table[broken_after] = float("nan")

    def prefill(self, prompts):
        """Read the prompts."""
        cache = Texts([list(prompt) for prompt in prompts])
        return cache, self._logits(cache.texts)

    def decode_step(self, cache, token_ids, lengths=None, *, num_logits=1):
        """Append."""
        self.num_steps += 1
        size = token_ids.shape[1]
        for text, line, length in zip(cache.texts, token_ids.tolist(), lengths or [size] * cache.num_rows, strict=True):
            text.extend(line[size - length :])
        return self._logits(cache.texts)

    def _logits(self, texts):
        ids = torch.tensor([[0, *text][-2:] for text in texts])
        return self.table[ids[:, 0], ids[:, 1]][:, None]


def make_model(table):
    """Return what a decoder needs of a model."""
    return SimpleNamespace(
        language_model=table,
        vocabulary=VOCABULARY,
        context_size=table.context_size,
        prefix_cache=None,
        device=table.device,
        name="tiny",
        forced_runs={},
        encode_text=lambda text: [ord(letter) - 97 for letter in text],
        decode_bytes=lambda tokens: b"".join(TOKENS[token] for token in tokens if token != END),
    )


def next_law(table, pipeline, states, prefix, matcher):
    """Return float64[SIZE]: the processed law after a prefix, computed for it alone."""
    mask = None
    if matcher is not None:
        mask = allocate_token_bitmask(1, SIZE)
        matcher.fill_next_token_bitmask(mask)
    logits = table.prefill([prefix])[1]
    law = pipeline.process([[states]], logits, mask)
    dense = np.zeros(SIZE)
    columns = range(law.logits.shape[-1]) if law.token_ids is None else law.token_ids[0, 0].tolist()
    np.add.at(dense, list(columns), torch.softmax(law.logits[0, 0].double(), -1).numpy())
    return dense, law


def list_texts(table, pipeline, prompt, *, max_tokens, compiled=None):
    """Return {tokens with the end token: log-probability} of every text that decoding can end with."""
    found = {}

    def extend(tokens, states, matcher, total):
        law, processed = next_law(table, pipeline, states, [*prompt, *tokens], matcher)
        for token in np.flatnonzero(law):
            after = total + math.log(law[token])
            if token == END:
                found[(*tokens, END)] = after
                continue
            longer = (*tokens, int(token))
            twin = None
            if matcher is not None:
                twin = matcher.fork()
                twin.advance(int(token))
            is_over = len(longer) == max_tokens or (twin is not None and twin.is_complete)
            if is_over:
                found[longer] = after
                continue
            columns = list(range(SIZE)) if processed.token_ids is None else processed.token_ids[0, 0].tolist()
            drawn = processed.log_prob(0, 0, columns.index(token))
            extend(longer, pipeline.advance(states, int(token), drawn), twin, after)

    extend((), pipeline.start(prompt), None if compiled is None else compiled.matcher(), 0.0)
    return found
