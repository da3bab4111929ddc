"""Reach grammars, and our own loop, from ``generate`` of the transformers library.

processor.py    masks the scores of any of its loops      places.py   where a text stands, by its token ids
prompts.py      cuts the prompts off the rows it shows
"""

from __future__ import annotations

from guidance.adapters.transformers.processor import GrammarLogitsProcessor

__all__ = ["GrammarLogitsProcessor"]
