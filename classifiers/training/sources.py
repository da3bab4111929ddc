"""Read the model that training starts from, and put on it the head that is to be trained."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from classifiers.errors import TrainingError
from guidance.embedded import embedded_path
from guidance.encoding import TextEncoder
from guidance.loading import load_encoder

__all__ = ["Source", "read_source"]

_FRESH_DEVIATION = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Hold a model to start from.

    encoder : from text to its tokens     tokenizer : as the transformers library saves it
    """

    name: str
    place: str
    encoder: TextEncoder
    tokenizer: Any
    context_size: int
    device: str

    def build_classifier(self, labels: Sequence[str]) -> Any:
        """Return a sequence classifier with a fresh head on this model's weights."""
        from transformers import AutoModelForSequenceClassification

        network = self._read(
            AutoModelForSequenceClassification,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: place for place, label in enumerate(labels)},
        )
        if not hasattr(network, "score"):
            raise TrainingError(
                f"start: got {self.name}, whose classifiers do not judge every prefix, expected a causal model; "
                "start from a Llama, Qwen or GPT-2 checkpoint"
            )
        torch.nn.init.normal_(network.score.weight, std=_FRESH_DEVIATION)
        return network.to(self.device).train()

    def build_head(self, labels: Sequence[str]) -> Any:
        """Return a causal model whose output layer is a fresh one, no longer tied to its embedding."""
        network = self.build_writer()
        network.config.tie_word_embeddings = False
        network.config.id2label = dict(enumerate(labels))
        network.config.label2id = {label: place for place, label in enumerate(labels)}
        head = copy.deepcopy(network.get_output_embeddings())
        torch.nn.init.zeros_(head.weight)
        network.set_output_embeddings(head)
        return network

    def build_writer(self) -> Any:
        """Return the causal language model itself."""
        from transformers import AutoModelForCausalLM

        return self._read(AutoModelForCausalLM).to(self.device).train()

    def _read(self, kind: Any, **settings: Any) -> Any:
        from transformers.utils import logging

        before, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()  # a fresh head is the point, not a surprise
        logging.disable_progress_bar()
        try:
            return kind.from_pretrained(self.place, dtype=torch.float32, **settings)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise TrainingError(
                f"start: got an error while reading {self.name} ({error}), expected a causal model; check the name"
            ) from error
        finally:
            logging.set_verbosity(before)
            if bar:
                logging.enable_progress_bar()


def read_source(name: str, *, device: str) -> Source:
    """Return the model of a name, as `guidance.load` knows it.

    Raises
    ------
    ModelError : when there is no such model.
    TrainingError : when its tokenizer cannot be saved beside what is trained.
    """
    from transformers import AutoTokenizer

    encoder = load_encoder(name)
    place = str(embedded_path(name.partition("/")[2] or "base")) if name.partition("/")[0] == "embedded" else name
    try:
        tokenizer = AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise TrainingError(f"start: got {name}, whose tokenizer cannot be read ({error}); name another") from error
    return Source(name, place, encoder, tokenizer, _context_size(place), device)


def _context_size(place: str) -> int:
    file = Path(place) / "config.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return int(found.get("max_position_embeddings") or found.get("n_positions") or 1024)
