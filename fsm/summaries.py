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
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fsm._network_kernels import name_walk_kernel
from fsm._summary_kernels import chain_kernel, safe_kernel, summary_kernel
from fsm.automata.boolean_dfa import BooleanDfa
from fsm.automata.dfa import DEAD, Dfa
from fsm.codes import CLASS_CLOSE, CLASS_INVALID, NEED, R_FREE, R_NEED, R_NODE, R_TOUCHED
from fsm.dfa_states import CharStates
from fsm.expansion_time import ExpansionTime
from fsm.layout import KIND, SHORTEST, STUB, UNBOUNDED
from fsm.network import Network
from fsm.tokens._character_kernels import chain_row_kernel, group_exits_kernel, subtract_exits_kernel
from fsm.tokens.character_classes import NUM_CLASSES, CharacterClasses
from fsm.tokens.tables import VocabularyTables, vocabulary_tables
from fsm.tokens.trie import TokenTrie
from fsm.vocabulary import Vocabulary

__all__ = ["Exits", "Summaries", "Summary", "summaries_of"]

# Automata whose networks are kept for further summaries, and rows of chains.
MAX_SCRATCH, MAX_ROWS = 32, 64
# A chain is followed for so many characters: few tokens have more.
MAX_CHAIN = 24
# After so many new summaries the bytes are counted anew.
_SELDOM = 32
# So many states are looked at to find that any characters may come.
MAX_SAFE = 48


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
    endings : what may follow the quote in them, as a trie
    walk    : int64[22]  names for ``mask_entry`` what follows a close (``name_walk``), and the row that holds from how
                         many characters
    """

    base: NDArray[np.int32]
    chained: NDArray[np.int32]
    owed: int
    inside: NDArray[np.int32]
    needs: NDArray[np.int32]
    exits: Exits
    endings: TokenTrie
    classes: CharacterClasses
    most: int = field(init=False)
    walk: NDArray[np.int64] = field(init=False)
    limited: dict[int, NDArray[np.int32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find from how many characters on the counter makes no difference."""
        most = int(self.needs.max()) if len(self.needs) else 0
        self.most = max(most, self.owed + self.classes.longest)
        exits, named = self.exits, self.endings.addresses
        self.walk = np.empty(len(named) + 8, np.int64)
        name_walk_kernel(named, exits.tokens, exits.counts, exits.starts, self.base, self.most, self.walk)

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
        self._num_new = 0
        self._scratch: OrderedDict[tuple[object, bool], _Scratch] = OrderedDict()
        self._kept: OrderedDict[tuple[object, object, bool], Summary] = OrderedDict()
        self._rows: OrderedDict[bytes, NDArray[np.int32]] = OrderedDict()
        # PERF: room for all summaries, made once: they are built one at a time, under the vocabulary's lock.
        num_quotes, num_pairs = len(tables.endings.nodes), len(tables.endings.tokens)
        self._path = np.zeros((tables.trie.max_depth + 1, 5), np.int64)
        self._exits, self._exit_counts, self._found = np.empty((3, num_quotes), np.int32)
        self._tokens, self._counts = np.empty((2, num_pairs), np.int32)
        self._room = _ChainRoom()

    def get(self, dfa: Dfa, automaton_state: int, *, counted: bool) -> Summary:
        """Return the summary of a state, built on first use; ``counted`` ones know how long the way on is."""
        near = dfa.near_key(automaton_state, self.longest)
        key = (dfa.key, near, counted)
        summary = self._kept.get(key)
        if summary is not None:
            self._kept.move_to_end(key)
            return summary
        with ExpansionTime():
            less = dfa.less_texts(automaton_state) if isinstance(dfa, BooleanDfa) and not counted else None
            if less is None:
                summary = self._build(self._scratch_for(dfa, counted=counted), automaton_state)
            else:
                summary = self._without(*less)
        self._kept[key] = summary
        self._bound(summary)
        return summary

    def _bound(self, new: Summary) -> None:
        """Drop the least recently used beyond ``max_bytes``."""
        self.memory_bytes += new.memory_bytes
        self._num_new += 1
        if self._num_new % _SELDOM == 0:  # counters have had rows made since
            self.memory_bytes = sum([one.memory_bytes for one in self._kept.values()])
        while self.memory_bytes > self.max_bytes and len(self._kept) > 1:
            self.memory_bytes -= self._kept.popitem(last=False)[1].memory_bytes

    def _without(self, dfa: Dfa, state: int, taken: Dfa, taken_state: int) -> Summary:
        """Return the summary of a state less some texts: names that came are left out, and all else is the same."""
        whole = self.get(dfa, state, counted=False)
        if taken_state == DEAD:
            return whole
        exits, less = whole.exits, self.get(taken, taken_state, counted=False).exits
        tokens, counts, starts = map(np.empty_like, (exits.tokens, exits.counts, exits.starts))
        num_left = subtract_exits_kernel(
            exits.tokens, exits.counts, exits.starts, less.tokens, less.starts, tokens, counts, starts
        )
        return replace(
            whole, exits=Exits(tokens=tokens[:num_left].copy(), counts=counts[:num_left].copy(), starts=starts)
        )

    def _scratch_for(self, dfa: Dfa, *, counted: bool) -> _Scratch:
        """Return a network of the automaton alone, kept while its states are being summarised."""
        key = (dfa.key, counted)
        found = self._scratch.get(key)
        if found is None:
            found = self._scratch[key] = _Scratch(dfa, counted=counted)
            if len(self._scratch) > MAX_SCRATCH:
                self._scratch.popitem(last=False)
        return found

    def _build(self, scratch: _Scratch, automaton_state: int) -> Summary:
        """Walk the trie once from one automaton state, but for what the chain after it reads."""
        tables, trie, known = self.tables, self.tables.trie, self.tables.character_classes
        network, owner = scratch.network, scratch.owner
        start = scratch.state(automaton_state)
        chain = scratch.chain(start, automaton_state, known, self._room)
        chained = self._row_of(chain)
        # Only counters ask how many characters a token needs.
        inside, needs = np.empty((2, tables.vocabulary.size), np.int32) if owner.counted else _NO_TOKENS
        mask, path, exits, counts = chained.copy(), self._path, self._exits, self._exit_counts
        path[0] = start, 0, chain.state == start, 0, 0
        regs = network.regs
        regs[R_NODE] = regs[R_TOUCHED] = regs[R_FREE] = 0
        while True:
            count = summary_kernel(
                network.states, network.edges, regs, path, trie.nodes, tables.characters, trie.twins,
                known.classes, known.below, known.heights, known.widths, known.order, known.places, known.ranges,
                known.sizes, scratch.counts, chain.begins, chain.reads, chain.passed, chain.length, scratch.loops,
                mask, inside, needs, exits, counts,
            )  # fmt: skip
            if count != NEED:
                break
            scratch.expand(int(regs[R_NEED]))
        return Summary(
            base=mask,
            chained=chained if owner.counted else chained[:0],
            owed=int(network.states[chain.state, SHORTEST]),
            inside=inside[:count].copy() if count else inside[:0],
            needs=needs[:count].copy() if count else needs[:0],
            exits=self._group_exits(regs.item(R_TOUCHED)),
            endings=tables.endings.trie,
            classes=known,
        )

    def _group_exits(self, num_exits: int) -> Exits:
        """Gather the tokens through the quotes at the nodes found, by ending."""
        endings, tokens, counts = self.tables.endings, self._tokens, self._counts
        if not num_exits:
            return Exits(tokens=_NO_TOKENS[0], counts=_NO_TOKENS[0], starts=np.zeros_like(endings.starts))
        starts = np.empty_like(endings.starts)
        count = group_exits_kernel(
            endings.nodes, self._exits, self._exit_counts, num_exits, endings.quotes, endings.tokens, endings.starts,
            self._found, tokens, counts, starts,
        )  # fmt: skip
        return Exits(tokens=tokens[:count].copy(), counts=counts[:count].copy(), starts=starts)

    def _row_of(self, chain: _Chain) -> NDArray[np.int32]:
        """Return the tokens that a chain reads, kept for other states with such a chain."""
        length = min(chain.length, self.tables.character_classes.longest)
        key = chain.begins.tobytes() + chain.reads.tobytes() + length.to_bytes(4)
        row = self._rows.get(key)
        if row is None:
            known = self.tables.character_classes
            row = np.empty(self.tables.num_words, np.int32)
            chain_row_kernel(known.first, known.rest, known.widths, chain.begins, chain.reads, length, row)
            self._rows[key] = row
            if len(self._rows) > MAX_ROWS:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(key)
        return row


class _Chain(NamedTuple):
    """Name the states that most characters lead to, one after another (``chain_kernel``).

    begins : uint8[128]  classes of characters that lead to the first one, ``state``
    reads  : int64[2]    set of those that lead on from each
    passed : int64[2]    the same and those that lead nowhere from any
    length : how many characters they read
    """

    state: int
    begins: NDArray[np.uint8]
    reads: NDArray[np.int64]
    passed: NDArray[np.int64]
    length: int


class _ChainRoom:
    """Be scratch room for finding chains, one after another (``chain_kernel``, ``safe_kernel``)."""

    __slots__ = ("after", "alive", "depths", "leads", "queue", "reads")

    def __init__(self) -> None:
        self.leads, self.reads, self.alive, self.after = np.zeros((4, 2), np.int64)
        self.queue, self.depths = np.empty((2, MAX_SAFE), np.int64)


class _Scratch:
    """Lay one automaton into a network of its own, kept while its states are being summarised.

    loops  : int64[S, 3]  what ``summary_kernel`` found of each state
    counts : int64[128]   room for ``loops_kernel``
    """

    def __init__(self, dfa: Dfa, *, counted: bool) -> None:
        self.network = Network()
        self.owner = CharStates(self.network, dfa, counted=counted)
        self.loops = np.zeros((len(self.network.states), 3), np.int64)
        self.counts = np.zeros(NUM_CLASSES, np.int64)

    def state(self, automaton_state: int) -> int:
        """Return the network state of an automaton state, its row written."""
        state = self.owner.state(self.network, automaton_state)
        if self.network.states[state, KIND] == STUB:
            self.expand(state)
        return state

    def expand(self, state: int) -> None:
        """Write a row."""
        self.network.expand(state)
        if len(self.loops) < len(self.network.states):
            loops = np.zeros((len(self.network.states), 3), np.int64)
            loops[: len(self.loops)] = self.loops
            self.loops = loops

    def chain(self, start: int, automaton_state: int, classes: CharacterClasses, room: _ChainRoom) -> _Chain:
        """Follow the chain from a state; where any characters may come for longer, say so instead."""
        network, counted = self.network, self.owner.counted
        safe = 0 if counted else self._safe(start, automaton_state, room)
        leads, reads, alive = room.leads, room.reads, room.alive
        length = NEED if safe < UNBOUNDED else 0
        while length == NEED:
            length = chain_kernel(
                network.states, network.edges, network.regs, start, 0 if counted else MAX_CHAIN, classes.ranges,
                classes.sizes, self.counts, leads, reads, alive, room.after,
            )  # fmt: skip
            if length == NEED:
                self.expand(int(network.regs[R_NEED]))
        if safe > length + 1:
            return _Chain(state=start, begins=_ANY, reads=_ALL, passed=_ALL_OPEN, length=safe - 1)
        begins = np.unpackbits(leads.view(np.uint8), bitorder="little")
        state = int(network.regs[R_NODE])
        return _Chain(state=state, begins=begins, reads=reads, passed=reads | ~alive, length=length)

    def _safe(self, start: int, automaton_state: int, room: _ChainRoom) -> int:
        """Return how many characters may come whatever they are, as far as the automaton or few states tell."""
        if self.owner.dfa.takes_every_text(automaton_state):
            return UNBOUNDED
        network = self.network
        while (
            safe := safe_kernel(network.states, network.edges, network.regs, start, room.queue, room.depths)
        ) == NEED:
            self.expand(int(network.regs[R_NEED]))
        return int(safe)


_NO_TOKENS = np.zeros((2, 0), np.int32)
# Every class but that of no character; all of them as a set; all that do not close the string.
_ANY = np.array([number != CLASS_INVALID for number in range(NUM_CLASSES)], np.uint8)
_ALL = np.array([-1, -1], np.int64)
_ALL_OPEN = np.array([~(1 << CLASS_CLOSE), -1], np.int64)


def summaries_of(vocabulary: Vocabulary) -> Summaries:
    """Return the summaries kept with a vocabulary."""
    summaries = vocabulary.__dict__.get("_summaries")
    if summaries is None:
        summaries = vocabulary.__dict__["_summaries"] = Summaries(vocabulary_tables(vocabulary))
    return summaries
