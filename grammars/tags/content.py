"""Read what a caller puts between tags or into a hole: a grammar, a text, or a type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grammars.algebra import as_grammar
from grammars.constructors import json_schema
from grammars.grammar import Grammar
from grammars.python_types import TypeReader

__all__ = ["SEPARATORS", "Content", "as_content"]

# As json.dumps writes, which is what models have read most.
SEPARATORS = (", ", ": ")


@dataclass(frozen=True, slots=True)
class Content:
    """Hold a grammar, and what reads its texts (None: they stand for themselves)."""

    grammar: Grammar
    read: Callable[[str], Any] | None = None


def as_content(value: Any) -> Content:
    """Return the grammar of a value: itself, its text, or the JSON of a type.

    Raises
    ------
    GrammarError : no grammar describes it.
    """
    if isinstance(value, Grammar | str):
        return Content(as_grammar(value))
    reader = TypeReader(value)
    return Content(json_schema(reader.schema, whitespace=SEPARATORS), reader.parse)
