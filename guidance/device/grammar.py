"""Hold a frozen grammar on the device: masks, moves, what it forces, and how far the end is.

The host's matcher is asked once about every state; a step then only looks up. Cost: freezing (a few milliseconds per
state at 128,000 tokens), and some 50 us per state for the questions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import torch

from fsm import Matcher
from fsm.compiled import Compiled
from fsm.freezing.frozen import DEAD, ENDED, FrozenTables

__all__ = ["DeviceGrammar"]

_FAR = 1 << 40

Forced = Callable[[Matcher], Sequence[int]]
"""Return the tokens that must come next where a matcher stands."""


class DeviceGrammar:
    """Answer a step's questions about B rows by look-ups.

    masks        : int32[S, W]     packed masks by state (``fsm.mask``); None where every token is allowed
    moves        : int64[S * C]    next state by state and class of token
    class_of     : int64[V]
    is_complete  : bool[S]         the text is whole and nothing may extend it
    distances    : int64[S]        the fewest bytes to a whole text
    run_of       : int64[S]        the place in `runs` of what a state forces; 0 for nothing
    runs         : int64[R]        forced tokens, run after run; place 0 stands for none
    states_after : int64[R]        the state after each of them
    left         : int64[R]        how many tokens of its run are left from each on

    Parameters
    ----------
    tables : the frozen grammar.
    answers : what the matcher said about each state, from `ask_matchers`.
    device : where the tensors go.
    """

    def __init__(self, tables: FrozenTables, answers: Answers, device: torch.device) -> None:
        self.tables = tables
        self.longest_run = max(map(len, answers.forced), default=0)
        self.masks: torch.Tensor | None = torch.from_numpy(tables.masks).to(device)
        self.moves = torch.from_numpy(tables.next.astype(np.int64)).flatten().to(device)
        self.class_of = torch.from_numpy(tables.class_of.astype(np.int64)).to(device)
        self.is_complete = torch.tensor(answers.is_complete, device=device)
        self.distances = torch.tensor(answers.distances, dtype=torch.int64, device=device)
        self._lay_runs(answers.forced, device)
        self._num_classes = tables.num_classes

    @classmethod
    def of_free_text(cls, device: torch.device) -> DeviceGrammar:
        """Return what allows everything and forces nothing, with one state."""
        free = cls.__new__(cls)
        free.longest_run = 0
        free.masks = None
        free.is_complete = torch.zeros(1, dtype=torch.bool, device=device)
        free.distances = torch.zeros(1, dtype=torch.int64, device=device)
        free._lay_runs([[]], device)  # noqa: SLF001 - it is of this class, and not yet anyone's
        return free

    @property
    def num_bytes(self) -> int:
        """Return the memory of the tables on the device."""
        tensors = (self.masks, self.is_complete, self.distances, self.run_of, self.runs, self.states_after, self.left)
        moving = () if self.masks is None else (self.moves, self.class_of)
        return sum(tensor.nbytes for tensor in (*tensors, *moving) if tensor is not None)

    def state_after(self, token_ids: Sequence[int]) -> int:
        """Return the state after tokens from the beginning on."""
        if self.masks is None:
            return 0
        state = self.tables.start
        for token_id in token_ids:
            state = self.tables.step(state, token_id)
        return state

    def advance(self, states: torch.Tensor, token_ids: torch.Tensor) -> torch.Tensor:
        """Return the states after one token each: int64[B]; 0 where it is not allowed."""
        if self.masks is None:
            return states
        return self.moves.index_select(0, states * self._num_classes + self.class_of.index_select(0, token_ids))

    def _lay_runs(self, forced: Sequence[Sequence[int]], device: torch.device) -> None:
        runs, after, left, run_of = [0], [0], [0], []
        for state, tokens in enumerate(forced):
            run_of.append(len(runs) if tokens else 0)
            for index, token in enumerate(tokens):
                state = self.tables.step(state, token)  # noqa: PLW2901 - it walks along the run
                runs.append(token)
                after.append(state)
                left.append(len(tokens) - index)
        self.run_of, self.runs, self.states_after, self.left = (
            torch.tensor(values, dtype=torch.int64, device=device) for values in (run_of, runs, after, left)
        )


class Answers:
    """Hold what a grammar's matcher says about each frozen state.

    forced      : the tokens that must come next
    is_complete : whether the text is whole and nothing may extend it
    distances   : the fewest bytes to a whole text
    """

    __slots__ = ("distances", "forced", "is_complete")

    def __init__(self, num_states: int) -> None:
        self.forced: list[list[int]] = [[] for _ in range(num_states)]
        self.is_complete = [False] * num_states
        self.distances = [_FAR] * num_states
        self.distances[ENDED] = 0


def ask_matchers(compiled: Compiled, tables: FrozenTables, forced: Forced) -> Answers:
    """Return the answers of a matcher in every state, each reached by some text."""
    answers = Answers(tables.num_states)
    _, tokens = np.unique(tables.class_of, return_index=True)
    ends = frozenset(tables.vocabulary.eos_token_ids)
    waiting: deque[tuple[int, Matcher]] = deque([(tables.start, compiled.matcher())])
    seen = {DEAD, ENDED, tables.start}
    while waiting:
        state, matcher = waiting.popleft()
        answers.is_complete[state] = matcher.is_complete
        answers.distances[state] = matcher.shortest_completion()
        answers.forced[state] = _before_end(forced(matcher), ends)
        for token, after in zip(tokens.tolist(), tables.next[state].tolist(), strict=True):
            if after not in seen:
                seen.add(after)
                reached = matcher.fork()
                reached.advance(token)
                waiting.append((after, reached))
    return answers


def _before_end(tokens: Sequence[int], ends: frozenset[int]) -> list[int]:
    found = list(tokens)
    return found[: next((i for i, token in enumerate(found) if token in ends), len(found))]
