"""Save what was trained: safetensors, configuration, tokenizer, the report, and the curves as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from classifiers.errors import TrainingError
from classifiers.training.calibration import LengthReport
from classifiers.training.fitting import Point
from classifiers.training.picture import Curve, Panel, draw_panels

__all__ = ["check_folder", "save_trained"]


def check_folder(folder: Path) -> None:
    """Refuse a place that cannot be written to, before hours of training.

    Raises
    ------
    TrainingError : when it is a file, or holds something else already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TrainingError(f"out: got {folder}, which is there already, expected a new or empty folder; name another")
    folder.mkdir(parents=True, exist_ok=True)


def save_trained(
    network: Any,
    tokenizer: Any,
    folder: Path,
    *,
    points: Sequence[Point],
    score_name: str,
    lengths: Sequence[LengthReport] = (),
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write the folder: ``guidance.load`` reads it; ``training.json`` and ``curves.svg`` say how it came about."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    network.to("cpu").save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    report = {
        **(notes or {}),
        "curves": [asdict(point) for point in points],
        "by_prefix_length": [asdict(length) for length in lengths],
    }
    (folder / "training.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (folder / "curves.svg").write_text(draw_panels(_panels(points, score_name, lengths)), encoding="utf-8")


def _panels(points: Sequence[Point], score_name: str, lengths: Sequence[LengthReport]) -> list[Panel]:
    panels = [
        Panel(
            "Loss",
            "step",
            [
                Curve("training", [(point.step, point.training_loss) for point in points]),
                Curve("validation", [(point.step, point.validation_loss) for point in points]),
            ],
        ),
        Panel(score_name, "step", [Curve("validation", [(point.step, point.score) for point in points])]),
    ]
    if lengths:
        panels.append(
            Panel(
                "By prefix length",
                "tokens of the text seen",
                [
                    Curve("accuracy", [(length.last, length.accuracy) for length in lengths]),
                    Curve("AUC", [(length.last, length.auc) for length in lengths]),
                    Curve("calibration error", [(length.last, length.calibration_error) for length in lengths]),
                ],
            )
        )
    return panels
