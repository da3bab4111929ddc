"""Compile context-free grammars: rules of terminals become a network, place by place.

symbols.py   what rules are made of            rewriting.py, repetitions.py  without left recursion and useless rules
analysis.py  what comes first, what follows    strictness.py, debts.py, following.py   what tokens forbid after them
leads.py     which terminals may come next     layout.py       places in rules as network rows
grammar.py   the grammar as a whole            token_bytes.py  terminals byte by byte
"""

from __future__ import annotations

__all__: list[str] = []
