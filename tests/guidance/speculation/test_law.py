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
from guidance.speculation.drafting import Plan
from guidance.speculation.pace import Costs
from guidance.transformer import RowSlots

V, LENGTH, N = 8, 3, 20_000


class Table:
    """Be a language model whose logits are a random function of the last two tokens that a token sees."""

    logits_size = V
    context_size = 64
    device = torch.device("cpu")

    def __init__(self, seed, spread=1.5):
        self.table = spread * torch.randn(V, V, V, generator=torch.Generator().manual_seed(seed))

    def prefill(self, prompts):
        """Read the prompts."""
        cache = Texts(len(prompts))
        longest = max(map(len, prompts))
        padded = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
        return cache, self.decode_step(cache, padded, [len(prompt) for prompt in prompts])

    def decode_step(self, cache, token_ids, lengths=None, *, num_logits=1):
        """Append."""
        positions = cache.slots.append(token_ids.shape[1], lengths, self.device)
        size, end = token_ids.shape[1], cache.slots.num_slots
        if positions is None:
            mask = torch.ones(1, 1, size, end, dtype=torch.bool).tril_(end - size)
            mask = mask.expand(len(token_ids), -1, -1, -1)
        else:
            mask = cache.slots.attention_mask(positions).expand(-1, -1, size, -1)
        return self.decode_branches(cache, token_ids, None, mask)[:, -num_logits:]

    def decode_branches(self, cache, token_ids, positions, mask):
        """Read each token after what its mask shows, in the order of slots."""
        cache.tokens = torch.cat([cache.tokens, token_ids], dim=1)
        if positions is not None:
            seen = mask[:, 0].sum(dim=-1) - 1
            is_real = torch.ones_like(seen, dtype=torch.bool)
            if cache.slots.live is not None:
                is_real = cache.slots.live[:, -seen.shape[1] :]
            assert torch.equal(positions[is_real], seen[is_real])
        places = torch.arange(mask.shape[-1]).expand(mask.shape)[:, 0]
        last = torch.where(mask[:, 0], places, -1).topk(2, dim=-1).values.clamp(min=0)
        ids = cache.tokens[:, None].expand(-1, last.shape[1], -1).gather(2, last)
        return self.table[ids[..., 1], ids[..., 0]]


class Texts:
    """Be a KV cache that remembers the tokens themselves, slot by slot: int64[B, S]."""

    num_bytes = 0

    def __init__(self, num_rows):
        self.slots = RowSlots(num_rows)
        self.tokens = torch.zeros(num_rows, 0, dtype=torch.long)

    @property
    def num_slots(self):
        """Count."""
        return self.slots.num_slots

    def make_room(self, num_new):
        """Need none."""

    def select(self, rows):
        """Keep rows."""
        self.slots.select(rows)
        self.tokens = self.tokens[list(rows)]

    def drop(self, counts):
        """Forget."""
        self.tokens = self.tokens[:, : self.slots.drop(counts, self.tokens.device)]

    def keep(self, kept, num_new):
        """Forget all but some of the last."""
        start = self.slots.num_slots - num_new
        order = self.slots.keep(kept, num_new, self.tokens.device)
        tail = self.tokens[:, start:]
        tail = tail[:, : self.slots.num_slots - start] if order is None else tail.gather(1, order)
        self.tokens = torch.cat([self.tokens[:, :start], tail], dim=1)


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
        numbers = {state: k for k, state in enumerate(dict.fromkeys(state for row in states for state in row))}
        counts = torch.tensor([[state.count(token) for token in range(V)] for state in numbers])
        return logits - 1.3 * counts[torch.tensor([[numbers[state] for state in row] for row in states])]


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

TREES = {"line": (), "bush": (2, 2)}


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("case", CASES)
def test_law_of_speculative_texts_is_exact(case, tree):
    """Drafts accepted by their law leave the law what direct sampling has (confirmed ones leave every text)."""
    sampling, processors, is_masked = CASES[case]
    table, draft = Table(1), Table(2, spread=1.0)
    draft.table = 0.6 * table.table + 0.5 * draft.table
    pipeline = Pipeline(sampling, processors)
    vocabulary = Vocabulary([bytes([97 + i]) for i in range(V)])
    model = SimpleNamespace(language_model=table, vocabulary=vocabulary, context_size=64, prefix_cache=None)
    compiled = SimpleNamespace(matcher=Odd) if is_masked else None
    requests = [
        Request(prompt_ids=(0, 0), pipeline=pipeline, max_tokens=LENGTH + 1, compiled=compiled, row=row)
        for row in range(N)
    ]  # one more than is counted, so that two levels are drafted after the first token

    def drafter(model, writer, *, num_rows):
        return DraftModel(draft, writer, V, costs=Costs(), plan=Plan(num_tokens=2, tree=TREES[tree]), keeps_laws=True)

    decoder = Decoder(model, requests, forces=False, speculate=SimpleNamespace(drafter=drafter))
    for _ in decoder.run():
        pass
    law = exact_law(table, pipeline, is_masked)
    counts = dict.fromkeys(law, 0)
    for row in decoder.rows:
        counts[tuple(row.token_ids[:LENGTH])] += 1
    likely = [text for text, p in law.items() if N * p >= 5]
    assert all(counts[text] == 0 for text, p in law.items() if p == 0.0)
    rest = N - sum(counts[text] for text in likely), N * (1 - sum(law[text] for text in likely))
    statistic = sum((counts[text] - N * law[text]) ** 2 / (N * law[text]) for text in likely)
    statistic += (rest[0] - rest[1]) ** 2 / rest[1] if rest[1] > 1 else 0.0
    freedom = len(likely)
    assert statistic < freedom + 4 * (2 * freedom) ** 0.5
    assert statistic > freedom - 5 * (2 * freedom) ** 0.5
    accepted, rejected = (sum(getattr(row, f"num_{kind}") for row in decoder.rows) for kind in ("accepted", "rejected"))
    assert accepted > 0.5 * (accepted + rejected)


@pytest.mark.parametrize("tree", TREES)
def test_law_of_texts_that_end_is_exact(tree):
    """An end that the draft expects, which nothing may follow, leaves the law of ends as it is."""
    end, size = V - 1, 12_000
    table, draft = Table(7), Table(8)
    draft.table = 0.7 * table.table + 0.4 * draft.table
    table.table[..., end] += 0.8
    vocabulary = Vocabulary([*(bytes([97 + i]) for i in range(end)), b"</s>"], [end], [end])
    model = SimpleNamespace(language_model=table, vocabulary=vocabulary, context_size=64, prefix_cache=None)
    pipeline = Pipeline(guidance.Sampling(seed=3))
    requests = [Request(prompt_ids=(0, 0), pipeline=pipeline, max_tokens=4, row=row) for row in range(size)]

    def drafter(model, writer, *, num_rows):
        plan = Plan(num_tokens=2, tree=TREES[tree])
        return DraftModel(draft, writer, V, costs=Costs(), plan=plan, keeps_laws=True)

    decoder = Decoder(model, requests, forces=False, speculate=SimpleNamespace(drafter=drafter))
    for _ in decoder.run():
        pass
    laws = torch.softmax(table.table.double(), -1)
    for first in range(end):
        after = [row for row in decoder.rows if row.token_ids[:1] == [first]]
        ended = sum(row.token_ids == [first] for row in after)
        chance = float(laws[0, first, end])
        assert abs(ended - len(after) * chance) < 4 * (len(after) * chance * (1 - chance)) ** 0.5


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
        return DraftModel(draft, writer, V, costs=Costs(), plan=Plan(num_tokens=1), keeps_laws=True)

    decoder = Decoder(model, requests, forces=False, speculate=SimpleNamespace(drafter=drafter))
    run = decoder.run()
    for _ in range(3):
        next(run)
    p, q = (torch.softmax(t.table[0].double(), -1) for t in (table, draft))
    first = torch.softmax(table.table[0, 0].double(), -1)
    expected = float((first[:, None] * torch.minimum(p, q)).sum())
    share = sum(row.num_accepted for row in decoder.rows) / len(requests)
    assert abs(share - expected) < 3 * (expected * (1 - expected) / len(requests)) ** 0.5
