"""Read labelled texts: one JSON object a line, ``{"text": ..., "label": ..., "prompt": ...}``, the prompt if any."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from classifiers.errors import TrainingError

__all__ = ["LabelledText", "read_texts", "split_texts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledText:
    """Hold a text, what it is, and what stood before it.

    prompt : read, but neither judged nor learned
    """

    text: str
    label: str
    prompt: str = ""


def read_texts(file: Path) -> list[LabelledText]:
    """Read a file of JSON lines; empty lines are skipped.

    Raises
    ------
    TrainingError : when the file cannot be read or a line is not such an object; names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{file}: got {error}, expected a file of JSON lines; check the path") from error
    texts = [_read_line(line, f"{file}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not texts:
        raise TrainingError(f"{file}: got no texts, expected one JSON object a line; check the file")
    return texts


def _read_line(line: str, where: str) -> LabelledText:
    try:
        found = json.loads(line)
        text, label, prompt = found["text"], found["label"], found.get("prompt", "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f'{where}: got {line[:60]!r}, expected {{"text": "...", "label": "..."}}; correct the line'
        ) from error
    if not isinstance(text, str) or not text or not isinstance(prompt, str):
        raise TrainingError(f"{where}: got the text {text!r}, expected a string that is not empty; correct the line")
    return LabelledText(text=text, label=str(label), prompt=prompt)


def split_texts(
    texts: Sequence[LabelledText], *, share: float = 0.1, seed: int = 0
) -> tuple[list[LabelledText], list[LabelledText]]:
    """Return texts to learn from and texts to validate on, at random; equal texts land on one side.

    Raises
    ------
    TrainingError : when there are too few for both.
    """
    groups: dict[tuple[str, str], list[LabelledText]] = {}
    for text in texts:
        groups.setdefault((text.prompt, text.text), []).append(text)
    order = list(groups.values())
    random.Random(seed).shuffle(order)  # noqa: S311 - a split is no secret
    count = max(1, round(share * len(order)))
    if len(order) < 2:
        raise TrainingError(f"texts: got {len(order)} different ones, expected at least 2; add texts")
    held, kept = order[:count], order[count:]
    return [text for group in kept for text in group], [text for group in held for text in group]
