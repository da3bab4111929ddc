"""JSON Schema as sets of obligations, expanded lazily into a network of bytes."""

from __future__ import annotations

from grammars.json_schema.grammar import JsonSchemaGrammar
from grammars.json_schema.shapes import JsonSchema, SchemaLimits

__all__ = ["JsonSchema", "JsonSchemaGrammar", "SchemaLimits"]
