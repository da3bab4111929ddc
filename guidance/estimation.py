"""Say what a model will take in memory before it is loaded: weights, KV cache, logits and masks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from guidance.errors import ModelError
from guidance.loading import find_source
from guidance.model import Model

__all__ = ["Estimate", "estimate"]

# In eight bits are the layers' matrices only; all else is bfloat16.
_DTYPES = {
    "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "int8": torch.bfloat16,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Hold bytes.

    Parameters
    ----------
    weights_bytes : the parameters; tied ones once. On the CPU the plain decoder may keep up to 1 GiB of matrices once
        more, in the layout that it reads fastest; that copy is not counted.
    kv_cache_bytes : keys and values of every row at its full length: 2 x layers x KV heads x head size x tokens x rows
        x bytes. Heads that share keys count once; layers with a window count in full, for this decoder keeps their
        past, so that every row can take tokens back.
    logits_bytes : one step's logits in float32, and a copy for the processors.
    mask_bytes : one step's packed masks.
    """

    weights_bytes: int
    kv_cache_bytes: int
    logits_bytes: int
    mask_bytes: int

    @property
    def total_bytes(self) -> int:
        """Return the sum; the framework's own memory and one layer's activations come on top."""
        return self.weights_bytes + self.kv_cache_bytes + self.logits_bytes + self.mask_bytes


def estimate(
    model: Model | Mapping[str, Any] | object,
    *,
    batch_size: int = 1,
    context_size: int = 4096,
    dtype: str | None = None,
) -> Estimate:
    """Return what decoding with a model takes; nothing is loaded.

    Parameters
    ----------
    model : a name as for `guidance.load`, a folder, a ``config.json`` as a mapping, a transformers configuration, or a
        model that is loaded already.
    batch_size : rows that decode together.
    context_size : tokens of each row, prompt and output.
    dtype : of weights and cache, as for `guidance.load`; ``"int8"`` is of the layers' matrices alone, and all else is
        bfloat16. None takes float32, as `guidance.load` does on the CPU.

    Raises
    ------
    ModelError : when there is no such model, or its sizes are not told.

    Examples
    --------
    >>> estimate("embedded", batch_size=8, context_size=1024).kv_cache_bytes
    16777216
    """
    config = _config_of(model)
    name = _dtype_name(dtype)
    width = _DTYPES[name].itemsize
    heads = config.get("num_key_value_heads") or config["num_attention_heads"]
    head_size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    vocabulary_size = config["vocab_size"]
    return Estimate(
        weights_bytes=_num_parameters(config) * width - (_num_saved_bytes(config) if name == "int8" else 0),
        kv_cache_bytes=2 * config["num_hidden_layers"] * heads * head_size * context_size * batch_size * width,
        logits_bytes=2 * batch_size * vocabulary_size * 4,
        mask_bytes=batch_size * -(-vocabulary_size // 32) * 4,
    )


def _dtype_name(dtype: str | None) -> str:
    name = dtype or "float32"
    if name not in _DTYPES:
        raise ModelError(f"dtype: got {dtype!r}, expected one of {', '.join(_DTYPES)}; change dtype")
    return name


def _config_of(model: Any) -> dict[str, Any]:
    """Return the sizes under the names that Llama's configuration has."""
    if isinstance(model, Model):
        found = getattr(model.language_model, "config", None)
        if found is None:
            network: Any = model.language_model
            found = _from_shape(network.shape, network)
        model = found
    if isinstance(model, str | Path):
        model = _read_config(str(model))
    if not isinstance(model, Mapping):
        model = model.to_dict() if hasattr(model, "to_dict") else {}
    config = dict(model)
    for name, others in _OTHER_NAMES.items():
        for other in others:
            if config.get(name) is None and config.get(other) is not None:
                config[name] = config[other]
    missing = [name for name in _OTHER_NAMES if config.get(name) is None]
    if missing:
        raise ModelError(
            f"estimate: got a configuration without {', '.join(missing)}, expected a causal language model's; "
            "give the folder of a checkpoint or its config.json"
        )
    return config


_OTHER_NAMES = {
    "hidden_size": ("n_embd", "d_model"),
    "num_hidden_layers": ("n_layer", "num_layers"),
    "num_attention_heads": ("n_head", "num_heads"),
    "vocab_size": (),
}


def _read_config(name: str) -> dict[str, Any]:
    source = find_source(name)
    file = Path(source) / "config.json"
    if file.is_file():
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return document
    from transformers import AutoConfig

    try:
        config = dict(AutoConfig.from_pretrained(source).to_dict())
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"estimate {name!r}: got an error while reading its configuration ({reason})") from error
    return config


def _from_shape(shape: Any, network: Any) -> dict[str, Any]:
    weights = network.weights
    tensors = {id(weights.embedding): weights.embedding, id(weights.head): weights.head, id(weights.norm): weights.norm}
    for layer in weights.layers:
        for name in ("input_norm", "qkv", "qkv_bias", "out", "out_bias", "middle_norm", "gate_up", "down"):
            tensor = getattr(layer, name)
            if tensor is not None:
                tensors[id(tensor)] = tensor
    return {
        "hidden_size": shape.hidden_size,
        "num_hidden_layers": shape.num_layers,
        "num_attention_heads": shape.num_heads,
        "num_key_value_heads": shape.num_kv_heads,
        "head_dim": shape.head_size,
        "intermediate_size": weights.layers[0].down.shape[1],
        "vocab_size": network.logits_size,
        "num_parameters": sum(tensor.numel() for tensor in tensors.values()),
    }


def _num_saved_bytes(config: Mapping[str, Any]) -> int:
    """Return by how much eight bits, and a scale of two bytes for each row, are less than sixteen bits."""
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    kv_heads = config.get("num_key_value_heads") or heads
    head_size = config.get("head_dim") or hidden // heads
    inner = config.get("intermediate_size")
    if inner is None:
        raise ModelError(
            "estimate: got dtype='int8' and a configuration without intermediate_size, expected one of a network that "
            "the plain decoder computes; give another dtype"
        )
    sizes = [
        ((heads + 2 * kv_heads) * head_size, hidden),
        (hidden, heads * head_size),
        (2 * inner, hidden),
        (hidden, inner),
    ]
    num_bytes: int = config["num_hidden_layers"] * sum(rows * columns - 2 * rows for rows, columns in sizes)
    return num_bytes


def _num_parameters(config: Mapping[str, Any]) -> int:
    """Return how many parameters there are, by building the network without its memory."""
    if "num_parameters" in config:
        return int(config["num_parameters"])
    from transformers import AutoConfig, AutoModelForCausalLM

    known = dict(config)
    kind = known.pop("model_type", None)
    if kind is None:
        raise ModelError("estimate: got a configuration without model_type, expected one, such as 'llama'; add it")
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **known))
    network.tie_weights()
    return sum(parameter.numel() for parameter in network.parameters())
