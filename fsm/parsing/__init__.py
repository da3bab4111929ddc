"""Read texts by a lexer and a parser of tables, indentation included.

token_tables.py    the tables             token_arena.py     stacks, equal ones kept once
token_compiled.py  positions and moves    token_distance.py  bytes to the end of a text
token_stays.py     masks inside tokens of the grammar
"""

from __future__ import annotations

__all__: list[str] = []
