"""Train an expert: the start, tuned to write the texts of one label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from classifiers.errors import TrainingError
from classifiers.training.batches import NOT_SCORED, Batch, TokenText, draw_batches, encode_texts, pad_texts
from classifiers.training.fitting import Point, Schedule, fit
from classifiers.training.saving import check_folder, save_trained
from classifiers.training.sources import read_source
from classifiers.training.texts import read_texts, split_texts

__all__ = ["TrainedExpert", "train_expert"]

_MEASURED_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedExpert:
    """Hold what training came to; a point's score is the perplexity of validation texts, per token."""

    folder: Path
    num_texts: int
    points: tuple[Point, ...]


def train_expert(
    file: Path,
    out: Path,
    *,
    label: str | None = None,
    start: str = "embedded/small_writer",
    schedule: Schedule | None = None,
    device: str = "cpu",
) -> TrainedExpert:
    """Tune a model to the texts of one label and save it where `guidance.load` finds it.

    Parameters
    ----------
    file : JSON lines with ``text``, ``label`` and, if there was one, ``prompt``; prompts are read, not learned.
    out : a new folder for weights, tokenizer, report and picture.
    label : whose texts to learn; None takes all.
    start, schedule, device : as for `train_classifier`.

    Raises
    ------
    TrainingError : when no text has the label, or the start or the folder cannot be used.
    """
    schedule = schedule or Schedule()
    texts = read_texts(file)
    known = sorted({text.label for text in texts})
    chosen = [text for text in texts if label is None or text.label == label]
    if len(chosen) < 2:
        raise TrainingError(
            f"label: got {label!r}, which {len(chosen)} texts have, expected one of {', '.join(map(repr, known))} with "
            "at least 2; check the spelling"
        )
    check_folder(out)
    source = read_source(start, device=device)
    torch.manual_seed(schedule.seed)
    network = source.build_writer()
    length = min(schedule.max_length, source.context_size)
    ends = source.encoder.vocabulary.eos_token_ids
    learned, held = (
        encode_texts(part, source.encoder, known, max_length=length, end=ends[0] if ends else None)
        for part in split_texts(chosen, share=schedule.validation_share, seed=schedule.seed)
    )
    points = fit(
        network,
        draw_batches(learned, schedule.batch_size, seed=schedule.seed),
        lambda batch: _loss(network, batch),
        lambda: _validate(network, held, device),
        schedule,
        device=device,
    )
    notes = {"kind": "expert", "start": start, "label": label, "num_texts": len(chosen)}
    save_trained(network.eval(), source.tokenizer, out, points=points, score_name="Perplexity", notes=notes)
    return TrainedExpert(folder=out, num_texts=len(chosen), points=tuple(points))


def _loss(network: Any, batch: Batch) -> torch.Tensor:
    """Return the mean loss of the text's tokens; what stands before the first one is the prompt."""
    logits = network(batch.token_ids, attention_mask=batch.attention_mask, use_cache=False).logits[:, :-1].float()
    targets = batch.token_ids[:, 1:].masked_fill(~batch.is_text[:, 1:], NOT_SCORED)
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=NOT_SCORED)


def _validate(network: Any, texts: Sequence[TokenText], device: str) -> tuple[float, float]:
    total, count = 0.0, 0
    for start in range(0, len(texts), _MEASURED_BATCH):
        batch = pad_texts(texts[start : start + _MEASURED_BATCH]).to(device)
        number = int(batch.is_text[:, 1:].sum())
        total += float(_loss(network, batch)) * number
        count += number
    loss = total / max(1, count)
    return loss, math.exp(min(loss, 50.0))
