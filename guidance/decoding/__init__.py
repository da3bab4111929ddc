"""Decode: one loop for one row and for many, with or without a grammar.

request.py    what one row is asked to produce
row.py        one row while it is being produced
group.py      rows that share a pipeline, and what is computed beside the model for them
loop.py       prefill once, then draw, force, and step until every row has stopped
budget.py     the one place where max_tokens meets the grammar
forcing.py    forced bytes in the tokenizer's own tokens
stopping.py   why a row ended
metrics.py    what it took
"""

from __future__ import annotations

from guidance.decoding.loop import Decoder
from guidance.decoding.metrics import Metrics
from guidance.decoding.request import Request
from guidance.decoding.row import Row
from guidance.decoding.stopping import StopReason

__all__ = ["Decoder", "Metrics", "Request", "Row", "StopReason"]
