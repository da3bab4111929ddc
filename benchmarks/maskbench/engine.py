"""Say what a driver of an engine offers to the benchmark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["CompiledSchema", "Cursor", "Engine", "EngineAbsentError", "RefusedError", "SetupCost"]


class EngineAbsentError(Exception):
    """The engine is not installed."""


class RefusedError(Exception):
    """The engine does not compile a schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupCost:
    """What an engine costs once, before the first schema.

    kernel_seconds     : compiling or loading machine code
    vocabulary_seconds : reading the vocabulary
    vocabulary_bytes   : growth of the process while reading it
    """

    kernel_seconds: float
    vocabulary_seconds: float
    vocabulary_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """One document under one compiled schema. The calls are the engine's own, so nothing else is timed.

    fill         : write the mask of the next token to the engine's row; or return it, where the engine has none
    advance      : take a token; False when it is not allowed
    is_accepting : may the document end here?
    """

    fill: Callable[[], object]
    advance: Callable[[int], bool]
    is_accepting: Callable[[], bool]


class CompiledSchema(Protocol):
    """A schema ready for documents."""

    def cursor(self) -> Cursor:
        """Start a document."""

    def memory_bytes(self) -> int | None:
        """Count the bytes this schema holds, where the engine says."""


class Engine(Protocol):
    """A driver.

    mask : the row that every cursor fills: bit j of word w is token 32 * w + j; None where they lend one of their own.
    """

    name: str
    version: str
    cost: SetupCost
    mask: NDArray[np.int32] | None

    def compile(self, schema: Any) -> CompiledSchema:
        """Compile a schema. Raises RefusedError."""
