"""Find, character by character, which of several patterns matches first, and where: how ``lark``'s lexers read a token.

A lexer tries its terminals in order, as one expression of alternatives. Which terminals it tries depends on the place;
their patterns are one program, so that places share the states of what they have in common.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from fsm.errors import LimitError
from grammars.context_free.symbols import Debt
from grammars.lark.follows import FollowStates, settle
from grammars.lark.program import Behind, Character, Instruction, Match, Program, Split
from grammars.lark.threads import EARLIER, GOAL, NOW, Follow

__all__ = ["MAX_TOKEN_STATES", "FirstToken"]

MAX_TOKEN_STATES = 50_000


class FirstToken(FollowStates):
    """Read one token as the first of some patterns that matches; states count from 1, 0 is dead.

    Parameters
    ----------
    program : the patterns.
    starts : where each begins; its end has the same number.
    """

    def __init__(self, program: Program, starts: list[int]) -> None:
        super().__init__(program)
        self.starts = starts
        self._ends: dict[int, tuple[tuple[int, Debt | None], ...]] = {}

    def start(self, patterns: Iterable[int]) -> int:
        """Return the state before a token, for these patterns, the first preferred."""
        return self._number(self.begin([self.starts[one] for one in patterns]))

    def ends(self, state: int) -> tuple[tuple[int, Debt | None], ...]:
        """Return the patterns whose match may end in a state, each with what it says about the text after it."""
        known = self._ends.get(state)
        if known is None:
            threads, behind = self._states[state]
            found: list[tuple[int, Debt | None]] = []
            for number in dict.fromkeys([NOW - pc for pc, _ in threads if pc <= NOW]):
                ended = [(_past(pc, number), owed) for pc, owed in threads]
                follow = self.canonical(settle(ended, behind))
                if follow[0]:
                    found.append((number, None if self.is_free(follow) else Debt(self, follow)))
            known = self._ends[state] = tuple(found)
        return known

    def _number(self, follow: Follow) -> int:
        return super()._number(self._without_idle_looks(follow))

    def _check_size(self, number: int) -> None:
        if number > MAX_TOKEN_STATES:
            raise LimitError(
                f"terminals: more than {MAX_TOKEN_STATES} states are needed (limit MAX_TOKEN_STATES); "
                "shorten their repetitions"
            )

    def _without_idle_looks(self, follow: Follow) -> Follow:
        """Forget the look-behinds that no thread will ask about, so that states that differ only there are one."""
        threads, behind = follow
        if not behind:
            return follow
        asked = 0
        for pc, owed in threads:
            asked |= -1 if owed else self._asked[pc] if pc >= 0 else 0
        return threads, tuple([group if asked >> one & 1 else frozenset() for one, group in enumerate(behind)])

    @cached_property
    def _asked(self) -> list[int]:
        """By instruction, the look-behinds that may still be asked about, as bits."""
        code = self.program.code
        asked = [1 << one.body if isinstance(one, Behind) else 0 for one in code]
        is_changed = True
        while is_changed:
            is_changed = False
            for place, one in enumerate(code):
                more = asked[place]
                for after in _afters(one):
                    more |= asked[after]
                if more != asked[place]:
                    asked[place], is_changed = more, True
        return asked


def _past(pc: int, number: int) -> int:
    """Return a thread's place once the match that is asked about has ended here."""
    if pc > NOW:
        return pc
    return GOAL if NOW - pc == number else EARLIER


def _afters(one: Instruction) -> tuple[int, ...]:
    if isinstance(one, Split):
        return one.first, one.second
    if isinstance(one, Match):
        return ()
    if isinstance(one, Character | Behind):
        return (one.after,)
    return one.body, one.after
