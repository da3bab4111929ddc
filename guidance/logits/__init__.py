"""Turn a model's logits into the law tokens are drawn from, and draw.

base.py        what a processor is, and the stages it may stand at
pipeline.py    the one fixed order of stages
mask.py        packed masks applied to logits
truncation.py  temperature, top-k, top-p, min-p
sampler.py     greedy and inverse-CDF draws
"""

from __future__ import annotations

from guidance.logits.base import PLAIN, Companion, Context, Processor, Stage
from guidance.logits.mask import apply_token_bitmask_inplace
from guidance.logits.pipeline import Pipeline
from guidance.logits.sampler import Draws, draw_tokens
from guidance.logits.truncation import MinP, Temperature, TopK, TopP

__all__ = [
    "PLAIN",
    "Companion",
    "Context",
    "Draws",
    "MinP",
    "Pipeline",
    "Processor",
    "Stage",
    "Temperature",
    "TopK",
    "TopP",
    "apply_token_bitmask_inplace",
    "draw_tokens",
]
