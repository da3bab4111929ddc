"""Hold what is known of a vocabulary's tokens whatever the grammar, computed once per vocabulary.

trie.py               tokens, depth first and by sibling   tables.py    all that grammars share, and scratch room
character_classes.py  what tokens inside strings are made of           openings.py  those that open a string
space_tokens.py       those that begin with white space   numerals.py  those that begin a number
token_parts.py, token_lengths.py  short and long tokens   token_loops.py  those that go on by some bytes
token_rests.py        what those that stop doing so end with
"""

from __future__ import annotations

__all__: list[str] = []
