"""Fill the masks along a text before a model gets there.

Masks are made when a text gets to them, so the first text of a grammar waits for most of them, one after another. Who
compiles a grammar off the decoding thread, or has a prompt to read meanwhile, can have them made before.
"""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter

from fsm.compiled import Compiled
from fsm.errors import GuidanceError
from fsm.forced_tokens import split_forced

__all__ = ["fill_ahead"]


def fill_ahead(compiled: Compiled, text: bytes, *, until: float) -> int:
    """Walk a text from the beginning and fill the mask before each of its tokens; return how many were read.

    It ends where the grammar forbids a token, or a mask meets a limit: who gets there is told then. Cost: that of the
    masks and moves; the last one may outlast the time.

    Parameters
    ----------
    compiled : the grammar.
    text : what to walk; its tokens are the longest ones.
    until : when to stop, in the seconds of ``time.perf_counter``.
    """
    matcher = compiled.matcher()
    with suppress(GuidanceError):
        for token_id in split_forced(compiled.vocabulary, text, is_whole=True):
            matcher.next_token_bitmask()
            if perf_counter() > until or not matcher.try_advance(token_id):
                return matcher.num_tokens
        matcher.next_token_bitmask()
    return matcher.num_tokens
