"""Tell where a text stands in a grammar from its token ids alone, remembering the texts asked about before.

A loop that reorders, forks and takes back its rows needs to say nothing: a row's place is a function of its tokens.
Cost: a look-up for a text seen before, an advance where all but its last token was; otherwise the tokens behind the
longest beginning that is still known.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm.errors import TokenRejected, VocabularyError
from guidance.decoding.forcing import Forcing
from guidance.decoding.request import CompiledLike
from guidance.model import Model

__all__ = ["Place", "Places", "Standing"]

_PLACE_BYTES = 700
_TOKEN_BYTES = 24
"""A token id in the key, and two references in the matcher."""


class Standing(Enum):
    """Say what may follow a text."""

    OPEN = "open"
    """What the grammar allows."""
    FORCED = "forced"
    """One token, in the tokenizer's own spelling of what the grammar forces."""
    COMPLETE = "complete"
    """An end token."""
    ENDED = "ended"
    """Nothing counts any more: an end token was read."""
    ILLEGAL = "illegal"
    """The text is none that the grammar begins: a draft the caller will drop, or a beam of probability 0."""


class Place:
    """Hold where one text stands; never changes.

    Parameters
    ----------
    standing : what may follow.
    matcher : the cursor behind the text; None where nothing counts any more.
    forced : the tokens that must come next.
    is_start : no token of the output was read yet.
    """

    __slots__ = ("forced", "is_start", "matcher", "standing")

    def __init__(
        self, standing: Standing, matcher: Any = None, forced: tuple[int, ...] = (), *, is_start: bool = False
    ) -> None:
        self.standing = standing
        self.matcher = matcher
        self.forced = forced
        self.is_start = is_start


_ENDED = Place(Standing.ENDED)
_ILLEGAL = Place(Standing.ILLEGAL)


class Places:
    """Remember the places of texts of one grammar; owned by one processor.

    Parameters
    ----------
    model : whose tokens the texts are made of.
    compiled : the grammar, compiled for it.
    max_bytes : the places asked for longest ago are forgotten where they take more; none is kept at 0. What is
        returned does not depend on it.

    Examples
    --------
    >>> import guidance, grammars, numpy as np
    >>> model = guidance.load("embedded")
    >>> places = Places(model, model.compile(grammars.regex("a+")).compiled)
    >>> a = model.encode_text("a")[0]
    >>> places.at(np.array([a, a])).standing.value, places.at(np.array([a, 0])).standing.value
    ('open', 'ended')
    """

    def __init__(self, model: Model, compiled: CompiledLike, *, max_bytes: int = 1 << 25) -> None:
        self._ends = frozenset(model.vocabulary.eos_token_ids)
        self._special = frozenset(model.vocabulary.special_token_ids) - self._ends
        self._forcing = Forcing(model)
        self._max_bytes = max_bytes
        self._num_bytes = 0
        self._known: OrderedDict[bytes, Place] = OrderedDict()
        self._start = self._settle(compiled.matcher(), is_start=True)

    @property
    def memory_bytes(self) -> int:
        """Return about what the remembered places take."""
        return self._num_bytes

    def at(self, token_ids: NDArray[np.int64]) -> Place:
        """Return the place of a text.

        Parameters
        ----------
        token_ids : int64[n]   the output so far
        """
        key = np.ascontiguousarray(token_ids, dtype=np.int64).tobytes()
        place = self._known.get(key)
        if place is None:
            place = self._find(key, token_ids)
            self._remember(key, place)
        else:
            self._known.move_to_end(key)
        return place

    def num_leading(self, token_ids: NDArray[np.int64]) -> int:
        """Count the special tokens before the output."""
        sizes = range(1, len(token_ids) + 1)
        return next((size - 1 for size in sizes if not self.at(token_ids[:size]).is_start), len(token_ids))

    def is_output(self, token_ids: NDArray[np.int64]) -> bool:
        """Tell whether a text, without its end token, is a whole output."""
        matcher = self.at(token_ids).matcher
        return matcher is not None and bool(matcher.is_accepting)

    def _find(self, key: bytes, token_ids: NDArray[np.int64]) -> Place:
        """Go on from the longest beginning that is known."""
        size = len(token_ids) - 1
        while size > 0 and key[: 8 * size] not in self._known:
            size -= 1
        place = self._known[key[: 8 * size]] if size > 0 else self._start
        for token_id in token_ids[max(size, 0) :].tolist():
            place = self._after(place, token_id)
        return place

    def _after(self, place: Place, token_id: int) -> Place:
        if place.standing in {Standing.ENDED, Standing.ILLEGAL}:
            return place
        if token_id in self._ends:
            return _ENDED
        if place.standing is Standing.FORCED:
            if token_id != place.forced[0]:
                return self._lead(place, token_id)
            return self._move(place, token_id, forced=place.forced[1:])
        if place.standing is Standing.COMPLETE:
            return _ILLEGAL
        return self._move(place, token_id)

    def _move(self, place: Place, token_id: int, *, forced: tuple[int, ...] | None = None) -> Place:
        """Return the place one token on; `forced` is what is left of a run that was being written."""
        matcher = place.matcher.fork()
        try:
            matcher.advance(token_id)
        except (TokenRejected, VocabularyError):
            return self._lead(place, token_id)
        return self._settle(matcher, forced=forced)

    def _lead(self, place: Place, token_id: int) -> Place:
        """Let special tokens before the output be: ``forced_bos_token_id`` puts them there."""
        return place if place.is_start and token_id in self._special else _ILLEGAL

    def _settle(self, matcher: Any, *, forced: tuple[int, ...] | None = None, is_start: bool = False) -> Place:
        """Return the place of a matcher: over, forced or free, as `guidance.decoding.writing` has it."""
        if matcher.is_complete:
            return Place(Standing.COMPLETE, matcher, is_start=is_start)
        if forced is None:
            forced = tuple(self._forcing.tokens(matcher))
            end = next((index for index, token in enumerate(forced) if token in self._ends), len(forced))
            forced = forced[:end]
        return Place(Standing.FORCED if forced else Standing.OPEN, matcher, forced, is_start=is_start)

    def _remember(self, key: bytes, place: Place) -> None:
        self._known[key] = place
        self._num_bytes += _size(key)
        while self._num_bytes > self._max_bytes:
            forgotten, _ = self._known.popitem(last=False)
            self._num_bytes -= _size(forgotten)


def _size(key: bytes) -> int:
    return _PLACE_BYTES + len(key) // 8 * _TOKEN_BYTES
