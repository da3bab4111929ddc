"""Tell the parts of a text apart: regions, captures, special tokens, free text, and the end of a prompt.

regions.py         named parts             captures.py       where they lie, by reading again
special_tokens.py  tokens as symbols       text_compiled.py  masks of free text between other things
way_out.py         to the end of a part    continued.py, extensions.py  tokens across the end of a prompt
"""

from __future__ import annotations

__all__: list[str] = []
