"""Steer with other language models: combine logits of a base, experts and anti-experts.

dexperts.py proxy.py contrastive.py classifier_free.py   methods: an expression and the tokens that stay
arithmetic.py     any expression over models and classifiers
formula.py        expressions                      weights.py     numbers in them that may vary by step
plan.py           an expression compiled: what runs, on which rows, and how it adds up
ensemble.py       the plan's KV caches, in step    stack.py       networks of one shape run as one
blending.py       the sums                         combination.py what the methods share
alignment.py      what token ids mean to two models               errors.py
"""

from __future__ import annotations

from proxy_tuning.alignment import align_vocabularies, match_token_bytes
from proxy_tuning.arithmetic import ModelArithmetic
from proxy_tuning.classifier_free import ClassifierFree
from proxy_tuning.contrastive import ContrastiveDecoding
from proxy_tuning.dexperts import DExperts, ExpertPair
from proxy_tuning.errors import SteeringError
from proxy_tuning.formula import BASE, Attribute, Formula, Term, intersection, union
from proxy_tuning.proxy import ProxyTuning

__all__ = [
    "BASE",
    "Attribute",
    "ClassifierFree",
    "ContrastiveDecoding",
    "DExperts",
    "ExpertPair",
    "Formula",
    "ModelArithmetic",
    "ProxyTuning",
    "SteeringError",
    "Term",
    "align_vocabularies",
    "intersection",
    "match_token_bytes",
    "union",
]
