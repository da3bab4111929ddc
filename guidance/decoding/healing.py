"""Heal the end of a prompt: take its last tokens back where the next text may run on into them.

A prompt is cut into tokens where its text happens to end, and a model has hardly ever seen a word cut there: after
``http`` and ``:`` it will not write ``//``, because ``://`` is one token. So the last tokens are taken back, down to
the first place from which some token reaches beyond the prompt, and drawn anew, among all ways to spell the bytes that
were taken back and what may follow them.

The law of what is drawn is exact: a way to spell has the product of its tokens' probabilities, over the sum of all of
them, which is the model's law of the text given the *bytes* of the prompt behind the tokens that stay (B. Phan, M.
Havasi, M. Muckley, K. Ullrich, "Exact byte-level probabilities from tokenized language models", 2024: the covers of
section 3). Masking step by step would not give it: it forgets how likely the rest is while it chooses the beginning.

Temperature and steering take part in every token's probability; truncation and watermarks begin behind the prompt, and
greedy takes the most probable way at temperature 1. Ways less than ``SMALLEST`` as probable as the best are left out.
Cost: one model call for each token in the longest way that counts, usually two or three, over what is taken back only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fsm.compiled import Compiled
from fsm.parts.continued import Continued
from fsm.parts.extensions import iterate_beginnings, list_extensions
from fsm.tokens.tables import vocabulary_tables
from guidance.decoding.request import Request
from guidance.errors import PromptError
from guidance.kv_cache import Prefill
from guidance.logits.base import Processor
from guidance.logits.pipeline import Pipeline
from guidance.model import Model
from guidance.sampling import Sampling

__all__ = ["Healed", "Healing", "find_healing", "heal_requests"]

HEALING = 1 << 22
"""A stream of random numbers of its own."""
SMALLEST = 1e-9
MOST_NODES = 64
"""Spellings read at once; more than so many are cut to the most probable ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """Hold one way to spell what was taken back.

    prompt_ids : the tokens that stay, and those drawn.
    head : what the last of them adds to the prompt's text: the first bytes of the output.
    log_prob : of this way among all.
    """

    prompt_ids: tuple[int, ...]
    head: bytes
    log_prob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Healing:
    """Hold all ways to spell the end of a prompt that count.

    kept : the tokens that stay.
    ways : the tokens after them, and what they add to the prompt's text.
    log_probs : float64[N]   natural log-probability of each way
    """

    kept: tuple[int, ...]
    ways: tuple[tuple[tuple[int, ...], bytes], ...]
    log_probs: NDArray[np.float64]

    def draw(self, uniform: float, *, is_greedy: bool = False) -> Healed:
        """Return one way, by a uniform random number; the most probable one where greedy."""
        if is_greedy:
            index = int(self.log_probs.argmax())
        else:
            running = np.exp(self.log_probs).cumsum()
            index = min(int(np.searchsorted(running, uniform * running[-1], side="right")), len(running) - 1)
        token_ids, head = self.ways[index]
        return Healed(prompt_ids=self.kept + token_ids, head=head, log_prob=float(self.log_probs[index]))


def find_healing(
    model: Model, prompt_ids: Sequence[int], compiled: Compiled | None, pipeline: Pipeline
) -> Healing | None:
    """Return the ways to spell a prompt's end; None where no token reaches beyond it.

    Parameters
    ----------
    model : the model.
    prompt_ids : the prompt.
    compiled : the grammar of the output; None for free text.
    pipeline : the law of single tokens, without truncation (`Pipeline`).
    """
    end = _End(model, prompt_ids, compiled)
    if not end.taken:
        return None
    search = _Search(model, pipeline, end)
    search.run()
    weights = np.array(search.weights)
    total = weights.max() + math.log(np.exp(weights - weights.max()).sum())
    return Healing(kept=end.kept, ways=tuple(search.ways), log_probs=weights - total)


class _End:
    """Find what to take back: tokens from the first place on from which some token reaches beyond the prompt.

    kept, taken : the tokens that stay, the bytes of the others.
    reaching : by number of bytes before the end: the tokens that begin there and reach beyond, as the grammar allows.
    """

    def __init__(self, model: Model, prompt_ids: Sequence[int], compiled: Compiled | None) -> None:
        vocabulary = model.vocabulary if compiled is None else compiled.vocabulary
        silent = {*model.vocabulary.special_token_ids, *model.vocabulary.eos_token_ids}
        longest = vocabulary_tables(vocabulary).trie.max_depth
        pieces: list[bytes] = []
        # One token stays, for a model must read something.
        for token in reversed(prompt_ids[1:]):
            if token in silent or sum(map(len, pieces)) >= longest:
                break
            pieces.append(model.vocabulary.token_bytes[token])
        text = b"".join(reversed(pieces))
        self.reaching: dict[int, list[int]] = {}
        for size in range(1, min(len(text), longest - 1) + 1):
            found = list_extensions(vocabulary, text[-size:], compiled)
            if found:
                self.reaching[size] = found
        count, size = 0, 0
        while self.reaching and size < max(self.reaching):
            size += len(pieces[count])
            count += 1
        self.vocabulary = vocabulary
        self.kept = tuple(prompt_ids[: len(prompt_ids) - count])
        self.taken = text[len(text) - size :]


@dataclass(frozen=True, slots=True)
class _Node:
    """Hold the beginning of a way: its tokens, how many bytes they spell, their weight, the processors' states."""

    token_ids: tuple[int, ...]
    size: int
    weight: float
    states: tuple[Any, ...]


class _Search:
    """Weigh every way, token by token: all beginnings of so many tokens are read at once."""

    def __init__(self, model: Model, pipeline: Pipeline, end: _End) -> None:
        self.ways: list[tuple[tuple[int, ...], bytes]] = []
        self.weights: list[float] = []
        self._model = model
        self._pipeline = pipeline
        self._end = end
        self._best = -math.inf

    def run(self) -> None:
        """Follow all beginnings to their ends."""
        level = [_Node((), 0, 0.0, self._pipeline.start(self._end.kept))]
        while level:
            laws = self._laws(level)
            below: list[_Node] = []
            for node, law in zip(level, laws, strict=True):
                below += self._follow(node, law)
            least = max([self._best, *(node.weight for node in below)]) + math.log(SMALLEST)
            below = sorted((node for node in below if node.weight >= least), key=lambda node: -node.weight)
            level = below[:MOST_NODES]

    def _laws(self, level: Sequence[_Node]) -> NDArray[np.float64]:
        """Return the log-probabilities of the next token: float64[N, V]."""
        lines = [self._end.kept + node.token_ids for node in level]
        prefill = Prefill(self._model.language_model, lines, prefixes=self._model.prefix_cache)
        prefill.finish()
        assert prefill.logits is not None
        logits = prefill.logits[:, -1:, : self._model.vocabulary.size]
        law = self._pipeline.process([[node.states] for node in level], logits, None, self._pipeline.open(lines))
        found: NDArray[np.float64] = torch.log_softmax(law.logits[:, 0].double(), dim=-1).cpu().numpy()
        return found

    def _follow(self, node: _Node, law: NDArray[np.float64]) -> list[_Node]:
        """Add the ways that end with the next token; return the beginnings that do not."""
        rest = self._end.taken[node.size :]
        table = self._end.vocabulary.token_bytes
        below = []
        for token, size in iterate_beginnings(self._end.vocabulary, rest):
            weight = node.weight + float(law[token])
            if size == len(rest):
                self._add(node, token, b"", weight)
            elif weight > -math.inf:
                states = self._pipeline.advance(node.states, token, float(law[token]))
                below.append(_Node((*node.token_ids, token), node.size + size, weight, states))
        for token in self._end.reaching.get(len(rest), ()):
            self._add(node, token, table[token][len(rest) :], node.weight + float(law[token]))
        return below

    def _add(self, node: _Node, token: int, head: bytes, weight: float) -> None:
        if weight > -math.inf:
            self.ways.append(((*node.token_ids, token), head))
            self.weights.append(weight)
            self._best = max(self._best, weight)


def heal_requests(model: Model, requests: Sequence[Request], steer: Sequence[Processor] = ()) -> list[Request]:
    """Return requests whose prompts end with tokens drawn anew, where the output may run on into them.

    Parameters
    ----------
    model : the model.
    requests : what to produce; each draws its own way, those with one prompt share the search.
    steer : the processors that take part in a token's probability.

    Raises
    ------
    PromptError : a grammar is none of ours.
    """
    known: dict[tuple[int, ...], Healing | None] = {}
    healed = []
    for request in requests:
        sampling = request.pipeline.sampling
        compiled = request.compiled
        if compiled is not None and not isinstance(compiled, Compiled):
            raise PromptError(
                f"heal: got a {type(compiled).__name__} as the compiled grammar, expected fsm.Compiled, which can be "
                "asked byte by byte; leave heal off for grammars of your own"
            )
        if request.prompt_ids not in known:
            temperature = 1.0 if sampling.is_greedy else sampling.temperature
            pipeline = Pipeline(Sampling(temperature=temperature), steer, model=model)
            known[request.prompt_ids] = find_healing(model, request.prompt_ids, compiled, pipeline)
        found = known[request.prompt_ids]
        if found is None:
            healed.append(request)
            continue
        way = found.draw(request.uniform(0, attempt=HEALING), is_greedy=sampling.is_greedy)
        after = None if compiled is None else Continued(compiled, way.head)
        healed.append(replace(request, prompt_ids=way.prompt_ids, head=way.head, compiled=after))
    return healed
