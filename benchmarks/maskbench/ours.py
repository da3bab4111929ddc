"""Drive this project's engine."""

from __future__ import annotations

from functools import partial
from importlib import metadata
from time import perf_counter
from typing import Any

from benchmarks.maskbench.corpus import Tokenizer
from benchmarks.maskbench.engine import Cursor, EngineAbsentError, RefusedError, SetupCost
from benchmarks.maskbench.memory import resident_bytes
from fsm.errors import GuidanceError

__all__ = ["OurEngine"]


class OurEngine:
    """``grammars.json_schema`` over the vocabulary, with the key order asked for."""

    name = "ours"
    mask = None

    def __init__(self, tokenizer: Tokenizer, *, key_order: str) -> None:
        try:
            from fsm import Vocabulary
            from grammars import json_schema
        except ImportError as error:
            raise EngineAbsentError(str(error)) from error
        if not callable(json_schema):
            raise EngineAbsentError("grammars.json_schema is not callable")
        self.version = _version()
        self._json_schema = partial(json_schema, key_order=key_order, whitespace="flexible")
        started = perf_counter()
        small = Vocabulary([bytes([byte]) for byte in range(256)] + [b""], eos_token_ids=[256])
        self._warm_up(small)
        kernels = perf_counter()
        before = resident_bytes()
        self._vocabulary = tokenizer.vocabulary
        read = perf_counter()
        self._warm_up(self._vocabulary)
        self.cost = SetupCost(
            kernel_seconds=kernels - started,
            vocabulary_seconds=perf_counter() - read,
            vocabulary_bytes=resident_bytes() - before,
        )

    def _warm_up(self, vocabulary: Any) -> None:
        """Compile kernels and build what belongs to the vocabulary, over every JSON type."""
        compiled = self._json_schema(_WARM_UP).compile(vocabulary)
        matcher = compiled.matcher()
        for byte in _WARM_UP_TEXT:
            matcher.next_token_bitmask()
            matcher.advance(vocabulary.token_bytes.index(bytes([byte])))
        matcher.next_token_bitmask()

    def compile(self, schema: Any) -> OurSchema:
        """Compile a schema; every error of the project's tree is a refusal."""
        try:
            return OurSchema(self._json_schema(schema).compile(self._vocabulary))
        except GuidanceError as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from error


class OurSchema:
    """A compiled grammar, whose cursors lend their masks."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def cursor(self) -> Cursor:
        """Start a document."""
        matcher = self._compiled.matcher()
        return Cursor(
            fill=matcher.next_token_bitmask,
            advance=matcher.try_advance,
            is_accepting=lambda: bool(matcher.is_accepting),
        )

    def memory_bytes(self) -> int | None:
        """Count what the compiled grammar says it holds."""
        return int(self._compiled.memory_bytes)


_WARM_UP = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "array", "items": {"enum": ["x", None, 1.5]}}},
    "additionalProperties": {"type": "string", "maxLength": 5},
}
_WARM_UP_TEXT = b'{"a": 1, "b": ["x", null], "c": "\\u00e9"}'


def _version() -> str:
    try:
        return metadata.version("constrained-guidance")
    except metadata.PackageNotFoundError:
        return "source tree"
