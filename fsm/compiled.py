"""Compile a grammar against a vocabulary, lazily: positions, masks and moves are made when asked for.

Input: a network whose start is a stub or a state. Output: ``Position`` objects shared by all matchers of the grammar.
Cost: compiling is constant; a mask costs a few microseconds when first asked for, then a row copy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fsm._kernels import (
    ARENA_FULL,
    NEED,
    NOTED,
    R_CLOSED,
    R_FREE,
    R_NEED,
    R_NODE,
    R_OPENED,
    R_OPENED_STATE,
    R_SEGMENT,
    R_TOUCHED,
    accept_kernel,
    advance_kernel,
    close_kernel,
    fill_kernel,
    next_bytes_kernel,
)
from fsm.distance import Distances
from fsm.layout import BASE, BYTE, CHAR, DEFAULT, KIND, LONGEST, POP, RETURN, STATE_POP, UNBOUNDED, WS
from fsm.network import Network
from fsm.notes import must_note, resolve_notes
from fsm.openings import openings_of
from fsm.position import REJECTED, Position
from fsm.summaries import Summary, summaries_of
from fsm.tables import vocabulary_tables
from fsm.trie import TokenTrie
from fsm.vocabulary import Vocabulary

if TYPE_CHECKING:
    from fsm.forced import ForcedRuns
    from fsm.matcher import Matcher

__all__ = ["Compiled", "TextSource"]

TextSource = Callable[[], bytes]
Endings = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]

WALK_ALL, WALK_NAMES, WALK_UNSPACED, WALK_ENDINGS = range(4)
_EMPTY = np.zeros(0, np.int32)
_NO_ENDINGS: Endings = (_EMPTY, _EMPTY, _EMPTY)


class Compiled:
    """Hold one grammar's network and positions for one vocabulary; shared by its matchers.

    Parameters
    ----------
    network : the grammar's network.
    start : the state a text begins in.
    vocabulary : the tokens.
    max_bytes : when the positions kept pass this size they are forgotten and made anew when needed.
    """

    def __init__(self, network: Network, start: int, vocabulary: Vocabulary, *, max_bytes: int = 16_000_000) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self.max_bytes = max_bytes
        self._tables = vocabulary_tables(vocabulary)
        self._summaries = summaries_of(vocabulary)
        self._positions: dict[bytes, Position] = {}
        self._rows: dict[bytes, NDArray[np.int32]] = {}
        self._position_bytes = 0
        self._was_noted = False
        self._distances = Distances(network)
        self._forced: ForcedRuns | None = None
        self.start = self._intern(np.array([(start, 0, 0, 0, UNBOUNDED)], np.int64))

    @property
    def memory_bytes(self) -> int:
        """Count the bytes this grammar holds; what it shares with others of the vocabulary is not counted."""
        return self.network.memory_bytes + self._position_bytes + sum(row.nbytes for row in self._rows.values())

    def advance(self, position: Position, token_id: int, text: TextSource) -> Position:
        """Return the position after a text token, ``REJECTED`` where it does not fit.

        text : returns the bytes read so far; asked only where a grammar must note what was read.
        """
        with self._tables.lock:
            after = self.advance_bytes(position, self.vocabulary.token_bytes[token_id], text)
            if not self.network.has_notes or not self._was_noted:
                position.next[token_id] = after
                self._position_bytes += 120
            return after

    def advance_bytes(self, position: Position, data: bytes, text: TextSource) -> Position:
        """Return the position after some bytes, ``REJECTED`` where they do not fit."""
        if not data:
            return REJECTED
        with self._tables.lock:
            size = self._load(position.configurations)
            self._was_noted = False
            read = np.frombuffer(data, np.uint8)
            place = 0
            while True:
                end = self._read(size, read[place:])
                if end != NOTED:
                    break
                place += int(self.network.regs[R_FREE])
                size = self._resolve(text() + data[:place], data[place])
            begin = int(self.network.regs[R_NODE])
            if end == begin:
                return REJECTED
            after = self._intern(self._tables.workspace.frontier[begin:end].copy())
            return self.note(after, text() + data) if after.is_noted else after

    def note(self, position: Position, text: bytes) -> Position:
        """Return the position once what was just read is noted."""
        with self._tables.lock:
            self._was_noted = True
            rows = resolve_notes(self.network, position.configurations.tolist(), text, None)
            return self._intern(np.array(rows, np.int64)) if rows else REJECTED

    def _read(self, size: int, data: NDArray[np.uint8]) -> int:
        return self._run(
            lambda n, w: advance_kernel(
                n.states, n.edges, n.stacks, n.table, n.regs, w.work, w.frontier, size, data
            )
        )

    def _resolve(self, text: bytes, byte: int) -> int:
        """Note what was read before ``byte``, in the level where the kernel stopped; return the new level's size."""
        self._was_noted = True
        begin, end = int(self.network.regs[R_NODE]), int(self.network.regs[R_CLOSED])
        level = self._tables.workspace.frontier[begin:end].tolist()
        rows = resolve_notes(self.network, level, text, byte)
        return self._load(np.array(rows, np.int64).reshape(-1, 5))

    def matcher(self) -> Matcher:
        """Return a matcher at the beginning of a text."""
        from fsm.matcher import Matcher

        return Matcher(self)

    def is_accepting(self, position: Position) -> bool:
        """Tell whether the text may end here."""
        if position.is_accepting is None:
            with self._tables.lock:
                size = self._load(position.configurations)
                position.is_accepting = self._accepts(0, size)
        return position.is_accepting

    def is_complete(self, position: Position) -> bool:
        """Tell whether the text may end here and nothing but white space may follow."""
        if position.is_complete is None:
            position.is_complete = self.is_accepting(position) and not (
                set(np.flatnonzero(self.next_bytes(position)).tolist()) - {9, 10, 13, 32}
            )
        return position.is_complete

    def shortest(self, position: Position) -> int:
        """Return the fewest bytes to the end of a text."""
        if position.shortest is None:
            with self._tables.lock:
                rows = position.configurations.tolist()
                position.shortest = min(self._distances.of_configuration(row) for row in rows)
        return position.shortest

    def forced_bytes(self, position: Position, text: TextSource) -> bytes:
        """Return the bytes that must come next (``fsm.forced``)."""
        if self._forced is None:
            from fsm.forced import ForcedRuns

            self._forced = ForcedRuns(self)
        with self._tables.lock:
            return self._forced.after(position, text)

    def next_bytes(self, position: Position) -> NDArray[np.uint8]:
        """Tell for each byte whether it may come next: uint8[256]."""
        allowed = np.zeros(256, np.uint8)
        with self._tables.lock:
            size = self._load(position.configurations)
            self.network.regs[R_NODE] = 0
            self._run(
                lambda n, w: next_bytes_kernel(
                    n.states, n.edges, n.stacks, n.table, n.regs, w.work, w.frontier, size, allowed
                )
            )
        return allowed

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        with self._tables.lock:
            if position.base is None:
                self._fill(position)

    # -- positions -------------------------------------------------------------------------------------------------

    def _intern(self, configurations: NDArray[np.int64]) -> Position:
        if len(configurations) > 1:
            configurations = np.unique(configurations, axis=0)
        key = configurations.tobytes()
        position = self._positions.get(key)
        if position is None:
            if self._position_bytes > self.max_bytes:
                self._forget()
            is_noted = self.network.has_notes and must_note(self.network, configurations.tolist())
            position = self._positions[key] = Position(configurations, is_noted=is_noted)
            self._position_bytes += position.memory_bytes
        return position

    def _forget(self) -> None:
        """Drop what was remembered; matchers keep the positions they hold, and these stay right."""
        for position in self._positions.values():
            position.next = {}
        self._positions.clear()
        self._rows.clear()
        self._position_bytes = 0

    def _load(self, configurations: NDArray[np.int64]) -> int:
        size = len(configurations)
        space = self._tables.workspace
        while size + 64 > len(space.frontier):
            space.grow()
        space.frontier[:size] = configurations
        return size

    def _run(self, kernel: Callable[[Network, Any], int]) -> int:
        """Run a kernel to its end, expanding the stubs it meets and growing the arenas it fills."""
        network, space = self.network, self._tables.workspace
        while True:
            code = kernel(network, space)
            if code >= 0:
                return code
            if code == NEED:
                network.expand(int(network.regs[R_NEED]))
            elif code == ARENA_FULL:
                if network.is_stack_full:
                    network.grow_stacks()
                else:
                    space.grow()
            else:
                return code

    def _accepts(self, begin: int, end: int) -> bool:
        return bool(
            self._run(
                lambda n, w: accept_kernel(n.states, n.edges, n.stacks, n.table, n.regs, w.work, w.frontier, begin, end)
            )
        )

    # -- masks -----------------------------------------------------------------------------------------------------

    def _fill(self, position: Position) -> None:
        regs = self.network.regs
        configurations = self._closed(position)
        regs[R_TOUCHED] = 0
        base = self._tables.empty_row
        if len(configurations) == 1:
            base = self._fill_one(configurations[0], base)
        else:
            base = self._fill_many(configurations, base)
        if position.is_accepting:
            self._allow_end(base)
        self._store(position, base, int(regs[R_TOUCHED]))

    def _closed(self, position: Position) -> list[list[int]]:
        """Return the configurations with calls and forks followed, and note whether the text may end."""
        if len(position.configurations) == 1:
            only: list[int] = position.configurations[0].tolist()
            row = self.network.states[only[0]]
            kind = row[KIND]
            if kind == CHAR or (kind == BYTE and row[DEFAULT] == 0):
                position.is_accepting = False
                return [only]
        size = self._load(position.configurations)
        end = self._run(
            lambda n, w: close_kernel(n.states, n.edges, n.stacks, n.table, n.regs, w.work, w.frontier, 0, size)
        )
        if position.is_accepting is None:
            position.is_accepting = self._accepts(size, end)
        closed: list[list[int]] = self._tables.workspace.frontier[size:end].tolist()
        return closed

    def _fill_one(self, configuration: list[int], base: NDArray[np.int32]) -> NDArray[np.int32]:
        """Fill the scratch mask from one configuration; return the base row it differs from."""
        network, space = self.network, self._tables.workspace
        state, decode = configuration[0], configuration[2]
        row = network.states[state]
        if row[KIND] == CHAR and decode == 0:
            heavy = network.heavy.get(state)
            if heavy is not None and (configuration[3] == 0 or row[LONGEST] == UNBOUNDED):
                return self._fill_heavy(heavy, configuration)
            if row[BASE]:
                return self._fill_names(int(row[BASE]), configuration)
        if row[KIND] == BYTE:
            return self._fill_bytes(configuration, base)
        space.mask[:] = base
        space.frontier[0] = configuration
        self._walk(base, mode=WALK_ALL)
        return base

    def _fill_many(self, configurations: list[list[int]], base: NDArray[np.int32]) -> NDArray[np.int32]:
        """Unite the masks of several configurations in the scratch mask."""
        space, regs = self._tables.workspace, self.network.regs
        union = base.copy()
        light = []
        for configuration in configurations:
            state = configuration[0]
            row = self.network.states[state]
            if row[KIND] == BYTE or state in self.network.heavy or row[BASE]:
                regs[R_TOUCHED] = 0
                self._fill_one(configuration, base)
                union |= space.mask
            else:
                light.append(configuration)
        if light:
            space.mask[:] = base
            regs[R_TOUCHED] = 0
            space.frontier[: len(light)] = light
            self._walk(base, mode=WALK_ALL, size=len(light))
            union |= space.mask
        space.mask[:] = union
        differing = np.flatnonzero(union)
        regs[R_TOUCHED] = len(differing)
        space.touched[: len(differing)] = differing
        return base

    def _fill_heavy(self, heavy: tuple[Any, int], configuration: list[int]) -> NDArray[np.int32]:
        owner, automaton_state = heavy
        stack, low, high = configuration[1], configuration[3], configuration[4]
        summary = self._summaries.get(owner.dfa, automaton_state, counted=owner.counted)
        base = summary.base_for(high)
        self._tables.workspace.mask[:] = base
        self._walk_exits(summary, (owner.close, stack, 0, 0, UNBOUNDED), base, low=low, high=high)
        return base

    def _fill_names(self, base_state: int, configuration: list[int]) -> NDArray[np.int32]:
        """Fill a state inside a trie of key names: as any other key, but for the names themselves."""
        space = self._tables.workspace
        space.frontier[0] = (base_state, configuration[1], 0, 0, UNBOUNDED)
        self._run(lambda n, w: close_kernel(n.states, n.edges, n.stacks, n.table, n.regs, w.work, w.frontier, 0, 1))
        other = space.frontier[1].tolist()
        heavy = self.network.heavy.get(other[0])
        if heavy is None:
            space.mask[:] = self._tables.empty_row
            base = self._tables.empty_row
            space.frontier[0] = configuration
            self._walk(base, mode=WALK_ALL)
            return base
        base = self._fill_heavy(heavy, other)
        space.frontier[0] = configuration
        self._walk(base, mode=WALK_NAMES)
        return base

    def _walk(
        self,
        base: NDArray[np.int32],
        *,
        mode: int,
        size: int = 1,
        trie: TokenTrie | None = None,
        endings: Endings | None = None,
        low: int = 0,
        high: int = UNBOUNDED,
    ) -> int:
        """Walk a trie from the configurations in ``frontier[:size]``; return the stack where a free string opens.

        mode : ``WALK_ALL``, ``WALK_NAMES``, ``WALK_UNSPACED`` or ``WALK_ENDINGS``.
        trie, endings : the trie, the vocabulary's by default; for a trie of endings, the tokens by ending.
        """
        space, regs = self._tables.workspace, self.network.regs
        trie = trie or self._tables.trie
        tokens, counts, starts = endings or _NO_ENDINGS
        space.levels[0] = 0
        space.levels[1] = size
        regs[R_SEGMENT] = -1
        duplicates = self._tables.trie.duplicates
        self._run(
            lambda n, w: fill_kernel(
                n.states, n.edges, n.stacks, n.table, n.regs, w.work, w.frontier, w.levels, trie.nodes, duplicates,
                base, w.mask, w.touched, mode, w.begins, trie.roots, tokens, counts, starts, low, high,
            )
        )  # fmt: skip
        return int(regs[R_OPENED])

    def _fill_bytes(self, configuration: list[int], base: NDArray[np.int32]) -> NDArray[np.int32]:
        """Fill a state of bytes; where white space may come, tokens that begin with it go by what follows."""
        space, spaces = self._tables.workspace, self._tables.spaces
        spaced, most = self._find_spaces(configuration)
        mode = WALK_ALL
        if most:
            base, mode = spaces.row(most), WALK_UNSPACED
        space.mask[:] = base
        space.frontier[0] = configuration
        opened = self._walk(base, mode=mode)
        if most:
            space.frontier[0] = spaced
            endings = (spaces.tokens, spaces.counts, spaces.starts)
            self._walk(base, mode=WALK_UNSPACED, trie=spaces.trie, endings=endings, high=most)
        return base if opened < 0 else self._fill_opened(base, opened, most)

    def _find_spaces(self, configuration: list[int]) -> tuple[list[int], int]:
        """Return the configuration that reads white space next, and how much may come (0: none)."""
        network = self.network
        state, stack = configuration[0], configuration[1]
        while True:
            row = network.states[state]
            kind = row[KIND]
            if kind == BYTE:
                most = network.spaces.get(state)
                if most is None and row[WS]:
                    most = min(network.spaces[int(row[WS])], UNBOUNDED - 1) + 1
                if most is not None:
                    return [state, stack, 0, 0, UNBOUNDED], most
                state = int(row[DEFAULT])
            elif kind == POP and stack:
                state, stack = network.stacks[stack].tolist()
            else:
                return configuration, 0

    def _fill_opened(self, base: NDArray[np.int32], stack: int, most: int) -> NDArray[np.int32]:
        """Add the tokens that open a free string or a key, which were left out of the walk."""
        space, openings, network = self._tables.workspace, openings_of(self._tables), self.network
        opened = int(network.regs[R_OPENED_STATE])
        touched = space.touched[: int(network.regs[R_TOUCHED])].astype(np.int64)
        values = space.mask[touched]
        wider = openings.row(base, most)
        space.mask[:] = wider
        space.mask[touched] |= values
        row = network.states[opened]
        # A key that is none of the names is a free string that returns to where the others go.
        close = int(network.states[row[BASE], RETURN]) if row[BASE] else STATE_POP
        space.frontier[0] = (close, stack, 0, 0, UNBOUNDED)
        self._walk(wider, mode=WALK_ENDINGS, trie=openings.trie, endings=openings.exits, high=most)
        if row[BASE]:
            space.frontier[0] = (opened, stack, 0, 0, UNBOUNDED)
            self._walk(wider, mode=WALK_NAMES, trie=openings.bodies, endings=openings.spelled, high=most)
        return wider

    def _walk_exits(
        self, summary: Summary, closed: tuple[int, ...], base: NDArray[np.int32], *, low: int, high: int
    ) -> None:
        """Set the tokens that close the string and go on as the grammar around it permits.

        closed : the configuration after the closing quote.
        """
        exits = summary.exits
        self._tables.workspace.frontier[0] = closed
        self._walk(
            base, mode=WALK_ENDINGS, trie=self._tables.endings.trie,
            endings=(exits.tokens, exits.counts, exits.starts), low=low, high=high,
        )  # fmt: skip

    def _allow_end(self, base: NDArray[np.int32]) -> None:
        space, regs = self._tables.workspace, self.network.regs
        for token in self.vocabulary.eos_token_ids:
            word = token >> 5
            if space.mask[word] == base[word]:
                space.touched[regs[R_TOUCHED]] = word
                regs[R_TOUCHED] += 1
            space.mask[word] |= np.int32(np.uint32(1 << (token & 31)).view(np.int32))

    def _store(self, position: Position, base: NDArray[np.int32], num_touched: int) -> None:
        space = self._tables.workspace
        if num_touched > self._tables.num_words // 4:
            row = space.mask.copy()
            position.base = self._rows.setdefault(row.tobytes(), row)
            return
        if num_touched:
            position.words = space.touched[:num_touched].astype(np.int64)
            position.values = space.mask[position.words]
            self._position_bytes += 12 * num_touched
        position.base = base
