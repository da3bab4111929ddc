"""Drive xgrammar: any white space, not strict, one thread, no cache between schemas."""

from __future__ import annotations

import json
from functools import partial
from importlib import metadata
from time import perf_counter
from typing import Any

from benchmarks.maskbench.corpus import Tokenizer
from benchmarks.maskbench.engine import Cursor, EngineAbsentError, RefusedError, SetupCost
from benchmarks.maskbench.memory import resident_bytes

__all__ = ["XgrammarEngine"]


class XgrammarEngine:
    """A ``GrammarCompiler`` over the same tokens, and a ``GrammarMatcher`` per document."""

    name = "xgrammar"

    def __init__(self, tokenizer: Tokenizer) -> None:
        try:
            import xgrammar
        except ImportError as error:
            raise EngineAbsentError(str(error)) from error
        self.version = metadata.version("xgrammar")
        tokens = list(tokenizer.vocabulary.token_bytes)
        before, started = resident_bytes(), perf_counter()
        self._matcher = xgrammar.GrammarMatcher
        self._compiler = xgrammar.GrammarCompiler(
            xgrammar.TokenizerInfo(tokens, stop_token_ids=[tokenizer.eos_token_id]), max_threads=1, cache_enabled=False
        )
        self._mask_rows = xgrammar.allocate_token_bitmask(1, tokenizer.size)
        self.mask = self._mask_rows.numpy()[0]
        self.cost = SetupCost(
            kernel_seconds=0.0,
            vocabulary_seconds=perf_counter() - started,
            vocabulary_bytes=resident_bytes() - before,
        )

    def compile(self, schema: Any) -> XgrammarSchema:
        """Compile a schema; any exception is a refusal."""
        try:
            compiled = self._compiler.compile_json_schema(json.dumps(schema), any_whitespace=True, strict_mode=False)
        except Exception as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from error
        return XgrammarSchema(compiled, self._matcher, self._mask_rows)


class XgrammarSchema:
    """A compiled grammar and the mask its cursors fill."""

    def __init__(self, compiled: Any, matcher: Any, mask_rows: Any) -> None:
        self._compiled = compiled
        self._new_matcher = matcher
        self._mask_rows = mask_rows

    def cursor(self) -> Cursor:
        """Start a document. It may end where the mask allows the stop token, so the mask is asked."""
        matcher = self._new_matcher(self._compiled)
        return Cursor(
            fill=partial(matcher.fill_next_token_bitmask, self._mask_rows),
            advance=matcher.accept_token,
            is_accepting=matcher.is_completed,
        )

    def memory_bytes(self) -> int | None:
        """Count what the compiled grammar says it holds."""
        return int(self._compiled.memory_size_bytes)
