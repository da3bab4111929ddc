"""Summarise heavy character states once per vocabulary, so that no mask walks a whole trie twice.

Inside a JSON string nearly every token fits. Which tokens stay inside, and which close the string and how they go on,
depends only on the automaton and its state: that is the summary. Only the continuations after a close depend on the
grammar around it. Most states lead into a loop or a long chain of states that read the same classes of characters
(``fsm.tokens.character_classes``): the tokens made of these are looked up, and the trie is walked for the others. Cost:
.1 to 1 ms for 128,000 tokens per state of an automaton, shared by every grammar with an equal automaton; bounded in
bytes.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fsm._kernels import NEED, R_FREE, R_NEED, R_NODE, R_TOUCHED, chain_kernel, loops_kernel, summary_kernel
from fsm.automata.dfa import Dfa
from fsm.dfa_states import CharStates
from fsm.expansion_time import ExpansionTime
from fsm.layout import KIND, SHORTEST, STUB
from fsm.network import Network
from fsm.tokens._character_kernels import chain_row_kernel, group_exits_kernel
from fsm.tokens.character_classes import NUM_CLASSES, CharacterClasses
from fsm.tokens.tables import QuoteEndings, VocabularyTables, vocabulary_tables
from fsm.vocabulary import Vocabulary

__all__ = ["Exits", "Summaries", "Summary", "summaries_of"]

# Automata whose networks are kept for further summaries, and rows of chains.
MAX_SCRATCH, MAX_ROWS = 32, 64
# A chain is followed for so many characters: few tokens have more.
MAX_CHAIN = 24


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

    base    : int32[W]   tokens that stay inside the string
    chained : int32[W]   those of them that need their own characters and ``owed`` more at least; where counters run
    inside, needs : int32[n]   the others and the characters each needs at least; where counters run
    exits   : the tokens that close the string
    """

    base: NDArray[np.int32]
    chained: NDArray[np.int32]
    owed: int
    inside: NDArray[np.int32]
    needs: NDArray[np.int32]
    exits: Exits
    classes: CharacterClasses
    most: int = field(init=False)
    limited: dict[int, NDArray[np.int32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find from how many characters on the counter makes no difference."""
        self.most = max(int(self.needs.max(initial=0)), self.owed + self.classes.longest)

    @property
    def memory_bytes(self) -> int:
        """Count the bytes held."""
        rows = (1 + len(self.limited)) * self.base.nbytes + self.chained.nbytes
        return rows + self.inside.nbytes + self.needs.nbytes + 2 * self.exits.tokens.nbytes + self.exits.starts.nbytes

    def base_for(self, high: int) -> NDArray[np.int32]:
        """Return the tokens that stay inside when at most ``high`` more characters are permitted."""
        if high >= self.most:
            return self.base
        row = self.limited.get(high)
        if row is None:
            row = self.chained & self.classes.row(high - self.owed) if high >= self.owed else np.zeros_like(self.base)
            fitting = self.inside[self.needs <= high]
            np.bitwise_or.at(row.view(np.uint32), fitting >> 5, np.uint32(1) << (fitting & 31).astype(np.uint32))
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
        self._rows: OrderedDict[bytes, NDArray[np.int32]] = OrderedDict()

    def get(self, dfa: Dfa, automaton_state: int, *, counted: bool) -> Summary:
        """Return the summary of a state, built on first use; ``counted`` ones know how long the way on is."""
        near = dfa.near_key(automaton_state, self.longest)
        key = (dfa.key, near, counted)
        summary = self._kept.get(key)
        if summary is not None:
            self._kept.move_to_end(key)
            return summary
        network, owner = self._scratch_for(dfa, counted=counted)
        with ExpansionTime():
            summary = self._build(network, owner, automaton_state)
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

    def _build(self, network: Network, owner: CharStates, automaton_state: int) -> Summary:
        """Walk the trie once from one automaton state, but for what the chain after it reads."""
        tables, trie, known = self.tables, self.tables.trie, self.tables.character_classes
        sets = known.ranges, known.sizes, np.zeros(NUM_CLASSES, np.int64)
        start = _expanded(network, owner, automaton_state)
        chain = _find_chain(network, start, sets, longest=0 if owner.counted else MAX_CHAIN)
        chained = self._row_of(chain)
        # Only counters ask how many characters a token needs.
        num_tokens, num_quotes = tables.vocabulary.size if owner.counted else 0, len(tables.endings.nodes)
        mask = chained.copy()
        inside, needs = np.empty(num_tokens, np.int32), np.empty(num_tokens, np.int32)
        exits, counts = np.empty(num_quotes, np.int32), np.empty(num_quotes, np.int32)
        path = np.zeros((trie.max_depth + 1, 5), np.int64)
        path[0, 0], path[0, 2] = start, chain.state == start
        loops_kernel(network.states, network.edges, start, start, *sets, path[0, 3:])
        regs = network.regs
        regs[R_NODE] = regs[R_TOUCHED] = regs[R_FREE] = 0
        while True:
            count = summary_kernel(
                network.states, network.edges, regs, path, trie.nodes, tables.characters, trie.duplicates,
                known.classes, known.below, known.heights, known.widths, known.order, known.places, *sets,
                chain.begins, chain.reads, chain.length, mask, inside, needs, exits, counts,
            )  # fmt: skip
            if count != NEED:
                break
            network.expand(int(regs[R_NEED]))
        return Summary(
            base=mask,
            chained=chained if owner.counted else chained[:0],
            owed=int(network.states[chain.state, SHORTEST]),
            inside=inside[:count].copy(),
            needs=needs[:count].copy(),
            exits=_group_exits(tables.endings, exits, counts, int(regs[R_TOUCHED])),
            classes=known,
        )

    def _row_of(self, chain: _Chain) -> NDArray[np.int32]:
        """Return the tokens that a chain reads, kept for other states with such a chain."""
        length = min(chain.length, self.tables.character_classes.longest)
        key = chain.begins.tobytes() + chain.reads.tobytes() + length.to_bytes(4)
        row = self._rows.get(key)
        if row is None:
            known = self.tables.character_classes
            row = self._rows[key] = np.empty(self.tables.num_words, np.int32)
            chain_row_kernel(known.first, known.rest, known.widths, chain.begins, chain.reads, length, row)
            if len(self._rows) > MAX_ROWS:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(key)
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chain:
    """Name the states that most characters lead to, one after another (``chain_kernel``).

    begins : uint8[128]  classes of characters that lead to the first one, ``state``
    reads  : int64[2]    set of those that lead on from each
    length : how many characters they read
    """

    state: int
    begins: NDArray[np.uint8]
    reads: NDArray[np.int64]
    length: int


def _find_chain(network: Network, start: int, sets: tuple[NDArray[np.int64], ...], *, longest: int) -> _Chain:
    """Follow the chain from a state; ``sets`` are the ranges, sizes and scratch room of ``loops_kernel``."""
    leads, reads, after = np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)
    while True:
        length = chain_kernel(network.states, network.edges, network.regs, start, longest, *sets, leads, reads, after)
        if length != NEED:
            break
        network.expand(int(network.regs[R_NEED]))
    begins = np.unpackbits(leads.view(np.uint8), bitorder="little")
    return _Chain(state=int(network.regs[R_NODE]), begins=begins, reads=reads, length=length)


def summaries_of(vocabulary: Vocabulary) -> Summaries:
    """Return the summaries kept with a vocabulary."""
    summaries = vocabulary.__dict__.get("_summaries")
    if summaries is None:
        summaries = vocabulary.__dict__["_summaries"] = Summaries(vocabulary_tables(vocabulary))
    return summaries


def _expanded(network: Network, owner: CharStates, automaton_state: int) -> int:
    """Return the network state of an automaton state, its row written."""
    state = owner.state(network, automaton_state)
    if network.states[state, KIND] == STUB:
        network.expand(state)
    return state


def _group_exits(
    endings: QuoteEndings, exits: NDArray[np.int32], exit_counts: NDArray[np.int32], num_exits: int
) -> Exits:
    """Gather the tokens through the quotes at the nodes ``exits``, by ending."""
    tokens, counts = np.empty_like(endings.tokens), np.empty_like(endings.tokens)
    starts, found = np.empty_like(endings.starts), np.empty_like(endings.nodes)
    count = group_exits_kernel(
        endings.nodes, exits, exit_counts, num_exits, endings.quotes, endings.tokens, endings.starts, found, tokens,
        counts, starts,
    )  # fmt: skip
    return Exits(tokens=tokens[:count].copy(), counts=counts[:count].copy(), starts=starts)
