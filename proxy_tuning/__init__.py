"""Steer with other language models: combine logits of a base, experts and anti-experts.

dexperts.py proxy.py contrastive.py classifier_free.py   methods: an expression and the tokens that stay
dola.py           the same against the model's own early layers, which early_exits.py reads
arithmetic.py     any expression over models and classifiers
formula.py        expressions                      weights.py     numbers in them that may vary by step
plan.py           an expression compiled: what runs, on which rows, and how it adds up
ensemble.py       the plan's KV caches, in step    stack.py       networks of one shape run as one
blending.py       the sums                         combination.py what the methods share
chat_prompt.py    the prompt in an expert's own chat template
service.py        a model of which only its likeliest tokens are known
alignment.py      what token ids mean to two models   legal.py  what the grammar allows
effects.py sweep.py picture.py command.py          ``guidance steer``: what strengths gain and cost
errors.py         what can go wrong
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from guidance.lazy_names import lazy_names

if TYPE_CHECKING:
    from proxy_tuning.alignment import align_vocabularies, match_token_bytes
    from proxy_tuning.arithmetic import ModelArithmetic
    from proxy_tuning.chat_prompt import ChatPrompt
    from proxy_tuning.classifier_free import ClassifierFree
    from proxy_tuning.contrastive import ContrastiveDecoding
    from proxy_tuning.dexperts import DExperts, ExpertPair
    from proxy_tuning.dola import DoLa
    from proxy_tuning.errors import SteeringError
    from proxy_tuning.formula import BASE, Attribute, Formula, Term, intersection, union
    from proxy_tuning.proxy import ProxyTuning
    from proxy_tuning.service import Service

__all__ = [
    "BASE",
    "Attribute",
    "ChatPrompt",
    "ClassifierFree",
    "ContrastiveDecoding",
    "DExperts",
    "DoLa",
    "ExpertPair",
    "Formula",
    "ModelArithmetic",
    "ProxyTuning",
    "Service",
    "SteeringError",
    "Term",
    "align_vocabularies",
    "intersection",
    "match_token_bytes",
    "union",
]

# Names are imported when first used, so that ``guidance steer --help`` need not wait for torch.
_HOMES = {
    "BASE": "proxy_tuning.formula",
    "Attribute": "proxy_tuning.formula",
    "ChatPrompt": "proxy_tuning.chat_prompt",
    "ClassifierFree": "proxy_tuning.classifier_free",
    "ContrastiveDecoding": "proxy_tuning.contrastive",
    "DExperts": "proxy_tuning.dexperts",
    "DoLa": "proxy_tuning.dola",
    "ExpertPair": "proxy_tuning.dexperts",
    "Formula": "proxy_tuning.formula",
    "ModelArithmetic": "proxy_tuning.arithmetic",
    "ProxyTuning": "proxy_tuning.proxy",
    "Service": "proxy_tuning.service",
    "SteeringError": "proxy_tuning.errors",
    "Term": "proxy_tuning.formula",
    "align_vocabularies": "proxy_tuning.alignment",
    "intersection": "proxy_tuning.formula",
    "match_token_bytes": "proxy_tuning.alignment",
    "union": "proxy_tuning.formula",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
