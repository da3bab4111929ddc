"""Run transformer networks behind the `CausalLM` protocol.

hugging_face.py   any causal model of the transformers library, with its DynamicCache
"""

from __future__ import annotations

from guidance.transformer.hugging_face import HuggingFaceCausalLM, HuggingFaceKvCache

__all__ = ["HuggingFaceCausalLM", "HuggingFaceKvCache"]
