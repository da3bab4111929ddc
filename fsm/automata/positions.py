"""Unroll a plain expression into positions: one per symbol of a text, with what may follow each.

This is Glushkov's construction; counted repetitions are copied out, so it serves expressions of moderate size. Kernels
build automata from positions some twenty times as fast as continuations are taken apart in Python.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fsm.automata._ending_kernels import share_endings_kernel
from fsm.automata.expression import Choice, Expression, Repeat, Sequence, Symbols
from fsm.automata.ranges import Ranges

__all__ = ["ACCEPT", "MAX_POSITIONS", "Positions", "find_positions"]

MAX_POSITIONS = 4000
MOST_SYMBOLS = 4 * MAX_POSITIONS
"""Texts of more symbols are not looked through for common endings."""
MAX_FOLLOWING = 40_000
"""More pairs of positions that follow each other are not listed."""

ACCEPT = 0
"""Stands among what may follow for the end of the text; positions count from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Hold the positions of one expression.

    classes : the symbols of each class
    class_of : the class of each position; ``class_of[0]`` means nothing
    follow : what may come after each position, some of it twice; ``follow[0]`` is what a text may begin with
    """

    classes: tuple[Ranges, ...]
    class_of: list[int]
    follow: list[list[int]]


class _TooLargeError(Exception):
    """The expression has too many positions, or a part that is not built yet."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Where the texts of a part may begin and end."""

    first: list[int]
    last: list[int]
    is_nullable: bool


def find_positions(expression: Expression) -> Positions | None:
    """Return the positions of a plain expression; None where there are too many.

    Examples
    --------
    >>> from fsm.automata.expression import repeat, text
    >>> find_positions(repeat(text("ab"), 1, 2)).follow
    [[1], [2], [3, 0], [4], [0]]
    """
    builder = _Builder()
    try:
        whole = builder.add(expression)
    except _TooLargeError:
        return None
    builder.follow[0] = [ACCEPT, *whole.first] if whole.is_nullable else whole.first
    for place in whole.last:
        builder.follow[place].append(ACCEPT)
    return Positions(
        classes=tuple(builder.classes),
        class_of=builder.class_of,
        follow=builder.follow,
    )


_NO_SPAN = _Span([], [], is_nullable=True)


def _repeated(items: tuple[Expression, ...], place: int) -> int:
    """Return how many of the items before a repetition its body ends with, after separators; 0 where it is no such."""
    node = items[place]
    if type(node) is not Repeat or node.least or node.most is not None or type(node.body) is not Sequence:
        return 0
    body = node.body.items
    count = 0
    while count < min(place, len(body) - 1) and body[-1 - count] is items[place - 1 - count]:
        count += 1
    while count and body[-count].is_nullable:  # what is repeated must begin with something
        count -= 1
    if not count or all(item.is_nullable for item in body[:-count]):
        return 0
    return count


def _firsts_of(spans: list[_Span]) -> list[int]:
    """Return where a text of one span after the other may begin."""
    first: list[int] = []
    for span in spans:
        first = first + span.first
        if not span.is_nullable:
            break
    return first


class _Builder:
    def __init__(self) -> None:
        self.classes: dict[Ranges, int] = {}
        self.class_of: list[int] = [0]
        self.follow: list[list[int]] = [[]]
        self._num_following = 0
        self._class_by_node: dict[Expression, int] = {}

    def add(self, node: Expression) -> _Span:
        kind = type(node)
        if kind is Symbols:
            return self._add_symbols((node,))
        if kind is Sequence:
            items = node.items  # type: ignore[attr-defined]
            return self._add_symbols(items) if node.is_symbols else self._add_sequence(items)  # type: ignore[attr-defined]
        if kind is Choice:
            options = node.options  # type: ignore[attr-defined]
            spans = self._add_texts(options) or [self.add(option) for option in options]
            first = [place for span in spans for place in span.first]
            last = [place for span in spans for place in span.last]
            return _Span(first, last, any(span.is_nullable for span in spans))
        if kind is Repeat:
            return self._add_repeat(node)  # type: ignore[arg-type]
        raise _TooLargeError

    def _add_symbols(self, nodes: tuple[Expression, ...]) -> _Span:
        """Add one symbol after the other; texts are long, so this is done at once."""
        begin, known = len(self.class_of), self._class_by_node
        end = begin + len(nodes)
        if end > MAX_POSITIONS + 1:
            raise _TooLargeError
        self._number({*nodes})
        self.class_of += map(known.__getitem__, nodes)
        self.follow += [[place] for place in range(begin + 1, end)]
        self.follow.append([])
        return _Span([begin], [end - 1], is_nullable=False)

    def _add_texts(self, options: tuple[Expression, ...]) -> list[_Span]:
        """Add the options of a choice at once, where they are sequences of symbols; return none where they are not.

        Those that end alike share the positions of their ends, as the same may follow.
        """
        if not all(type(option) is Sequence and option.is_symbols for option in options):
            return []
        items: list[Expression] = []
        for option in options:
            items += option.items  # type: ignore[attr-defined]
        if len(items) > MOST_SYMBOLS:
            raise _TooLargeError
        self._number({*items})
        classes = np.fromiter(map(self._class_by_node.__getitem__, items), np.int32, len(items))
        sizes = np.array([option.shortest for option in options], np.int32)
        class_of, after, firsts = np.empty_like(classes), np.empty_like(classes), np.empty_like(sizes)
        begin, table = len(self.class_of), np.zeros(2 << len(items).bit_length(), np.int32)
        count = share_endings_kernel(classes, sizes, begin, table, class_of, after, firsts)
        if begin + count > MAX_POSITIONS + 1:
            raise _TooLargeError
        self.class_of += class_of[:count].tolist()
        self.follow += [[place] if place else [] for place in after[:count].tolist()]
        lasts = begin + np.flatnonzero(after[:count] == 0)
        return [_Span(list(dict.fromkeys(firsts.tolist())), lasts.tolist(), is_nullable=False)]

    def _number(self, nodes: set[Expression]) -> None:
        """Number the classes of some symbols."""
        for node in nodes - self._class_by_node.keys():
            assert type(node) is Symbols
            self._class_by_node[node] = self.classes.setdefault(node.ranges, len(self.classes))

    def _add_sequence(self, items: tuple[Expression, ...]) -> _Span:
        spans: list[_Span] = []
        last: list[int] = []
        for place, item in enumerate(items):
            repeated = _repeated(items, place)
            if repeated:
                self._add_loop(item, _firsts_of(spans[-repeated:]), last, repeated)
                spans.append(_NO_SPAN)
                continue
            span = self.add(item)
            spans.append(span)
            self._link(last, span.first)
            last = last + span.last if span.is_nullable else span.last
        return _Span(_firsts_of(spans), last, all(span.is_nullable for span in spans))

    def _add_loop(self, node: Expression, first: list[int], last: list[int], repeated: int) -> None:
        """Add the separators of a list, ``x(sx)*``: they lead from where x ends to where it begins."""
        assert type(node) is Repeat
        assert type(node.body) is Sequence
        span = self._add_sequence(node.body.items[:-repeated])
        self._link(last, span.first)
        self._link(span.last, first)

    def _add_repeat(self, node: Repeat) -> _Span:
        """Copy the body; one that may be empty counts as if it were not, which changes nothing where ``least`` is 0."""
        begin = len(self.class_of)
        body = self.add(node.body)
        count = max(node.least, 1) if node.most is None else node.most
        size = len(self.class_of) - begin
        if begin + size * count > MAX_POSITIONS + 1:
            raise _TooLargeError
        if count > 1:
            self._copy(begin, count, body)
        behind = (count - 1) * size
        if node.most is None:
            self._link([place + behind for place in body.last], [place + behind for place in body.first])
        last = [place + copy * size for copy in range(max(node.least, 1) - 1, count) for place in body.last]
        return _Span(body.first, last, node.least == 0 or body.is_nullable)

    def _copy(self, begin: int, count: int, body: _Span) -> None:
        """Put copies of what was added since ``begin`` behind it, so that each leads to the next."""
        size = len(self.class_of) - begin
        self._num_following += (count - 1) * len(body.last) * len(body.first)
        if self._num_following > MAX_FOLLOWING:
            raise _TooLargeError
        plain, onward = self.follow[begin:], [place + size for place in body.first]
        leading = [after.copy() for after in plain]
        for place in body.last:
            leading[place - begin] += onward
        del self.follow[begin:]
        for offset in range(0, (count - 1) * size, size):
            self.follow += [[place + offset for place in after] for after in leading]
        self.follow += [[place + (count - 1) * size for place in after] for after in plain]
        self.class_of += self.class_of[begin:] * (count - 1)

    def _link(self, ends: list[int], begins: list[int]) -> None:
        self._num_following += len(ends) * len(begins)
        if self._num_following > MAX_FOLLOWING:
            raise _TooLargeError
        for place in ends:
            self.follow[place] += begins
