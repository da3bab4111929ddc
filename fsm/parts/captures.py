"""Find where the regions of a text begin and end, by reading it again with a memory.

The network says whether a text fits; it does not say how. So the finished text is read once more, byte by byte, by
threads that remember which regions they entered and left: the first thread to reach a configuration stays. Where a text
can be read in several ways, earlier alternatives come first, and what can be read on comes before what ends.
Cost: some ten microseconds per byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fsm._text_kernels import find_kernel, text_kernel
from fsm.compiled import Compiled
from fsm.layout import (
    ARGUMENT,
    BYTE,
    CALL,
    CALLEE,
    CHAR,
    CLOSE,
    COUNT,
    DEFAULT,
    EDGE,
    FINAL,
    FORK,
    HIGH,
    KIND,
    LOW,
    NOTE,
    OWNER,
    POP,
    RAW,
    RETURN,
    SEEN,
    STUB,
    UNBOUNDED,
    WS,
)
from fsm.network import Network, Noter
from fsm.parts.regions import Region, marks_of
from fsm.tokens.tables import vocabulary_tables

__all__ = ["Span", "SpanReader", "find_spans"]

# State, stack, partial character, low, high.
_Row = tuple[int, int, int, int, int]
# What happened last, and before: (return state of the region, place in the text, whether it began, before).
_History = Any


@dataclass(frozen=True, slots=True)
class Span:
    """Hold where one occurrence of a region lies: bytes ``begin`` to ``end`` of the text.

    is_open : the text ends inside it.
    """

    region: Region
    begin: int
    end: int
    is_open: bool = False


def find_spans(compiled: Compiled, text: bytes) -> list[Span]:
    """Return the regions of a text that the grammar accepts, or that begins one, by where they begin.

    Raises
    ------
    ValueError : the grammar rejects the text.
    """
    reader = SpanReader(compiled)
    reader.feed(text)
    return reader.spans()


class SpanReader:
    """Read a text that grows, and say at any time which regions it has.

    Examples
    --------
    >>> from fsm import Vocabulary
    >>> from grammars import capture, regex
    >>> compiled = ("a" + capture("x", regex("b*"))).compile(Vocabulary([b"a", b"b"]))
    >>> reader = SpanReader(compiled)
    >>> reader.feed(b"ab")
    >>> reader.feed(b"b")
    >>> [(span.begin, span.end) for span in reader.spans()]
    [(1, 3)]
    """

    def __init__(self, compiled: Compiled) -> None:
        marks = marks_of(compiled.network)
        self.text = b""
        self._compiled = compiled
        self._regions = {} if marks is None else marks.by_state
        self._reader = _Reader(compiled.network, frozenset(self._regions))
        start = int(compiled.start.configurations[0, 0])
        self._threads: dict[_Row, _History] = {(start, 0, 0, 0, UNBOUNDED): None}

    def feed(self, data: bytes) -> None:
        """Read on; a grammar without regions has nothing to read for.

        Raises
        ------
        ValueError : the grammar rejects the text.
        """
        begin, self.text = len(self.text), self.text + data
        if not self._regions:
            return
        with vocabulary_tables(self._compiled.vocabulary).lock:
            for place in range(begin, len(self.text)):
                self._threads = self._reader.step(self._threads, self.text, place)
                if not self._threads:
                    raise ValueError(f"captures: byte {place} of {self.text!r} does not fit the grammar")

    def spans(self) -> list[Span]:
        """Return the regions of the text so far, by where they begin."""
        if not self._regions:
            return []
        with vocabulary_tables(self._compiled.vocabulary).lock:
            history = self._reader.finish(self._threads, self.text)
        events: list[tuple[int, int, bool]] = []
        while history is not None:
            events.append(history[:3])
            history = history[3]
        return _pair(events[::-1], self._regions, len(self.text))


def _pair(events: list[tuple[int, int, bool]], regions: dict[int, tuple[Region, int]], size: int) -> list[Span]:
    spans: list[Span | None] = []
    is_open: list[tuple[int, int, int]] = []
    for end, place, begins in events:
        if begins:
            is_open.append((end, place, len(spans)))
            spans.append(None)
        else:
            _, begin, index = is_open.pop()
            spans[index] = Span(regions[end][0], begin, place)
    for end, begin, index in is_open:
        spans[index] = Span(regions[end][0], begin, size, is_open=True)
    return [span for span in spans if span is not None]


class _Reader:
    """Follow threads through one network to what they read next; a thread that comes second is dropped."""

    def __init__(self, network: Network, ends: frozenset[int]) -> None:
        self._network = network
        self._ends = ends
        self._frontier: NDArray[np.int64] = np.zeros((8, 5), np.int64)
        self._todo: list[tuple[_Row, _History]] = []
        self._after: dict[_Row, _History] = {}
        self._text, self._place, self._byte = b"", 0, -1
        self._follow = {
            BYTE: self._read_byte,
            CHAR: self._read_text,
            RAW: self._read_text,
            POP: self._return,
            FINAL: self._end,
            CALL: self._call,
            FORK: self._fork,
            NOTE: self._note,
            SEEN: self._pass,
            STUB: self._expand,
        }

    def step(self, threads: dict[_Row, _History], text: bytes, place: int) -> dict[_Row, _History]:
        """Return the threads after the byte at ``place``; at the end of the text, those that may end there."""
        self._text, self._place = text, place
        self._byte = text[place] if place < len(text) else -1
        self._after = {}
        seen: set[_Row] = set()
        for row, history in threads.items():
            self._todo.append((row, history))
            while self._todo:
                here, before = self._todo.pop()
                if here in seen:
                    continue
                seen.add(here)
                cells: list[int] = self._network.states[here[0]].tolist()
                follow = self._follow.get(cells[KIND])
                if follow is not None and follow(cells, here, before):
                    seen.discard(here)
        return self._after

    def finish(self, threads: dict[_Row, _History], text: bytes) -> _History:
        """Return the history of the first thread whose text may end; where none may, of the first."""
        ended = self.step(threads, text, len(text))
        return next(iter((ended or threads).values()))

    def _read_byte(self, cells: list[int], here: _Row, history: _History) -> bool:
        network, byte = self._network, self._byte
        state, stack = here[:2]
        target = find_kernel(network.edges, cells[EDGE], cells[COUNT], byte) if byte >= 0 else -1
        if target > 0:
            target, stack = network.arrive(target, stack)
            if target:
                self._after.setdefault((target, stack, 0, 0, UNBOUNDED), history)
        elif target < 0 and cells[WS] and byte in (9, 10, 13, 32):
            self._after.setdefault((cells[WS], network.push(state, stack), 0, 0, UNBOUNDED), history)
        elif target < 0 and cells[DEFAULT]:
            self._todo.append(((cells[DEFAULT], stack, 0, 0, UNBOUNDED), history))
        return False

    def _read_text(self, cells: list[int], here: _Row, history: _History) -> bool:
        network, frontier = self._network, self._frontier
        if self._byte >= 0:
            end = text_kernel(
                network.states, network.edges, network.stacks, network.table, network.regs, frontier, 0, 0, *here,
                self._byte, 0,
            )  # fmt: skip
            for row in frontier[:end].tolist():
                self._after.setdefault(cast("_Row", tuple(row)), history)
        if cells[KIND] == RAW and here[2] == 0 and cells[CLOSE]:
            self._todo.append(((cells[CLOSE], here[1], 0, 0, UNBOUNDED), history))
        return False

    def _return(self, cells: list[int], here: _Row, history: _History) -> bool:
        if not here[1]:
            return self._end(cells, here, history)
        state, stack = self._network.stacks[here[1], :2].tolist()
        if state in self._ends:
            history = (state, self._place, False, history)
        self._todo.append(((state, stack, 0, 0, UNBOUNDED), history))
        return False

    def _end(self, cells: list[int], here: _Row, history: _History) -> bool:
        if self._byte < 0:
            self._after.setdefault(here, history)
        return False

    def _call(self, cells: list[int], here: _Row, history: _History) -> bool:
        stack = here[1]
        if cells[RETURN]:
            stack = self._network.push(cells[RETURN], stack)
            if cells[RETURN] in self._ends:
                history = (cells[RETURN], self._place, True, history)
        self._todo.append(((cells[CALLEE], stack, 0, cells[LOW], cells[HIGH]), history))
        return False

    def _fork(self, cells: list[int], here: _Row, history: _History) -> bool:
        targets = self._network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT], 2].tolist()
        self._todo += [((target, *here[1:]), history) for target in reversed(targets)]
        return False

    def _pass(self, _cells: list[int], here: _Row, history: _History) -> bool:
        target, stack = self._network.arrive(here[0], here[1])
        if target:
            self._todo.append(((target, stack, *here[2:]), history))
        return False

    def _note(self, cells: list[int], here: _Row, history: _History) -> bool:
        owner = cast("Noter", self._network.owners[cells[OWNER]])
        target = owner.note(self._network, cells[ARGUMENT], self._text[: self._place])
        if target:
            self._todo.append(((target, here[1], 0, 0, UNBOUNDED), history))
        return False

    def _expand(self, cells: list[int], here: _Row, history: _History) -> bool:
        """Expand a stub and look at it again."""
        self._network.expand(here[0])
        self._todo.append((here, history))
        return True
