"""Drive llguidance in its fastest single-thread form: default slices, the raw mask call, one copy per document."""

from __future__ import annotations

import json
from functools import partial
from importlib import metadata
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.maskbench.corpus import Tokenizer
from benchmarks.maskbench.engine import Cursor, EngineAbsentError, RefusedError, SetupCost
from benchmarks.maskbench.memory import resident_bytes

__all__ = ["LlguidanceEngine"]


class LlguidanceEngine:
    """An ``LLTokenizer`` over the same tokens, and an ``LLMatcher`` per schema."""

    name = "llguidance"

    def __init__(self, tokenizer: Tokenizer) -> None:
        try:
            import llguidance
            import llguidance.tiktoken
        except ImportError as error:
            raise EngineAbsentError(str(error)) from error
        self.version = metadata.version("llguidance")
        encoding = tokenizer.encoding
        before, started = resident_bytes(), perf_counter()
        self._matcher = llguidance.LLMatcher
        self._tokenizer = llguidance.tiktoken.lltokenizer_from_encoding(encoding, eos_token=tokenizer.eos_token_id)
        self.mask = np.zeros((self._tokenizer.vocab_size + 31) // 32, np.int32)
        self.cost = SetupCost(
            kernel_seconds=0.0,
            vocabulary_seconds=perf_counter() - started,
            vocabulary_bytes=resident_bytes() - before,
        )

    def compile(self, schema: Any) -> LlguidanceSchema:
        """Compile a schema; a matcher in an error state is a refusal."""
        grammar = self._matcher.grammar_from_json_schema(json.dumps(schema))
        matcher = self._matcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise RefusedError(matcher.get_error().strip().splitlines()[0])
        return LlguidanceSchema(matcher, self.mask)


class LlguidanceSchema:
    """A matcher at its start, copied for each document."""

    def __init__(self, matcher: Any, mask: Any) -> None:
        self._matcher = matcher
        self._mask = mask

    def cursor(self) -> Cursor:
        """Start a document."""
        matcher = self._matcher.deep_copy()
        return Cursor(
            fill=partial(matcher.unsafe_compute_mask_ptr, self._mask.ctypes.data, self._mask.nbytes),
            advance=matcher.consume_token,
            is_accepting=matcher.is_accepting,
        )

    def memory_bytes(self) -> int | None:
        """Not reported by this engine."""
        return None
