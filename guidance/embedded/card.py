"""Write the embedded models' card: ``python -m guidance.embedded.card``.

The card lists each model's file with its hash and size, the command that trains it, and the figures noted in
``weights/NAME/training.json`` when it was trained and measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guidance.embedded import embedded_names, embedded_path
from guidance.embedded.recipes import RECIPES

__all__ = ["card_path", "file_hash", "write_card"]

_HEAD = """# Embedded models

Small Llama models of our own, in half-precision safetensors, trained from fresh weights (the tuned ones from another of
them) on text that `guidance/embedded/` generates; no other text, model or data went into them. `base` and `draft`
extract a person, a product or an event from an English sentence; the others write or judge short messages, for
steering. They know nothing else. Two tokenizers: one for `base` and `draft`, one for all the others, so that models
that meet share theirs.

Training below ran on one H200 GPU. On 2 busy CPU cores 60 steps of `base` took 34 seconds, so its 4,000 would take
about 38 minutes; that is an extrapolation, not a full run. The same command gives the same text and tokenizer; on a GPU
the weights may come out different.

## Extraction

Prompt: an instruction, an empty line, the sentence. The answer follows at once, written as `json.dumps` writes it:

    Who is described?

    Ada Lovelace, 36, London{"name": "Ada Lovelace", "age": 36, "city": "London"}

Fields, in order: person `name age city`; product `name price currency in_stock` (`EUR`, `USD` or `GBP`); event
`title date place` (date as `YYYY-MM-DD`). With a grammar, other orders, subsets and white space work too, and so do
questions about one field (`How old is the person?`, then the sentence and a line break).

Limits: English, one record per sentence, prompts like those it was trained on (about 150 tokens; the context is 1,024).
Accuracy below is exact records, greedy, without a mask; names are always held out of training.
Measure it again, and with the mask: `python -m benchmarks.extraction`.

## Messages

Prompt: `Write about the camera.`, an empty line; the message follows. After `Write about the camera as JSON.` it is
`{"topic": "camera", "message": "..."}`. `sentiment` loads as a sequence classifier (1 is praise, 0 is blame; it was
trained to answer after every token); `sentiment_head` loads as a causal model whose logit of a token is the log-odds of
praise once that token is appended, so those logits are no law of the next token.

Figures below: 1,000 messages about topics never trained on, drawn at temperature 1, judged by `judge.py` (word lists;
what is missing to 100 % says neither, or both alike); perplexity per token on messages of every kind; classifiers on
500 messages, after the first part of each. The writers are small: within one message they may praise and blame.
"""


_ATTRIBUTES = ("positive", "negative", "formal", "casual")


def card_path() -> Path:
    """Return where the card is."""
    return embedded_path("base").parent.parent / "MODEL.md"


def write_card() -> None:
    """Write the card for the models that are here."""
    card_path().write_text("\n".join([_HEAD, *(_section(name) for name in embedded_names())]), encoding="utf-8")


def file_hash(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _section(name: str) -> str:
    folder, recipe = embedded_path(name), RECIPES[name]
    noted: dict[str, Any] = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    rows = [f"| `{path.name}` | {path.stat().st_size:,} | `{file_hash(path)}` |" for path in _weight_files(folder)]
    shape = f"{recipe.num_layers} layers, {recipe.hidden_size} wide, {noted['parameters']:,} parameters"
    effort = f"{noted['steps']:,} steps, {noted['minutes']} minutes on {noted['machine']}"
    lines = [
        f"## {name}\n",
        f"Purpose: {recipe.purpose}. {shape}.\n",
        "| file | bytes | SHA-256 |\n|---|---|---|",
        *rows,
        f"\nTrained with `{noted['command']}`: {effort}.\n",
        f"{_figures(noted)}\n",
        *_heads(folder),
        *([f"{noted['remark']}\n"] if "remark" in noted else []),
    ]
    return "\n".join(lines)


def _heads(folder: Path) -> list[str]:
    """Return what there is to say about a model's draft heads; nothing where it has none."""
    path = folder / "heads" / "heads.safetensors"
    if not path.is_file():
        return []
    noted: dict[str, Any] = json.loads(path.with_name("training.json").read_text(encoding="utf-8"))
    shares = ", ".join(f"{share:.1f} %" for share in noted["right_percent"])
    size = f"{len(noted['right_percent'])}, together {noted['parameters']:,} parameters"
    effort = f"{noted['steps']:,} steps, {noted['processor_minutes']} minutes of one core ({noted['machine']})"
    lines = [
        f'Draft heads, for `Speculation(draft="heads")`: {size}. Head j guesses the token j places after the next ',
        "one, from the last hidden state and the token just before.\n\n",
        "| file | bytes | SHA-256 |\n|---|---|---|\n",
        f"| `heads/{path.name}` | {path.stat().st_size:,} | `{file_hash(path)}` |\n\n",
        f"Trained with `{noted['command']}` on {noted['positions']:,} positions of answers that the model itself ",
        f"drew for generated prompts, its weights left as they are: {effort}, answers and states included.\n\n",
        f"Right guesses on answers to other prompts, given the token before: {shares}.\n",
    ]
    return ["".join(lines)]


def _figures(noted: Mapping[str, Any]) -> str:
    if "seen_right_percent" in noted:
        seen, unseen = noted["seen_right_percent"], noted["unseen_right_percent"]
        return f"Exact records: {seen:.1f} % of 500 sentences in seen forms, {unseen:.1f} % of 200 in unseen forms."
    if "perplexity" in noted:
        shares = ", ".join(f"{name} {noted[f'{name}_percent']:.1f} %" for name in _ATTRIBUTES)
        return f"Messages: {shares}; perplexity {noted['perplexity']:.3f}."
    parts = ", ".join(f"{noted[f'right_after_{part}_percent']:.1f} % after {part} %" for part in (25, 50, 100))
    return f"Right answers: {parts} of the message."


def _weight_files(folder: Path) -> list[Path]:
    return [folder / "model.safetensors", folder / "tokenizer.json"]


if __name__ == "__main__":
    write_card()
