"""Have a vocabulary ready for JSON: what its tokens do in numbers, in strings and in dates.

Cost: some 25 ms for 128,000 tokens, with the first schema that is compiled for a vocabulary; the tables that grammars
of all kinds need take some 300 ms there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from fsm.vocabulary import Vocabulary
from grammars.grammar import Grammar

__all__ = ["make_ready"]

_FEWEST_TOKENS = 2048
"""Fewer tokens than these are walked as fast as they are looked up."""

_SCHEMA = {"properties": {"i": {"items": {"type": "integer"}}, "d": {"format": "date"}, "u": {"format": "date-time"}}}
_TEXT = (
    b'{"i": [-120, 0, 7, 42, 1234], "n": [0, -0.25, 12.5e+3, 345.678E-12, 9e1, 1234], "s": "a\\n\\u00e9", '
    b'"o": {"k": true, "l": false, "m": 36}, "e": [null, {}, []], "t": ["x", "y"], '
    b'"d": "2024-02-29", "u": "1999-12-31T23:59:58.25Z"}'
)


_USUAL = {
    "properties": {
        "a": {"type": "string"},
        "b": {"type": "integer", "minimum": 1, "maximum": 20},
        "c": {"type": "string", "pattern": "^[a-z]+:[0-9]*$"},
        "d": {"type": "array", "items": {"type": "string"}},
        "e": {"type": "number", "exclusiveMinimum": 0.5},
        "f": {"enum": ["x", "y", 1]},
        "g": {"type": "object", "properties": {"h": {"type": "boolean"}}, "additionalProperties": False},
    },
    "required": ["a", "b"],
    "additionalProperties": False,
}
"""What schemas usually ask."""


def make_ready(vocabulary: Vocabulary, make_grammar: Callable[[dict[str, Any]], Grammar]) -> None:
    """Fill the masks of texts with every kind of value, unless it was done; the vocabulary keeps what they share."""
    if vocabulary.size < _FEWEST_TOKENS or "_is_ready_for_json" in vocabulary.__dict__:
        return
    vocabulary.__dict__["_is_ready_for_json"] = True  # first: what is compiled here asks as well
    make_grammar(_USUAL).compile_ahead(vocabulary, seconds=math.inf)
    compiled = make_grammar(_SCHEMA).compile(vocabulary)
    position = compiled.start
    for place in range(len(_TEXT)):
        compiled.fill(position)
        position = compiled.advance_bytes(position, _TEXT[place : place + 1], partial(bytes, _TEXT[:place]))
