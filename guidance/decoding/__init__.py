"""Decode: one loop for one row and for many, with or without a grammar.

request.py    what one row is asked to produce
row.py        one row while it is being produced
loop.py       prefill once, then draw, force, and step until every row has stopped
batch.py      the rows that decode together, their cache, and their steps
group.py      rows that share a pipeline, and what is computed beside the model for them
lanes.py      the ways through trees of drafts, as rows of their own
drawing.py    draws from the logits of one step, on while they confirm what was proposed
writing.py    tokens to rows, what the grammar forces after them, the reason to stop
proposal.py   what runs ahead of the model                    acceptance.py   by the published rule
budget.py     the one place where max_tokens meets the grammar
forcing.py    forced bytes in the tokenizer's own tokens
healing.py    the end of a prompt, drawn anew with what follows it
regions.py    parts of a grammar with a limit or a temperature of their own
stopping.py   why a row ended
metrics.py    what it took                                   working_clock.py   by which clock steps are compared
"""

from __future__ import annotations

from guidance.decoding.batch import Batch
from guidance.decoding.loop import Decoder, make_rows
from guidance.decoding.metrics import Metrics, SpeculationFigures
from guidance.decoding.proposal import Drafter, DraftLaw, Proposal
from guidance.decoding.request import Request
from guidance.decoding.row import Row
from guidance.decoding.stopping import StopReason
from guidance.decoding.writing import Writer

__all__ = [
    "Batch",
    "Decoder",
    "DraftLaw",
    "Drafter",
    "Metrics",
    "Proposal",
    "Request",
    "Row",
    "SpeculationFigures",
    "StopReason",
    "Writer",
    "make_rows",
]
