"""Write a text with a grammar the way a model would: draw allowed tokens, then head for the end."""

from __future__ import annotations

import random

from fsm import Matcher, Vocabulary, allocate_token_bitmask, allowed_token_ids
from fsm.parts.special_tokens import remove_special_tokens
from tests.reference.masks import allowed_by_trying

__all__ = ["BYTES", "walk"]

_PIECES = 'the of and 19 20 00 :// http e. .c {" ": ", "} [] </ > <tool _call \n\n é 日 12 -1 .5 true null a@ @b ":"'
BYTES = Vocabulary(
    [
        b"</s>",
        *(bytes([i]) for i in range(256)),
        *dict.fromkeys(piece.encode() for piece in _PIECES.split(" ") if piece),
    ],
    eos_token_ids=[0],
)
"""Every byte, and some pieces that straddle what grammars tell apart."""


def walk(matcher: Matcher, source: random.Random, *, num_free: int = 24, num_checked: int = 3) -> str:
    """Return a text that a matcher was led through, token by token, to an accepting end.

    The first tokens are drawn from all that are allowed; later ones must not lead away from the end. No mask on the way
    may be empty (a dead end), and some of them, chosen at random, must equal what trying every token says.
    """
    vocabulary = matcher.vocabulary
    mask = allocate_token_bitmask(1, vocabulary.size)
    read: list[int] = []
    checked = {source.randrange(num_free) for _ in range(num_checked)}
    for step in range(10_000):
        matcher.fill_next_token_bitmask(mask)
        allowed = allowed_token_ids(mask[0]).tolist()
        assert allowed, f"dead end after {matcher.text()!r}"
        if step in checked:
            assert set(allowed) == allowed_by_trying(matcher), matcher.text()
        if matcher.is_accepting and (step >= num_free or source.random() < 0.05):
            return remove_special_tokens(vocabulary.decode(read)).decode()
        token = _draw(matcher, [t for t in allowed if t not in vocabulary.eos_token_ids], source, step >= num_free)
        if token is None:
            assert matcher.is_accepting
            return remove_special_tokens(vocabulary.decode(read)).decode()
        matcher.advance(token)
        read.append(token)
    raise AssertionError(f"no end after {matcher.text()!r}")


def _draw(matcher: Matcher, allowed: list[int], source: random.Random, heads_for_end: bool) -> int | None:
    if not allowed:
        return None
    if not heads_for_end:
        return source.choice(allowed)
    here = matcher.shortest_completion()
    source.shuffle(allowed)
    for token in allowed:
        matcher.advance(token)
        is_nearer = matcher.shortest_completion() < here
        matcher.rollback(1)
        if is_nearer:
            return token
    raise AssertionError(f"nothing leads to the end, {here} bytes away, from {matcher.text()!r}")
