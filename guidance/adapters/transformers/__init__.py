"""Reach grammars, and our own loop, from ``generate`` of the transformers library.

processor.py    masks the scores of any of its loops      prompts.py   cuts the prompts off the rows it shows
constraint.py   one output, for a foreign loop            places.py    where a text stands, by its token ids
masking.py      scores that others may have masked
custom_generate.py   our loop instead of its own          asked.py    what a generation config asks of it
inputs.py       the prompts that it hands over            strangers.py   processors it does not ask for
continuous_batching.py   outputs of requests that share a running batch; imported on its own, for it changes often
"""

from __future__ import annotations

from guidance.adapters.transformers.custom_generate import CustomGenerate, GuidanceOutput, guidance_generate
from guidance.adapters.transformers.processor import GrammarLogitsProcessor

__all__ = ["CustomGenerate", "GrammarLogitsProcessor", "GuidanceOutput", "guidance_generate"]
