"""Say why a token is not allowed: the first byte that does not fit, and what was expected there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fsm.errors import VocabularyError
from fsm.position import REJECTED, Position

if TYPE_CHECKING:
    from fsm.compiled import Compiled
    from fsm.matcher import Matcher

__all__ = ["Explanation", "explain_token", "remember_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Hold the answer of ``Matcher.explain``.

    Parameters
    ----------
    token_id, token_bytes : the token asked about.
    is_allowed : whether it may come next.
    accepted_bytes : how many of its bytes fit.
    expected : the bytes that could stand where it stops fitting.
    reason : one sentence.
    where : which rule, keyword or place of the grammar's source says so; empty where that is not known.
    """

    token_id: int
    token_bytes: bytes
    is_allowed: bool
    accepted_bytes: int
    expected: bytes
    reason: str
    where: str = ""

    def __str__(self) -> str:
        return self.reason


def explain_token(matcher: Matcher, compiled: Compiled, position: Position, token_id: int) -> Explanation:
    """Try a token byte by byte; cost: one step per byte, and one look at all bytes where it fails."""
    vocabulary = compiled.vocabulary
    if not 0 <= token_id < vocabulary.size:
        raise VocabularyError(f"token id {token_id} lies outside the vocabulary 0..{vocabulary.size - 1}")
    data = vocabulary.token_bytes[token_id]
    if matcher.is_terminated or token_id in vocabulary.special_token_ids or not data:
        return _explain_special(matcher, compiled, token_id)
    here = position
    text = matcher.text()
    for place in range(len(data)):
        so_far = text + data[:place]
        after = compiled.advance_bytes(here, data[place : place + 1], lambda so_far=so_far: so_far)  # type: ignore[misc]
        if after is REJECTED:
            expected = np.flatnonzero(compiled.next_bytes(here)).astype(np.uint8).tobytes()
            reason = f"token {token_id} {data!r}: byte {place} {data[place : place + 1]!r} does not fit after "
            reason += f"{so_far[-24:]!r}; expected {_shown(expected)}"
            where = _describe(compiled, so_far)
            return Explanation(
                token_id=token_id, token_bytes=data, is_allowed=False, accepted_bytes=place, expected=expected,
                reason=f"{reason}; {where}" if where else reason, where=where,
            )  # fmt: skip
        here = after
    return Explanation(
        token_id=token_id, token_bytes=data, is_allowed=True, accepted_bytes=len(data), expected=b"",
        reason=f"token {token_id} {data!r} is allowed",
    )  # fmt: skip


def remember_source(compiled: Compiled, describe: Callable[[str], str]) -> None:
    """Let explanations name places in the grammar's source.

    describe : from the text read so far to what governs the place after it; empty where nothing can be said.
    """
    compiled.__dict__["_describe_place"] = describe


def _describe(compiled: Compiled, read: bytes) -> str:
    """Return what governs the place after some bytes; an unfinished character at their end is left out."""
    describe: Callable[[str], str] | None = compiled.__dict__.get("_describe_place")
    return "" if describe is None else describe(read.decode(errors="ignore"))


def _explain_special(matcher: Matcher, compiled: Compiled, token_id: int) -> Explanation:
    data = matcher.vocabulary.token_bytes[token_id]
    where = ""
    is_end = token_id in matcher.vocabulary.eos_token_ids
    allowed = is_end and (matcher.is_terminated or matcher.is_accepting)
    if matcher.is_terminated:
        reason = f"token {token_id}: the text has ended; only the end token may repeat"
    elif is_end:
        reason = f"token {token_id} ends the text, which " + ("may end here" if allowed else "is not complete yet")
        where = "" if allowed else _describe(compiled, matcher.text())
        reason += f"; {where}" if where else ""
    else:
        reason = f"token {token_id} {data!r} is special or empty and never matches as text"
    return Explanation(
        token_id=token_id, token_bytes=data, is_allowed=allowed, accepted_bytes=0, expected=b"", reason=reason,
        where=where,
    )  # fmt: skip


def _shown(expected: bytes) -> str:
    if not expected:
        return "the end of the text"
    if len(expected) > 40:
        return f"one of {len(expected)} bytes"
    return "one of " + " ".join(repr(bytes([byte]))[1:] for byte in expected)
