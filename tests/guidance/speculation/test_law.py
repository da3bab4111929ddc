"""Check the law of speculative texts by exact enumeration: vocabulary 8, length 3, chi-square at N = 20,000."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import guidance
from fsm import Vocabulary
from fsm.errors import TokenRejected
from fsm.mask import pack_token_ids
from guidance.decoding import Decoder, Request
from guidance.logits import Companion, Pipeline, Processor, Stage
from guidance.speculation.draft_model import DraftModel
from guidance.speculation.pace import Costs

V, LENGTH, N = 8, 3, 20_000


class Table:
    """Be a language model whose logits are a random function of the last two tokens."""

    logits_size = V
    context_size = 64
    device = torch.device("cpu")

    def __init__(self, seed, spread=1.5):
        self.table = spread * torch.randn(V, V, V, generator=torch.Generator().manual_seed(seed))

    def prefill(self, prompts):
        """Read the prompts."""
        cache = Texts([list(prompt) for prompt in prompts])
        return cache, self._logits(cache.texts, 1)

    def decode_step(self, cache, token_ids, lengths=None, *, num_logits=1):
        """Append."""
        size = token_ids.shape[1]
        lengths = lengths or [size] * len(cache.texts)
        for text, line, length in zip(cache.texts, token_ids.tolist(), lengths, strict=True):
            text.extend(line[size - length :])
        return self._logits(cache.texts, num_logits)

    def _logits(self, texts, num_logits):
        ends = [[0] * (num_logits + 1 - len(text)) + text[-num_logits - 1 :] for text in texts]
        ids = torch.tensor(ends)
        return self.table[ids[:, :-1], ids[:, 1:]]


@dataclass
class Texts:
    """Be a KV cache that remembers the tokens themselves."""

    texts: list[list[int]]
    num_bytes = 0

    def select(self, rows):
        """Keep rows."""
        self.texts = [list(self.texts[row]) for row in rows]

    def drop(self, counts):
        """Forget."""
        self.texts = [text[: len(text) - count] for text, count in zip(self.texts, counts, strict=True)]


class Odd:
    """Be a matcher: after token t, tokens of t's parity and the next two are legal."""

    is_accepting = is_complete = False

    def __init__(self):
        self.tokens = [0]

    def _legal(self):
        last = self.tokens[-1]
        return [token for token in range(V) if token % 2 == last % 2 or token in ((last + 1) % V, (last + 3) % V)]

    def fill_next_token_bitmask(self, mask, index=0):
        """Write."""
        mask[index] = pack_token_ids(self._legal(), V)

    def advance(self, token_id):
        """Move."""
        if token_id not in self._legal():
            raise TokenRejected("no", token_id=token_id)
        self.tokens.append(token_id)

    def rollback(self, num_tokens):
        """Go back."""
        del self.tokens[len(self.tokens) - num_tokens :]

    def shortest_completion(self):
        """Say that an end is near."""
        return 0

    def forced_bytes(self):
        """Force nothing."""
        return b""


class Beside(Companion):
    """Hold an expert's cache."""

    num_bytes = 0

    def __init__(self, table, prompts):
        self.table = table
        self.cache, self.logits = table.prefill(prompts)

    def read(self, token_ids, lengths=None, *, num_logits=1):
        """Read."""
        self.logits = self.table.decode_step(self.cache, token_ids, lengths, num_logits=num_logits)

    def select(self, rows):
        """Keep."""
        self.cache.select(rows)
        self.logits = self.logits[list(rows)]

    def drop(self, counts):
        """Forget."""
        self.cache.drop(counts)

    def fork(self):
        """Copy; nothing here needs it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Expert(Processor):
    """Add an expert's logits."""

    stage: ClassVar[Stage] = Stage.COMBINE
    table: Any

    def open(self, prompts):
        """Read the prompts."""
        return Beside(self.table, prompts)

    def process(self, states, logits, context):
        """Add."""
        return logits + 0.8 * context.companion.logits


@dataclass(frozen=True)
class Repetition(Processor):
    """Take from every token written already."""

    stage: ClassVar[Stage] = Stage.PENALTY

    def start(self, prompt_ids):
        """Begin."""
        return ()

    def advance(self, state, token_id, log_prob):
        """Append."""
        return (*state, token_id)

    def process(self, states, logits, context):
        """Subtract."""
        taken = torch.tensor([[[state.count(token) for token in range(V)] for state in row] for row in states])
        return logits - 1.3 * taken


def exact_law(table, pipeline, is_masked):
    """Return the probability of every text of the length, by the pipeline on each prefix alone."""
    law = {}
    for text in itertools.product(range(V), repeat=LENGTH):
        probability = 1.0
        matcher, states = Odd(), pipeline.start((0, 0))
        for place, token in enumerate(text):
            prefix = [0, 0, *text[:place]]
            companions = pipeline.open([prefix])
            mask = np.zeros((1, 1), dtype=np.int32)
            matcher.fill_next_token_bitmask(mask)
            logits = table.prefill([prefix])[1]
            processed = pipeline.process([[states]], logits, mask if is_masked else None, companions)
            dense = torch.zeros(V, dtype=torch.float64)
            columns = torch.arange(V) if processed.token_ids is None else processed.token_ids[0, 0]
            dense.index_add_(0, columns, torch.softmax(processed.logits[0, 0].double(), -1))
            probability *= float(dense[token])
            if probability == 0.0:
                break
            if is_masked:
                matcher.advance(token)
            states = pipeline.advance(states, token, 0.0)
        law[text] = probability
    return law


CASES = {
    "alone": (guidance.Sampling(seed=5), (), False),
    "composed": (
        guidance.Sampling(seed=6, temperature=0.8, top_p=0.95),
        (Expert(Table(21)), Repetition()),
        True,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_law_of_speculative_texts_is_exact(case):
    """Drafts accepted by their law leave the law what direct sampling has (confirmed ones leave every text)."""
    sampling, processors, is_masked = CASES[case]
    table, draft = Table(1), Table(2, spread=1.0)
    draft.table = 0.6 * table.table + 0.5 * draft.table
    pipeline = Pipeline(sampling, processors)
    vocabulary = Vocabulary([bytes([97 + i]) for i in range(V)])
    model = SimpleNamespace(language_model=table, vocabulary=vocabulary, context_size=64, prefix_cache=None)
    compiled = SimpleNamespace(matcher=Odd) if is_masked else None
    requests = [
        Request(prompt_ids=(0, 0), pipeline=pipeline, max_tokens=LENGTH, compiled=compiled, row=row) for row in range(N)
    ]

    def drafter(model, writer, *, num_rows):
        return DraftModel(draft, writer, V, Costs(), num_tokens=2, most=2, keeps_laws=True)

    decoder = Decoder(model, requests, forces=False, speculate=SimpleNamespace(drafter=drafter))
    for _ in decoder.run():
        pass
    law = exact_law(table, pipeline, is_masked)
    counts = dict.fromkeys(law, 0)
    for row in decoder.rows:
        counts[tuple(row.token_ids)] += 1
    likely = [text for text, p in law.items() if N * p >= 5]
    assert all(counts[text] == 0 for text, p in law.items() if p == 0.0)
    rest = N - sum(counts[text] for text in likely), N * (1 - sum(law[text] for text in likely))
    statistic = sum((counts[text] - N * law[text]) ** 2 / (N * law[text]) for text in likely)
    statistic += (rest[0] - rest[1]) ** 2 / rest[1] if rest[1] > 1 else 0.0
    freedom = len(likely)
    assert statistic < freedom + 4 * (2 * freedom) ** 0.5
    assert statistic > freedom - 5 * (2 * freedom) ** 0.5
    accepted = sum(row.num_accepted for row in decoder.rows)
    assert accepted > 0.3 * sum(row.num_drafted for row in decoder.rows)


def test_acceptance_is_what_the_laws_share():
    """By law, drafts are accepted as often as sum of min(p, q), to three standard deviations."""
    table, draft = Table(3), Table(4)
    model = SimpleNamespace(
        language_model=table,
        vocabulary=Vocabulary([bytes([97 + i]) for i in range(V)]),
        context_size=64,
        prefix_cache=None,
    )
    pipeline = Pipeline(guidance.Sampling(seed=9))
    # The first token comes from the prefill; the second is the only one drafted.
    requests = [Request(prompt_ids=(0, 0), pipeline=pipeline, max_tokens=3, row=row) for row in range(4000)]

    def drafter(model, writer, *, num_rows):
        return DraftModel(draft, writer, V, Costs(), num_tokens=1, most=1, keeps_laws=True)

    decoder = Decoder(model, requests, forces=False, speculate=SimpleNamespace(drafter=drafter))
    run = decoder.run()
    for _ in range(3):
        next(run)
    p, q = (torch.softmax(t.table[0].double(), -1) for t in (table, draft))
    first = torch.softmax(table.table[0, 0].double(), -1)
    expected = float((first[:, None] * torch.minimum(p, q)).sum())
    share = sum(row.num_accepted for row in decoder.rows) / len(requests)
    assert abs(share - expected) < 3 * (expected * (1 - expected) / len(requests)) ** 0.5
