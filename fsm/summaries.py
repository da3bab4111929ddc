"""Summarise heavy character states once per vocabulary, so that no mask walks a whole trie twice.

Inside a JSON string nearly every token fits. Which tokens stay inside, and which close the string and how they go on,
depends only on the automaton and its state: that is the summary. Only the continuations after a close depend on the
grammar around it. Cost: one walk of the trie (1 to 2 ms for 128,000 tokens) per state of an automaton, shared by every
grammar that has an equal automaton; bounded in bytes.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fsm._kernels import NEED, R_FREE, R_NEED, R_NODE, R_TOUCHED, summary_kernel
from fsm.automata.dfa import Dfa
from fsm.dfa_states import CharStates
from fsm.layout import KIND, STUB, UNBOUNDED
from fsm.network import Network
from fsm.tables import QuoteEndings, VocabularyTables, vocabulary_tables
from fsm.vocabulary import Vocabulary

__all__ = ["Exits", "Summaries", "Summary", "summaries_of"]

# Automata whose networks are kept for further summaries.
MAX_SCRATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """List the tokens that close the string, by what follows the quote.

    tokens : int32[P]   grouped by ending
    counts : int32[P]   characters before the quote
    starts : int32[E + 1]  the tokens with ending e are ``starts[e]:starts[e + 1]``
    """

    tokens: NDArray[np.int32]
    counts: NDArray[np.int32]
    starts: NDArray[np.int32]


@dataclass(slots=True, kw_only=True)
class Summary:
    """Hold what one automaton state does to every token.

    base  : int32[W]   tokens that stay inside the string
    inside, needs : int32[n]   those tokens and the characters each needs at least, ascending by need
    exits : the tokens that close the string
    """

    base: NDArray[np.int32]
    inside: NDArray[np.int32]
    needs: NDArray[np.int32]
    exits: Exits
    limited: dict[int, NDArray[np.int32]] = field(default_factory=dict)

    @property
    def memory_bytes(self) -> int:
        """Count the bytes held."""
        rows = (1 + len(self.limited)) * self.base.nbytes
        return rows + self.inside.nbytes + self.needs.nbytes + 2 * self.exits.tokens.nbytes + self.exits.starts.nbytes

    def base_for(self, high: int) -> NDArray[np.int32]:
        """Return the tokens that stay inside when at most ``high`` more characters are permitted."""
        if high == UNBOUNDED or len(self.needs) == 0 or high >= self.needs[-1]:
            return self.base
        row = self.limited.get(high)
        if row is None:
            over = self.inside[np.searchsorted(self.needs, high, side="right") :]
            row = self.base.copy()
            np.bitwise_and.at(row.view(np.uint32), over >> 5, ~(np.uint32(1) << (over & 31).astype(np.uint32)))
            self.limited[high] = row
        return row


class Summaries:
    """Keep the summaries of one vocabulary, the least recently used dropped beyond ``max_bytes``."""

    def __init__(self, tables: VocabularyTables, max_bytes: int = 24_000_000) -> None:
        self.tables = tables
        self.max_bytes = max_bytes
        self.longest = tables.trie.max_depth
        self.memory_bytes = 0
        self._scratch: OrderedDict[tuple[object, bool], tuple[Network, CharStates]] = OrderedDict()
        self._kept: OrderedDict[tuple[object, object, bool], Summary] = OrderedDict()

    def get(self, dfa: Dfa, automaton_state: int, *, counted: bool) -> Summary:
        """Return the summary of a state, built on first use; ``counted`` ones know how long the way on is."""
        near = dfa.near_key(automaton_state, self.longest)
        key = (dfa.key, near, counted)
        summary = self._kept.get(key)
        if summary is not None:
            self._kept.move_to_end(key)
            return summary
        network, owner = self._scratch_for(dfa, counted=counted)
        summary = build_summary(self.tables, network, owner, automaton_state)
        self._kept[key] = summary
        self.memory_bytes += summary.memory_bytes
        while self.memory_bytes > self.max_bytes and len(self._kept) > 1:
            self.memory_bytes -= self._kept.popitem(last=False)[1].memory_bytes
        return summary

    def _scratch_for(self, dfa: Dfa, *, counted: bool) -> tuple[Network, CharStates]:
        """Return a network of the automaton alone, kept while its states are being summarised."""
        key = (dfa.key, counted)
        found = self._scratch.get(key)
        if found is None:
            network = Network()
            found = self._scratch[key] = (network, CharStates(network, dfa, counted=counted))
            if len(self._scratch) > MAX_SCRATCH:
                self._scratch.popitem(last=False)
        return found


def summaries_of(vocabulary: Vocabulary) -> Summaries:
    """Return the summaries kept with a vocabulary."""
    summaries = vocabulary.__dict__.get("_summaries")
    if summaries is None:
        summaries = vocabulary.__dict__["_summaries"] = Summaries(vocabulary_tables(vocabulary))
    return summaries


def build_summary(tables: VocabularyTables, network: Network, owner: CharStates, automaton_state: int) -> Summary:
    """Walk the whole trie once from one automaton state."""
    start = owner.state(network, automaton_state)
    if network.states[start, KIND] == STUB:
        network.expand(start)
    nodes, characters = tables.trie.nodes, tables.characters
    # Only counters ask how many characters a token needs.
    num_tokens, num_quotes = tables.vocabulary.size if owner.counted else 0, len(tables.endings.nodes)
    mask = np.zeros(tables.num_words, np.int32)
    inside, needs = np.empty(num_tokens, np.int32), np.empty(num_tokens, np.int32)
    exits, counts = np.empty(num_quotes, np.int32), np.empty(num_quotes, np.int32)
    path = np.zeros((tables.trie.max_depth + 1, 2), np.int64)
    path[0, 0] = start
    regs = network.regs
    regs[R_NODE] = regs[R_TOUCHED] = regs[R_FREE] = 0
    while True:
        count = summary_kernel(
            network.states, network.edges, regs, path, nodes, characters, tables.trie.duplicates, mask, inside, needs,
            exits, counts,
        )  # fmt: skip
        if count != NEED:
            break
        network.expand(int(regs[R_NEED]))
    order = np.argsort(needs[:count], kind="stable")
    num_exits = int(regs[R_TOUCHED])
    return Summary(
        base=mask,
        inside=inside[order],
        needs=needs[order],
        exits=_group_exits(tables.endings, exits[:num_exits], counts[:num_exits]),
    )


def _group_exits(endings: QuoteEndings, nodes: NDArray[np.int32], counts: NDArray[np.int32]) -> Exits:
    """Gather the tokens through the quotes at ``nodes`` and order them by ending."""
    quotes = np.searchsorted(endings.nodes, nodes)
    begins, sizes = endings.starts[quotes], endings.starts[quotes + 1] - endings.starts[quotes]
    rows = np.repeat(begins - np.cumsum(sizes) + sizes, sizes) + np.arange(int(sizes.sum()))
    order = np.argsort(endings.endings[rows], kind="stable")
    tokens, numbers = endings.tokens[rows][order], endings.endings[rows][order]
    return Exits(
        tokens=tokens,
        counts=np.repeat(counts, sizes)[order].astype(np.int32),
        starts=np.searchsorted(numbers, np.arange(endings.num_endings + 1)).astype(np.int32),
    )
