"""Compile context-free grammars: rules of terminals become a network, place by place.

symbols.py   what rules are made of            rewriting.py    left recursion and useless rules removed
analysis.py  what comes first, what follows    strictness.py, debts.py, following.py   what tokens forbid after them
layout.py    places in rules as network rows   token_bytes.py  terminals byte by byte
grammar.py   the grammar as a whole
"""

from __future__ import annotations

__all__: list[str] = []
