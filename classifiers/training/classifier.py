"""Train a classifier of prefixes: it is asked for the text's label after every token (arXiv 2104.05218, 3.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from classifiers.errors import TrainingError
from classifiers.training.batches import Batch, TokenText, draw_batches, encode_texts, pad_texts
from classifiers.training.calibration import LengthReport, fit_temperature, measure_by_length
from classifiers.training.fitting import Point, Schedule, fit
from classifiers.training.saving import check_folder, save_trained
from classifiers.training.sources import Source, read_source
from classifiers.training.texts import LabelledText, read_texts, split_texts

__all__ = ["Kind", "TrainedClassifier", "train_classifier"]

Kind = Literal["prefix", "one-pass"]

NUM_OTHER_TOKENS = 4  # per position, drawn at random for a one-pass head
OTHER_WEIGHT = 0.1
_MEASURED_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedClassifier:
    """Hold what training came to.

    temperature : what the scores were divided by, so that validation texts are likeliest
    """

    folder: Path
    labels: tuple[str, ...]
    points: tuple[Point, ...]
    temperature: float
    lengths: tuple[LengthReport, ...]


def train_classifier(
    file: Path,
    out: Path,
    *,
    start: str = "embedded/small_writer",
    kind: Kind = "prefix",
    schedule: Schedule | None = None,
    device: str = "cpu",
) -> TrainedClassifier:
    """Train a classifier on labelled texts and save it where `guidance.load` finds it.

    Parameters
    ----------
    file : JSON lines with ``text``, ``label`` and, if there was one, ``prompt``.
    out : a new folder for weights, tokenizer, report and picture.
    start : the model to start from; its tokenizer must be that of the model to steer.
    kind : ``"prefix"`` for `Fudge`, ``"one-pass"`` for `OnePassHead`, which takes two labels.
    schedule : how long and how fast.
    device : where to train.

    Raises
    ------
    TrainingError : for texts or labels nothing can be learned from, a start that cannot be read, a folder in use.
    """
    schedule = schedule or Schedule()
    texts = read_texts(file)
    labels = tuple(sorted({text.label for text in texts}))
    _check_labels(texts, labels, kind)
    check_folder(out)
    source = read_source(start, device=device)
    torch.manual_seed(schedule.seed)
    network = source.build_classifier(labels) if kind == "prefix" else source.build_head(labels)
    learned, held = (_encode(part, source, labels, schedule) for part in _split(texts, schedule))
    read = _read_prefix if kind == "prefix" else _read_columns
    points = fit(
        network,
        draw_batches(learned, schedule.batch_size, seed=schedule.seed),
        lambda batch: _loss(network, batch, read, is_training=True),
        lambda: _validate(network, held, read, device),
        schedule,
        device=device,
    )
    logits, found, lengths = _measure(network.eval(), held, read, device)
    temperature = fit_temperature(logits, found)
    _divide_scores(network, temperature)
    reports = measure_by_length(logits / temperature, found, lengths)
    notes = {
        "kind": kind,
        "start": start,
        "labels": list(labels),
        "num_texts": len(texts),
        "temperature": temperature,
    }
    save_trained(network, source.tokenizer, out, points=points, score_name="Accuracy", lengths=reports, notes=notes)
    return TrainedClassifier(
        folder=out, labels=labels, points=tuple(points), temperature=temperature, lengths=tuple(reports)
    )


Read = Callable[[Any, Batch], tuple[torch.Tensor, torch.Tensor]]
"""Return logits float[N, C] and labels int64[N] of every position a network scores."""


def _check_labels(texts: Sequence[LabelledText], labels: Sequence[str], kind: Kind) -> None:
    counts = Counter(text.label for text in texts)
    if len(labels) < 2 or min(counts.values()) < 2:
        shown = ", ".join(f"{label!r}: {count}" for label, count in counts.items())
        raise TrainingError(f"labels: got {shown}, expected two or more labels with two texts each; add texts")
    if kind == "one-pass" and len(labels) != 2:
        raise TrainingError(
            f"labels: got {len(labels)} for a one-pass head, whose columns are the log-odds of two, expected 2; "
            "train with kind='prefix'"
        )


def _split(texts: list[LabelledText], schedule: Schedule) -> tuple[list[LabelledText], list[LabelledText]]:
    return split_texts(texts, share=schedule.validation_share, seed=schedule.seed)


def _encode(texts: list[LabelledText], source: Source, labels: Sequence[str], schedule: Schedule) -> list[TokenText]:
    length = min(schedule.max_length, source.context_size)
    return encode_texts(texts, source.encoder, labels, max_length=length)


def _read_prefix(network: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Ask for the label after every token of the text."""
    hidden = network.base_model(batch.token_ids, attention_mask=batch.attention_mask, use_cache=False).last_hidden_state
    labels = batch.labels[:, None].expand_as(batch.token_ids)
    return network.score(hidden[batch.is_text]).float(), labels[batch.is_text]


def _read_columns(network: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Ask for the label in the column of each token of the text, before it is read; as logits of two classes."""
    logits, shown, labels = _next_columns(network, batch)
    odds = logits.gather(1, shown[:, None])
    return torch.cat([torch.zeros_like(odds), odds], dim=1), labels


def _next_columns(network: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the columns float[N, V] before each token of the text but a first one, those tokens, and labels."""
    hidden = network.base_model(batch.token_ids, attention_mask=batch.attention_mask, use_cache=False).last_hidden_state
    is_next = batch.is_text[:, 1:]
    logits = network.get_output_embeddings()(hidden[:, :-1][is_next]).float()
    labels = batch.labels[:, None].expand_as(is_next)
    return logits, batch.token_ids[:, 1:][is_next], labels[is_next]


def _loss(network: Any, batch: Batch, read: Read, *, is_training: bool) -> torch.Tensor:
    if read is not _read_columns or not is_training:
        logits, labels = read(network, batch)
        return nn.functional.cross_entropy(logits, labels)
    logits, shown, labels = _next_columns(network, batch)
    drawn = torch.randint(logits.shape[1], (len(shown), NUM_OTHER_TOKENS), device=logits.device)
    others, wanted = logits.gather(1, drawn), labels.float()
    loss = nn.functional.binary_cross_entropy_with_logits
    own: torch.Tensor = loss(logits.gather(1, shown[:, None])[:, 0], wanted)
    return own + OTHER_WEIGHT * loss(others, wanted[:, None].expand_as(others))


def _validate(network: Any, texts: Sequence[TokenText], read: Read, device: str) -> tuple[float, float]:
    logits, labels, _ = _measure(network, texts, read, device)
    loss = float(nn.functional.cross_entropy(logits, labels))
    return loss, float((logits.argmax(dim=-1) == labels).float().mean())


@torch.inference_mode()
def _measure(
    network: Any, texts: Sequence[TokenText], read: Read, device: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return logits, labels and tokens of the text seen, at every scored position of the texts, on the CPU."""
    logits, labels, lengths = [], [], []
    for start in range(0, len(texts), _MEASURED_BATCH):
        batch = pad_texts(texts[start : start + _MEASURED_BATCH]).to(device)
        found, wanted = read(network, batch)
        seen = batch.is_text.cumsum(dim=1)
        scored = batch.is_text if read is _read_prefix else batch.is_text[:, 1:]
        lengths.append((seen if read is _read_prefix else seen[:, 1:])[scored].cpu())
        logits.append(found.cpu())
        labels.append(wanted.cpu())
    return torch.cat(logits), torch.cat(labels), torch.cat(lengths)


@torch.no_grad()
def _divide_scores(network: Any, temperature: float) -> None:
    """Write the temperature into the head, so that whoever loads the classifier has calibrated scores."""
    head = getattr(network, "score", None)
    head = network.get_output_embeddings() if head is None else head
    head.weight.div_(temperature)
    if getattr(head, "bias", None) is not None:
        head.bias.div_(temperature)
