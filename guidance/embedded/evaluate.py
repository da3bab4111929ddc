"""Measure how many held-out records a model extracts exactly."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch

from guidance.embedded.names import held_out_names
from guidance.embedded.prompts import Example, make_evaluation_example
from guidance.embedded.records import KINDS, is_right

__all__ = ["answer_prompts", "draw_examples", "share_right"]

MAX_ANSWER_TOKENS = 120
EVALUATION_SEED = 7


def draw_examples(forms: str, count: int) -> list[Example]:
    """Draw the examples of a measurement; ``forms`` is ``"seen"`` or ``"unseen"``, names are always held out."""
    rng = random.Random(f"{EVALUATION_SEED} {forms}")
    names = held_out_names()
    return [
        make_evaluation_example(KINDS[place % len(KINDS)], forms=forms, names=names, rng=rng) for place in range(count)
    ]


def answer_prompts(model: Any, tokenizer: Any, prompts: Sequence[str], *, batch_size: int = 50) -> list[str]:
    """Answer prompts greedily and without a mask, with a ``transformers`` model and tokenizer."""
    answers: list[str] = []
    for start in range(0, len(prompts), batch_size):
        batch = tokenizer(list(prompts[start : start + batch_size]), return_tensors="pt", padding=True)
        batch = {name: batch[name].to(model.device) for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            found = model.generate(**batch, max_new_tokens=MAX_ANSWER_TOKENS, do_sample=False)
        answers += tokenizer.batch_decode(found[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    return answers


def share_right(examples: Sequence[Example], answers: Sequence[str]) -> float:
    """Return the share of answers with every field right."""
    right = sum(is_right(answer, example.facts.fields) for example, answer in zip(examples, answers, strict=True))
    return right / len(examples)
