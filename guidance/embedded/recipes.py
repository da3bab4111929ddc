"""List the recipes of the embedded models: their shapes, what they read, and how each is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["HEADS", "RECIPES", "Corpus", "Goal", "HeadsRecipe", "Recipe"]

Corpus = Literal["records", "messages", "positive", "negative", "formal"]
Goal = Literal["text", "attribute", "next_attribute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Hold what decides an embedded model: its shape, its text, its optimiser's settings, its seed.

    corpus : records for extraction; messages of every kind, or of one sentiment or register only
    goal   : text, the next token; attribute, whether a prefix praises; next_attribute, the same for a prefix and each
             token that may follow it
    start  : the recipe whose trained weights to start from; None starts from fresh ones
    """

    purpose: str
    num_layers: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    num_kv_heads: int
    steps: int
    corpus: Corpus = "records"
    goal: Goal = "text"
    start: str | None = None
    batch_size: int = 64
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    optimizer: Literal["adamw", "muon"] = "muon"
    weight_decay: float = 0.05
    seed: int = 20_261_120


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadsRecipe:
    """Hold what decides a model's draft heads.

    model : the recipe whose trained weights they are for; they read the same kind of text
    num_heads, width : K and W of `guidance.speculation.heads.DraftHeads`
    num_answers : texts of the model's own to learn from
    batch_size : positions that a step learns from
    """

    model: str
    num_heads: int = 4
    width: int = 128
    num_answers: int = 6000
    steps: int = 3000
    batch_size: int = 1024
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    seed: int = 20_261_128


_BASE = Recipe(
    purpose="extracts a person, a product or an event from a sentence",
    num_layers=4,
    hidden_size=192,
    intermediate_size=512,
    num_heads=6,
    num_kv_heads=2,
    steps=4000,
)
_DRAFT = replace(
    _BASE,
    purpose="proposes tokens for the base model to check",
    num_layers=2,
    hidden_size=128,
    intermediate_size=320,
    num_heads=4,
)
_WRITER = replace(
    _BASE,
    purpose="writes messages, as often praise as blame, mostly casual: what steering starts from",
    num_layers=3,
    steps=2000,
    corpus="messages",
)
_SMALL_WRITER = replace(
    _DRAFT, purpose="writes messages like writer, untuned: the small pair's base", steps=2000, corpus="messages"
)
_TUNED = replace(_SMALL_WRITER, start="small_writer", steps=300, learning_rate=1e-3)

RECIPES: Mapping[str, Recipe] = {
    "base": _BASE,
    "draft": replace(_DRAFT, steps=4500, learning_rate=2e-3, weight_decay=0.01),
    "writer": _WRITER,
    "writer_formal": replace(
        _WRITER,
        purpose="writer tuned to formal messages: what proxy-tuning is measured against",
        corpus="formal",
        start="writer",
        steps=300,
        learning_rate=1e-3,
    ),
    "small_writer": _SMALL_WRITER,
    "small_formal": replace(
        _TUNED, purpose="small_writer tuned to formal messages: the small pair's tuned half", corpus="formal"
    ),
    "positive": replace(_TUNED, purpose="the expert: small_writer tuned to praise", corpus="positive"),
    "negative": replace(_TUNED, purpose="the anti-expert: small_writer tuned to blame", corpus="negative"),
    "sentiment": replace(
        _SMALL_WRITER, purpose="classifies every prefix of a message as praise (1) or blame (0)", goal="attribute"
    ),
    "sentiment_head": replace(
        _SMALL_WRITER,
        purpose="scores in one pass, for each token of the vocabulary, the log-odds of praise once it is appended",
        goal="next_attribute",
    ),
}

HEADS: Mapping[str, HeadsRecipe] = {"base": HeadsRecipe(model="base")}
