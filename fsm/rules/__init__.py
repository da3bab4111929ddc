"""Fill the masks of rules and their tokens (Lark, GBNF): sets of configurations are numbered and walked by look-up.

rules_compiled.py  a grammar of rules     state_sets.py   sets of configurations and where bytes lead
set_masks.py       their masks
"""

from __future__ import annotations

__all__: list[str] = []
