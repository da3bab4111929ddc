"""Fill a mask the slow, obvious way: try every token on a copy of the matcher."""

from __future__ import annotations

from fsm import Matcher

__all__ = ["allowed_by_trying"]


def allowed_by_trying(matcher: Matcher) -> set[int]:
    """Return the ids a matcher accepts next, the end tokens where the text may end."""
    vocabulary = matcher.vocabulary
    allowed = {token for token in vocabulary.text_token_ids if matcher.fork().try_advance(token)}
    return allowed | (set(vocabulary.eos_token_ids) if matcher.is_accepting else set())
