"""Fit a network: a schedule, a progress bar, and what validation says along the way."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from classifiers.errors import TrainingError
from classifiers.training.batches import Batch

__all__ = ["Point", "Schedule", "fit"]

MOMENTUM = (0.9, 0.95)
FINAL_SHARE = 0.05  # of the learning rate, at the last step


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Say how long and how fast to learn.

    Parameters
    ----------
    steps : batches to learn from.
    batch_size : texts in each.
    learning_rate : at its highest, after a tenth of the steps; then it falls as a cosine.
    num_validations : how often to look at the texts held out; the best of these networks is kept.
    max_length : most tokens of a prompt and its text.
    validation_share : share of the texts to hold out.
    seed : decides the split, the order and fresh weights.

    Raises
    ------
    TrainingError : when a setting is out of range.
    """

    steps: int = 500
    batch_size: int = 32
    learning_rate: float = 1e-3
    num_validations: int = 10
    max_length: int = 256
    validation_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a schedule nothing is learned by."""
        for name in ("steps", "batch_size", "num_validations", "max_length"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name}: got {getattr(self, name)}, expected at least 1; change {name}")
        if not self.learning_rate > 0:
            raise TrainingError(f"learning_rate: got {self.learning_rate}, expected more than 0; change learning_rate")
        if not 0 < self.validation_share < 1:
            raise TrainingError(
                f"validation_share: got {self.validation_share}, expected a share between 0 and 1; change it"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Hold what validation said after some steps.

    training_loss : mean since the point before
    score : what is read beside the loss: accuracy of a classifier, perplexity of a language model
    """

    step: int
    training_loss: float
    validation_loss: float
    score: float


def fit(
    network: Any,
    batches: Iterator[Batch],
    loss_of: Callable[[Batch], torch.Tensor],
    validate: Callable[[], tuple[float, float]],
    schedule: Schedule,
    *,
    device: str,
) -> list[Point]:
    """Train the network in place and leave it with the weights that validated best.

    loss_of  : the loss of one batch
    validate : validation loss and score
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=schedule.learning_rate, betas=MOMENTUM, weight_decay=0.01)
    points: list[Point] = []
    best: tuple[float, Any] = (math.inf, None)
    running: list[float] = []
    every = max(1, schedule.steps // schedule.num_validations)
    for step in _with_progress(schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * _share(step, schedule.steps)
        loss = loss_of(next(batches).to(device))
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        running.append(loss.item())
        if (step + 1) % every == 0 or step + 1 == schedule.steps:
            points.append(_look(network, validate, running, step + 1))
            running = []
            if points[-1].validation_loss < best[0]:
                best = points[-1].validation_loss, copy.deepcopy(network.state_dict())
    if best[1] is None:
        raise TrainingError("training: got a loss that is not a number, expected a finite one; lower learning_rate")
    network.load_state_dict(best[1])
    return points


def _look(network: Any, validate: Callable[[], tuple[float, float]], running: list[float], step: int) -> Point:
    network.eval()
    with torch.inference_mode():
        validation_loss, score = validate()
    network.train()
    return Point(step=step, training_loss=sum(running) / len(running), validation_loss=validation_loss, score=score)


def _share(step: int, steps: int) -> float:
    warm = max(1, steps // 10)
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * done))


def _with_progress(steps: int) -> Iterator[int]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield from progress.track(range(steps), description="training")
