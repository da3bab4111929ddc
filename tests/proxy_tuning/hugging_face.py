"""Turn a network of our own decoder into the same one of the transformers library."""

from __future__ import annotations

from types import SimpleNamespace

import torch

import guidance


def as_hugging_face(model):
    """Return a model with the same weights, run by transformers."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shape, weights = model.language_model.shape, model.language_model.weights
    config = LlamaConfig(
        vocab_size=weights.head.shape[0],
        hidden_size=shape.hidden_size,
        intermediate_size=weights.layers[0].down.shape[1],
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_kv_heads,
        head_dim=shape.head_size,
        max_position_embeddings=shape.context_size,
        rms_norm_eps=shape.norm_epsilon,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=None,
    )
    network = LlamaForCausalLM(config)
    network.load_state_dict(_state(shape, weights))
    tokens = list(model.vocabulary.token_bytes)
    end = SimpleNamespace(eos_token_id=model.vocabulary.eos_token_ids[0])
    return guidance.Model(network, tokens, name=f"{model.name} (transformers)", generation_config=end)


def _state(shape, weights):
    state = {
        "model.embed_tokens.weight": weights.embedding,
        "model.norm.weight": weights.norm,
        "lm_head.weight": weights.head,
    }
    query, key = shape.num_heads * shape.head_size, shape.num_kv_heads * shape.head_size
    for index, layer in enumerate(weights.layers):
        parts = layer.qkv.split([query, key, key])
        gate, up = layer.gate_up.chunk(2)
        names = {
            "input_layernorm": layer.input_norm,
            "self_attn.q_proj": _unpair(parts[0], shape.head_size),
            "self_attn.k_proj": _unpair(parts[1], shape.head_size),
            "self_attn.v_proj": parts[2],
            "self_attn.o_proj": layer.out,
            "post_attention_layernorm": layer.middle_norm,
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": layer.down,
        }
        state |= {f"model.layers.{index}.{name}.weight": tensor for name, tensor in names.items()}
    return state


def _unpair(rows: torch.Tensor, head_size: int) -> torch.Tensor:
    """Undo the order in which our decoder keeps the rows of rotated heads."""
    pairs = rows.view(-1, head_size // 2, 2, rows.shape[1])
    return pairs.transpose(1, 2).reshape(rows.shape)
