"""List the recipes of the embedded models: their shapes and how each is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Hold what decides an embedded model: its shape, its optimiser's settings, its seed."""

    purpose: str
    num_layers: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    num_kv_heads: int
    steps: int
    batch_size: int = 64
    learning_rate: float
    warmup_steps: int = 100
    optimizer: Literal["adamw", "muon"] = "muon"
    weight_decay: float
    seed: int = 20_261_120


RECIPES: Mapping[str, Recipe] = {
    "base": Recipe(
        purpose="extracts a person, a product or an event from a sentence",
        num_layers=4,
        hidden_size=192,
        intermediate_size=512,
        num_heads=6,
        num_kv_heads=2,
        steps=3000,
        learning_rate=3e-3,
        weight_decay=0.05,
    ),
    "draft": Recipe(
        purpose="proposes tokens for the base model to check",
        num_layers=2,
        hidden_size=128,
        intermediate_size=320,
        num_heads=4,
        num_kv_heads=2,
        steps=4500,
        learning_rate=2e-3,
        weight_decay=0.01,
    ),
}
