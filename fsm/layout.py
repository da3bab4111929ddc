"""Name the columns and kinds of the network's integer tables.

A network state is one row of int64 (one integer type throughout keeps every kernel to one specialisation); an edge is
one row (first symbol, last symbol, target). Symbols are bytes for ``BYTE`` states and Unicode code points for ``CHAR``
and ``RAW`` states, whose text the kernels decode on the fly:
``RAW`` reads UTF-8, ``CHAR`` reads the body of a JSON string (UTF-8, escapes, surrogate pairs; a quote closes it).

====== =============================================================================================================
kind   meaning
====== =============================================================================================================
DEAD   nothing matches; always state 0
POP    return to the state on top of the stack; with an empty stack, the text is complete; always state 1
FINAL  the text is complete; always state 2
BYTE   consume one byte by an edge; white space calls ``WS`` where set; else continue at ``DEFAULT`` without consuming;
       a state that counts white space has in ``SHORTEST`` how much it permits, and one more
CHAR   consume one character of a JSON string by an edge, or any other by ``DEFAULT``; a quote continues at ``CLOSE``
RAW    consume one UTF-8 character by an edge; and, side by side, continue at ``CLOSE`` without consuming
CALL   push ``RETURN`` (0: push nothing), load the counters ``LOW`` and ``HIGH``, continue at ``CALLEE``
FORK   continue at every edge's target, without consuming
STUB   not expanded yet: ``OWNER`` knows how, ``ARGUMENT`` is its key
NOTE   what was just read decides what follows: reading a text stops here and asks ``OWNER``; a mask, which has not
       read it, continues at ``DEFAULT``, and depends on the bits ``WATCHED`` of the stack's top
SEEN   look at the bits of the stack's top: dead unless all of ``NEEDS`` are set and, where there are any, one of
       ``LEFT`` is not; then set those of ``ADDS`` and continue at ``DEFAULT``, without consuming. Behind an edge
       or a ``CLOSE`` it is decided on arrival; never behind a ``CALL`` or a ``RETURN``
====== =============================================================================================================
"""

from __future__ import annotations

__all__ = [
    "ADDS",
    "ARGUMENT",
    "BASE",
    "BYTE",
    "CALL",
    "CALLEE",
    "CHAR",
    "CLOSE",
    "COUNT",
    "DEAD",
    "DEFAULT",
    "EDGE",
    "FINAL",
    "FORK",
    "HIGH",
    "KIND",
    "LEFT",
    "LONGEST",
    "LOW",
    "NEEDS",
    "NOTE",
    "NUM_COLUMNS",
    "OWNER",
    "POP",
    "RAW",
    "RETURN",
    "SEEN",
    "SHORTEST",
    "STATE_DEAD",
    "STATE_FINAL",
    "STATE_POP",
    "STUB",
    "UNBOUNDED",
    "WATCHED",
    "WS",
]

# Kinds.
DEAD, POP, FINAL, BYTE, CHAR, RAW, CALL, FORK, STUB, NOTE, SEEN = range(11)
# Columns; kinds reuse columns they do not share.
KIND, EDGE, COUNT, DEFAULT, CLOSE, SHORTEST, LONGEST, BASE = range(8)
WS = CLOSE
CALLEE, RETURN, LOW, HIGH = EDGE, COUNT, SHORTEST, LONGEST
OWNER, ARGUMENT = EDGE, COUNT
WATCHED = CLOSE
NEEDS, LEFT, ADDS = EDGE, COUNT, CLOSE
NUM_COLUMNS = 8
# Fixed states.
STATE_DEAD, STATE_POP, STATE_FINAL = 0, 1, 2
# A counter that never runs out.
UNBOUNDED = 2**31 - 1
