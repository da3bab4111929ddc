"""Run transformer networks behind the `CausalLM` protocol.

hugging_face.py    any causal model of the transformers library, with its DynamicCache
encoder_decoder.py T5, BART and their like, one cache for each row
llama.py           Llama-like networks in plain torch     llama_weights.py   their checkpoints
packing.py         padding, left out of the matrices
trees.py           tokens that do not follow one another, as drafts' trees have them
packed_matrices.py matrices in blocks                        int8_matrices.py   matrices in eight bits
row_step.py        a few tokens of every row on the CPU, with compiled loops between the matrices
fixed_step.py      tokens into static slots, for graphs      fused.py   what such a layer does between its matrices
slots.py           which slots of a growing cache are live, and at which positions
growing_cache.py   a cache that grows with the texts         static_cache.py   one that never grows
threads.py         one thread for small work
"""

from __future__ import annotations

from guidance.transformer.encoder_decoder import EncoderDecoderCache, EncoderDecoderLM
from guidance.transformer.hugging_face import HuggingFaceCausalLM, HuggingFaceKvCache
from guidance.transformer.llama import LlamaCausalLM, LlamaKvCache
from guidance.transformer.llama_weights import read_checkpoint
from guidance.transformer.slots import RowSlots
from guidance.transformer.static_cache import StaticKvCache

__all__ = [
    "EncoderDecoderCache",
    "EncoderDecoderLM",
    "HuggingFaceCausalLM",
    "HuggingFaceKvCache",
    "LlamaCausalLM",
    "LlamaKvCache",
    "RowSlots",
    "StaticKvCache",
    "read_checkpoint",
]
