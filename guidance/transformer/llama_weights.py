"""Read the shape and the weights of a Llama-like checkpoint: Llama, Mistral, Qwen2, Qwen3, SmolLM.

Input: a folder with ``config.json`` and safetensors files. Output: fused, frozen tensors. Query and key rows are
reordered so that the two halves a rotary embedding pairs up lie side by side; attention scores do not change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from guidance.transformer.int8_matrices import quantise_rows

__all__ = ["LayerScales", "LayerWeights", "LlamaShape", "LlamaWeights", "read_checkpoint", "read_shape", "shorten"]

_FAMILIES = frozenset({"llama", "mistral", "qwen2", "qwen3"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaShape:
    """Hold the sizes of one network."""

    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_size: int
    hidden_size: int
    context_size: int
    norm_epsilon: float
    rope_theta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerScales:
    """Hold what a layer's matrices in eight bits are to be multiplied by, row by row: bfloat16[O] each."""

    qkv: torch.Tensor
    out: torch.Tensor
    gate_up: torch.Tensor
    down: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWeights:
    """Hold one layer; queries, keys and values are one matrix, gate and up another.

    scales : of the matrices where they are int8; None where they are what they are
    """

    input_norm: torch.Tensor
    qkv: torch.Tensor
    qkv_bias: torch.Tensor | None
    qk_norm: torch.Tensor | None
    out: torch.Tensor
    out_bias: torch.Tensor | None
    middle_norm: torch.Tensor
    gate_up: torch.Tensor
    down: torch.Tensor
    scales: LayerScales | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaWeights:
    """Hold a whole network.

    score : float[C, H * D]   the head of a sequence classifier; None for language models
    """

    embedding: torch.Tensor
    layers: tuple[LayerWeights, ...]
    norm: torch.Tensor
    head: torch.Tensor
    score: torch.Tensor | None = None


def read_shape(config: Mapping[str, Any]) -> LlamaShape | None:
    """Return the sizes in a ``config.json``, or None when the network is not one this decoder computes exactly."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    is_plain = (
        config.get("model_type") in _FAMILIES
        and config.get("hidden_act", "silu") == "silu"
        and (rope.get("rope_type") or rope.get("type") or "default") == "default"
        and rope.get("partial_rotary_factor", 1.0) == 1.0
        and not config.get("mlp_bias")
        and not (config.get("sliding_window") and config.get("use_sliding_window", config["model_type"] == "mistral"))
    )
    if not is_plain:
        return None
    num_heads = config["num_attention_heads"]
    return LlamaShape(
        num_layers=config["num_hidden_layers"],
        num_heads=num_heads,
        num_kv_heads=config.get("num_key_value_heads") or num_heads,
        head_size=config.get("head_dim") or config["hidden_size"] // num_heads,
        hidden_size=config["hidden_size"],
        context_size=config["max_position_embeddings"],
        norm_epsilon=config.get("rms_norm_eps", 1e-6),
        rope_theta=float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0),
    )


def read_checkpoint(
    folder: Path, *, dtype: torch.dtype | None = None, device: str = "cpu"
) -> tuple[LlamaShape, LlamaWeights] | None:
    """Return shape and weights of a checkpoint, or None when this decoder does not compute it.

    dtype : None leaves the checkpoint's; ``torch.int8`` keeps the layers' matrices in eight bits, the rest in bfloat16
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return None
    shape = read_shape(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    if shape is None:
        return None
    from safetensors.torch import load_file

    tensors: dict[str, torch.Tensor] = {}
    for file in files:
        tensors.update(load_file(file, device=device))
    is_short = dtype is torch.int8
    if dtype is not None:
        tensors = {name: tensor.to(torch.bfloat16 if is_short else dtype) for name, tensor in tensors.items()}
    weights = _assemble(shape, tensors)
    return shape, shorten(weights) if is_short else weights


def shorten(weights: LlamaWeights) -> LlamaWeights:
    """Return the weights with the layers' matrices in eight bits; embedding and output layer stay as they are."""
    return replace(weights, layers=tuple(_shorten_layer(layer) for layer in weights.layers))


def _shorten_layer(layer: LayerWeights) -> LayerWeights:
    matrices, scales = {}, {}
    for name in ("qkv", "out", "gate_up", "down"):
        matrices[name], scales[name] = quantise_rows(getattr(layer, name))
    return replace(layer, **matrices, scales=LayerScales(**scales))


def _assemble(shape: LlamaShape, tensors: Mapping[str, torch.Tensor]) -> LlamaWeights:
    embedding = tensors["model.embed_tokens.weight"]
    return LlamaWeights(
        embedding=embedding,
        layers=tuple(_assemble_layer(shape, tensors, f"model.layers.{i}.") for i in range(shape.num_layers)),
        norm=tensors["model.norm.weight"],
        head=tensors.get("lm_head.weight", embedding),
        score=tensors.get("score.weight"),
    )


def _assemble_layer(shape: LlamaShape, tensors: Mapping[str, torch.Tensor], prefix: str) -> LayerWeights:
    def part(name: str, suffix: str = "weight") -> torch.Tensor | None:
        return tensors.get(f"{prefix}{name}.{suffix}")

    def rows(suffix: str) -> torch.Tensor | None:
        query, key, value = (part(f"self_attn.{name}_proj", suffix) for name in "qkv")
        if query is None or key is None or value is None:
            return None
        return torch.cat([_pair_halves(query, shape.head_size), _pair_halves(key, shape.head_size), value])

    def whole(name: str) -> torch.Tensor:
        return tensors[f"{prefix}{name}.weight"]

    qkv = rows("weight")
    assert qkv is not None
    return LayerWeights(
        input_norm=whole("input_layernorm"),
        qkv=qkv,
        qkv_bias=rows("bias"),
        qk_norm=_qk_norm(shape, part("self_attn.q_norm"), part("self_attn.k_norm")),
        out=whole("self_attn.o_proj"),
        out_bias=part("self_attn.o_proj", "bias"),
        middle_norm=whole("post_attention_layernorm"),
        gate_up=torch.cat([whole("mlp.gate_proj"), whole("mlp.up_proj")]),
        down=whole("mlp.down_proj"),
    )


def _pair_halves(rows: torch.Tensor, head_size: int) -> torch.Tensor:
    """Reorder each head's rows from (first half, second half) to pairs, which rotate as complex numbers."""
    halves = rows.view(-1, 2, head_size // 2, *rows.shape[1:])
    return halves.transpose(1, 2).reshape(rows.shape).contiguous()


def _qk_norm(shape: LlamaShape, query: torch.Tensor | None, key: torch.Tensor | None) -> torch.Tensor | None:
    """Return one scale for each query and key head: float[H + K, 1, D]."""
    if query is None or key is None:
        return None
    scales = [_pair_halves(query, shape.head_size)] * shape.num_heads
    scales += [_pair_halves(key, shape.head_size)] * shape.num_kv_heads
    return torch.stack(scales)[:, None, :]
