"""Say where in a grammar's source a text stands: a column of a pattern, a keyword of a schema, a choice.

pattern.py   regular expressions     choices.py   lists of texts     json_path.py, schema.py   JSON Schemas
rules.py     context-free rules      tokens.py    grammars with a lexer
"""

from __future__ import annotations

from grammars.places.choices import describe_choices
from grammars.places.pattern import describe_pattern
from grammars.places.schema import describe_schema

__all__ = ["describe_choices", "describe_pattern", "describe_schema"]
