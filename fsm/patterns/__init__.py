"""Compile patterns and lists of texts: automata over bytes whose masks are found without a network.

regular_compiled.py  any regular grammar            regular_masks.py  its masks, shared by places that look alike
byte_table.py        its automaton over bytes       byte_loops.py     where nearly all tokens fit
pattern_compiled.py  plain patterns                 position_table.py their positions, determinised in kernels
class_tables.py      classes of characters as bytes literal_compiled.py  lists of texts
"""

from __future__ import annotations

__all__: list[str] = []
