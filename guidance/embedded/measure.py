"""Measure a saved embedded model: what its card says about it."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForSequenceClassification

from guidance.embedded.batches import Batch, draw_batches
from guidance.embedded.evaluate import answer_prompts, draw_examples, share_right
from guidance.embedded.judge import judge_register, judge_sentiment
from guidance.embedded.messages import held_out_topics, make_message, message_prompt
from guidance.embedded.recipes import Recipe

__all__ = ["measure_model", "sample_messages"]

MEASUREMENT_SEED = 11
NUM_MESSAGES = 1000
MAX_MESSAGE_TOKENS = 200


def measure_model(folder: Path, recipe: Recipe) -> dict[str, float]:
    """Measure a saved model: exact records, the share of what a writer writes, or a classifier's right answers."""
    if recipe.corpus == "records":
        return _measure_extraction(folder)
    return _measure_writer(folder) if recipe.goal == "text" else _measure_classifier(folder, recipe)


def sample_messages(folder: Path, count: int, *, batch_size: int = 100) -> list[str]:
    """Write messages about held-out topics, drawn from the model's own law, at temperature 1."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    rng = random.Random(MEASUREMENT_SEED)
    topics = held_out_topics()
    prompts = [message_prompt(topics[place % len(topics)], rng) for place in range(count)]
    torch.manual_seed(MEASUREMENT_SEED)
    texts: list[str] = []
    for start in range(0, count, batch_size):
        batch = tokenizer(prompts[start : start + batch_size], return_tensors="pt", padding=True)
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            found = model.generate(**inputs, max_new_tokens=MAX_MESSAGE_TOKENS, do_sample=True, top_k=0)
        texts += tokenizer.batch_decode(found[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return texts


def _measure_extraction(folder: Path) -> dict[str, float]:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    figures = {}
    for forms, count in (("seen", 500), ("unseen", 200)):
        examples = draw_examples(forms, count)
        answers = answer_prompts(model, tokenizer, [example.prompt for example in examples])
        figures[f"{forms}_right_percent"] = round(100 * share_right(examples, answers), 1)
    return figures


def _measure_writer(folder: Path) -> dict[str, float]:
    texts = sample_messages(folder, NUM_MESSAGES)
    sentiments, registers = [judge_sentiment(text) for text in texts], [judge_register(text) for text in texts]
    counts = {
        "positive": sentiments.count("positive"),
        "negative": sentiments.count("negative"),
        "formal": registers.count("formal"),
        "casual": registers.count("casual"),
    }
    figures = {f"{name}_percent": round(100 * number / len(texts), 1) for name, number in counts.items()}
    return figures | {"perplexity": _perplexity(folder)}


def _perplexity(folder: Path) -> float:
    """Return the perplexity per token of messages of every kind."""
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    batch = _message_batch(folder)
    scored = torch.from_numpy(batch.targets >= 0)
    with torch.inference_mode():
        logits = model(torch.from_numpy(batch.token_ids)).logits[scored]
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(batch.targets)[scored])
    return round(math.exp(loss.item()), 3)


def _measure_classifier(folder: Path, recipe: Recipe) -> dict[str, float]:
    """Count right answers after whole messages, and after the first quarter and half of each."""
    batch = _message_batch(folder)
    says_praise = _read_classes(folder, batch) if recipe.goal == "attribute" else _read_columns(folder, batch)
    figures = {}
    for percent in (25, 50, 100):
        right = []
        for row, targets in enumerate(batch.targets):
            places = np.flatnonzero(targets >= 0)[:-1]  # the last one stands after the whole text
            place = places[max(0, math.ceil(len(places) * percent / 100) - 1)]
            right.append(bool(says_praise[row, place]) == bool(batch.labels[row]))
        figures[f"right_after_{percent}_percent"] = round(100 * sum(right) / len(right), 1)
    return figures


def _read_classes(folder: Path, batch: Batch) -> np.ndarray[Any, np.dtype[np.bool_]]:
    model = LlamaForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        hidden = model.model(torch.from_numpy(batch.token_ids)).last_hidden_state
        scores = model.score(hidden)
    found: np.ndarray[Any, np.dtype[np.bool_]] = (scores[..., 1] > scores[..., 0]).numpy()
    return found


def _read_columns(folder: Path, batch: Batch) -> np.ndarray[Any, np.dtype[np.bool_]]:
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = model(torch.from_numpy(batch.token_ids)).logits
    shown = torch.from_numpy(np.maximum(batch.targets, 0))
    found: np.ndarray[Any, np.dtype[np.bool_]] = (logits.gather(2, shown[..., None])[..., 0] > 0).numpy()
    return found


def _message_batch(folder: Path) -> Batch:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return next(draw_batches(tokenizer, make_message, batch_size=500, seed=MEASUREMENT_SEED))
