"""Define the commands of training, which the command line finds by the entry points of the distribution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from classifiers.errors import TrainingError
from guidance.cli.printing import print_note, reporting_errors, to_json, write_result

__all__ = ["train_classifier", "train_expert"]

File = Annotated[Path, typer.Argument(help='JSON lines: {"text": ..., "label": ..., "prompt": ...}.')]
Out = Annotated[Path, typer.Option(help="A new folder for weights, tokenizer, report and picture.")]
Start = Annotated[str, typer.Option("--start", help="The model to start from: 'embedded/...', a folder or a hub id.")]
Steps = Annotated[int, typer.Option(help="Batches to learn from.")]
BatchSize = Annotated[int, typer.Option(help="Texts in a batch.")]
LearningRate = Annotated[float, typer.Option(help="At its highest.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Seed = Annotated[int, typer.Option(help="Decides the split, the order and fresh weights.")]


@reporting_errors
def train_classifier(
    file: File,
    *,
    out: Out = Path("classifier"),
    kind: Annotated[str, typer.Option(help="prefix, for Fudge; one-pass, for OnePassHead.")] = "prefix",
    start: Start = "embedded/small_writer",
    steps: Steps = 500,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = 1e-3,
    device: Device = "cpu",
    seed: Seed = 0,
) -> None:
    """Train a classifier that judges every prefix of a text.

    Example: guidance train-classifier reviews.jsonl --out reviews
    """
    from classifiers import training

    if kind not in {"prefix", "one-pass"}:
        raise TrainingError(f"kind: got {kind!r}, expected 'prefix' or 'one-pass'; check the spelling")
    schedule = training.Schedule(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
    trained = training.train_classifier(
        file,
        out,
        start=start,
        kind="prefix" if kind == "prefix" else "one-pass",
        schedule=schedule,
        device=device,
    )
    for report in trained.lengths:
        print_note(
            f"after {report.first} to {report.last} tokens: accuracy {report.accuracy:.1%}, AUC {report.auc:.3f}, "
            f"calibration error {report.calibration_error:.3f}"
        )
    last = trained.lengths[-1]
    write_result(
        to_json(
            {"folder": out, "labels": trained.labels, "accuracy": last.accuracy, "temperature": trained.temperature}
        ),
        None,
    )


@reporting_errors
def train_expert(
    file: File,
    *,
    out: Out = Path("expert"),
    label: Annotated[str | None, typer.Option(help="Learn the texts of this label; all if left out.")] = None,
    start: Start = "embedded/small_writer",
    steps: Steps = 300,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = 5e-4,
    device: Device = "cpu",
    seed: Seed = 0,
) -> None:
    """Tune a model to the texts of one label, to steer with.

    Example: guidance train-expert reviews.jsonl --label positive --out praise
    """
    from classifiers import training

    schedule = training.Schedule(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
    trained = training.train_expert(file, out, label=label, start=start, schedule=schedule, device=device)
    best = min(trained.points, key=lambda point: point.validation_loss)
    write_result(to_json({"folder": out, "num_texts": trained.num_texts, "perplexity": best.score}), None)
