"""Ship small models of our own, so that a machine without hub access can do the main job.

recipes.py      what models there are           train.py      trains one: ``python -m guidance.embedded.train``
names.py records.py sentences.py prompts.py     the generated records and their judge
messages.py judge.py                            the generated messages, for steering, and their judge
corpora.py tokenizer.py batches.py losses.py    each recipe's text, tokens, batches and loss
evaluate.py measure.py                          exact records; every figure of the card
train_heads.py  draft heads, for speculation: ``python -m guidance.embedded.train_heads``
weights/NAME    safetensors, config, tokenizer  MODEL.md      the models' card: hashes, commands, figures
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from guidance.errors import ModelError

__all__ = ["embedded_names", "embedded_path"]


def embedded_names() -> list[str]:
    """Return the names of the embedded models in this installation.

    Examples
    --------
    >>> "base" in embedded_names()
    True
    """
    return sorted(path.parent.name for path in _weights().glob("*/config.json"))


def embedded_path(name: str = "base") -> Path:
    """Return the folder of an embedded model, for ``from_pretrained``.

    Examples
    --------
    >>> embedded_path("base").name
    'base'

    Raises
    ------
    ModelError
        If there is no embedded model of that name.
    """
    names = embedded_names()
    if name not in names:
        choices = ", ".join(names)
        raise ModelError(f"embedded model: got {name!r}, expected one of {choices}; check the spelling")
    return _weights() / name


def _weights() -> Path:
    return Path(str(resources.files("guidance.embedded"))) / "weights"
