"""Take plain expressions apart one symbol at a time.

A continuation is what is left to match: an expression, or the rest of a sequence, and then another continuation. Equal
continuations of one automaton are one object, so a set of them is a state of the subset construction. A counted
repetition is one node with a counter, copied only as far as texts reach: ``.{0,10000}`` costs what ``.*`` costs until
somebody walks it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from fsm.automata.expression import Choice, Deferred, Expression, Repeat, Sequence, Symbols
from fsm.automata.ranges import Ranges
from fsm.errors import LimitError

__all__ = ["MAX_STEPS", "Continuation", "Step", "collect_steps", "make_final"]

MAX_STEPS = 20_000
_FAR = "far"


class Continuation:
    """What is left to match: ``head`` (a sequence from item ``place`` on), then ``rest``; the final one has no head.

    Automata keep tens of thousands of these, and Python's garbage collector looks at every object that is kept and at
    all it holds. So there are no dictionaries before something is in them, and the steps stand in one tuple, a set of
    symbols and a continuation in turns.
    """

    __slots__ = (
        "_accepting",
        "_first_pushed",
        "_near",
        "_pushed",
        "_shape",
        "_steps",
        "head",
        "is_counted",
        "is_every",
        "is_gapless",
        "is_plain",
        "longest",
        "place",
        "rest",
        "shortest",
    )

    def __init__(self, head: Expression | None, place: int, rest: Continuation | None) -> None:
        self.head = head
        self.place = place
        self.rest = rest
        self._first_pushed: Continuation | None = None
        self._pushed: dict[int, Continuation] | None = None
        self._steps: tuple[Ranges | Continuation, ...] | None = None
        self._accepting = head is None
        self._near: dict[int, Hashable] | None = None
        self._shape: tuple[object, tuple[int, ...]] | None = None
        self.shortest = 0
        self.longest: int | None = 0
        self.is_gapless = self.is_every = self.is_plain = True
        self.is_counted = False
        if head is not None and rest is not None:
            self._add_lengths(head, rest)

    def push(self, head: Expression, place: int = 0) -> Continuation:
        """Return the continuation that matches ``head`` (from item ``place`` on) first, then this one."""
        if place and type(head) is Sequence and place == len(head.items) - 1:
            head, place = head.items[place], 0
        found = self._first_pushed
        if found is None:
            found = self._first_pushed = Continuation(head, place, self)
        elif found.head is not head or found.place != place:
            if self._pushed is None:
                self._pushed = {}
            key = id(head) << 32 | place  # what was pushed holds its head, so that no other one has its identity
            found = self._pushed.get(key)
            if found is None:
                found = self._pushed[key] = Continuation(head, place, self)
        return found

    def steps(self) -> Iterable[Step]:
        """Return every (symbols, continuation after one of them), once; the head must be plain."""
        if self._steps is None:
            self._expand()
        turns = iter(self._steps or ())
        return zip(turns, turns, strict=True)  # type: ignore[arg-type]

    def is_accepting(self) -> bool:
        """Tell whether nothing more is needed; the head must be plain."""
        if self._steps is None:
            self._expand()
        return self._accepting

    def shape(self) -> tuple[object, tuple[int, ...]]:
        """Return this continuation without its counters, and the counters: for each, least and minus most.

        Of two with the same shape, the one whose numbers are all smaller or equal accepts all that the other does.
        """
        if self._shape is None:
            outline, counters = self.rest.shape() if self.rest is not None else (None, ())
            head = self.head
            if type(head) is Repeat:
                most = -(1 << 62) if head.most is None else -head.most
                self._shape = ((head.body, outline), (head.least, most, *counters))
            else:
                self._shape = ((head, self.place, outline), counters)
        return self._shape

    def near_key(self, num_symbols: int) -> Hashable:
        """Return what matters of this continuation for the next ``num_symbols`` symbols; equal keys behave equally."""
        if self._near is None:
            self._near = {}
        key = self._near.get(num_symbols)
        if key is None:
            key = self._near[num_symbols] = self._find_near_key(num_symbols)
        return key

    def _find_near_key(self, num_symbols: int) -> Hashable:
        head, rest = self.head, self.rest
        if head is None or rest is None:
            return None
        if type(head) is not Repeat:
            size = (
                sum([part.shortest for part in head.items[self.place :]]) if type(head) is Sequence else head.shortest
            )
            return head, self.place, _FAR if size > num_symbols else rest.near_key(num_symbols - size)
        far = num_symbols + 1
        most = far if head.most is None else min(head.most, far)
        after = _FAR if head.shortest > num_symbols else rest.near_key(num_symbols - head.shortest)
        return head.body, min(head.least, far), most, after

    def _expand(self) -> None:
        found: list[Step] = []
        here: Continuation | None = self
        while here is not None:
            if here.head is None or here.rest is None:
                self._accepting = True
                break
            if type(here.head) is Sequence:
                passes = _collect_sequence(here.head, here.place, here.rest, found)
            else:
                collect_steps(here.head, here.rest, found)
                passes = here.head.is_nullable
            if not passes:
                break
            here = here.rest
        self._steps = tuple([part for step in found for part in step])

    def _add_lengths(self, head: Expression, rest: Continuation) -> None:
        self.is_counted = rest.is_counted or type(head) is Repeat
        parts = head.items[self.place :] if type(head) is Sequence else (head,)
        shortest, longest = rest.shortest, rest.longest
        gapless, every, plain = rest.is_gapless, rest.is_every, rest.is_plain
        for part in parts:
            plain = plain and part.is_plain
            shortest += part.shortest
            longest = None if longest is None or part.longest is None else longest + part.longest
            gapless = gapless and part.is_gapless
            every = every and part.is_every
        self.shortest, self.longest, self.is_plain = shortest, longest, plain
        self.is_gapless, self.is_every = gapless, every

    def takes_every_text(self) -> bool:
        """Tell whether any text at all may come and something complete it, as a loop over every symbol shows."""
        head = self.head
        first = head.items[self.place] if type(head) is Sequence else head
        return (
            first is not None and first.longest is None and first.shortest == 0 and first.is_every and first.is_gapless
        )

    def accepts_every_text(self) -> bool:
        """Tell whether any text at all may follow, as far as lengths and symbol sets show."""
        return self.is_every and self.is_gapless and self.longest is None and self.shortest == 0


Step = tuple[Ranges, Continuation]


def make_final() -> Continuation:
    """Return a new final continuation, the root of all continuations of one automaton."""
    return Continuation(None, 0, None)


def collect_steps(node: Expression, rest: Continuation, found: list[Step]) -> None:
    """Append to ``found`` every way to match one symbol of ``node``; the ways around ``node`` are left out."""
    kind = type(node)
    if kind is Symbols:
        found.append((node.ranges, rest))  # type: ignore[attr-defined]
    elif kind is Sequence:
        _collect_sequence(node, 0, rest, found)  # type: ignore[arg-type]
    elif kind is Choice:
        for option in node.options:  # type: ignore[attr-defined]
            collect_steps(option, rest, found)
    elif kind is Repeat and node.most != 0:  # type: ignore[attr-defined]
        after = node.after_one()  # type: ignore[attr-defined]
        collect_steps(node.body, rest if after.most == 0 else rest.push(after), found)  # type: ignore[attr-defined]
    elif kind is Deferred:
        collect_steps(node.open(), rest, found)  # type: ignore[attr-defined]


def _collect_sequence(node: Sequence, place: int, rest: Continuation, found: list[Step]) -> bool:
    """Do the same for a sequence from item ``place`` on; tell whether all of it can be empty."""
    if len(found) > MAX_STEPS:
        raise LimitError(
            f"regular expression: one place has more than {MAX_STEPS} ways on (limit MAX_STEPS of "
            "fsm.automata.continuation); use fewer optional parts in a row, and fewer alternatives"
        )
    last = len(node.items) - 1
    while place <= last:
        item = node.items[place]
        collect_steps(item, rest if place == last else rest.push(node, place + 1), found)
        if not item.is_nullable:
            return False
        place += 1
    return True
