"""Build the two networks that are measured: the embedded one, and a random Llama of eight layers."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import guidance
from guidance.embedded import embedded_path
from guidance.transformer import LlamaCausalLM, read_checkpoint

__all__ = ["Measured", "make_models"]


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold one network twice, on the same weights: ours, and transformers' own."""

    name: str
    model: guidance.Model
    network: Any
    tokenizer: Any


def make_models(names: list[str]) -> list[Measured]:
    """Return the models asked for; nothing is remembered between their calls."""
    makers = {"embedded": _embedded, "random": _random}
    return [makers[name]() for name in names]


def _embedded() -> Measured:
    from transformers import AutoModelForCausalLM

    folder = embedded_path("base")
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model = guidance.load("embedded")
    model.prefix_cache.max_bytes = 0
    return Measured("embedded", model, network, _tokenizer())


def _random() -> Measured:
    from tokenizers import Tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=1024,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    network = LlamaForCausalLM(config).eval()
    with tempfile.TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        read = read_checkpoint(Path(folder))
    assert read is not None
    tokenizer = Tokenizer.from_file(str(embedded_path("base") / "tokenizer.json"))
    model = guidance.Model(LlamaCausalLM(*read), tokenizer, name="random", generation_config=config)
    model.prefix_cache.max_bytes = 0
    return Measured("random", model, network, _tokenizer())


def _tokenizer() -> Any:
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    return AutoTokenizer.from_pretrained(embedded_path("base"), padding_side="left")
