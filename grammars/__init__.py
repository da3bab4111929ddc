"""Grammars: texts and types become automata. Imports ``fsm``; no torch.

constructors.py  json_schema, regex, choice     grammar.py  what every grammar is
regex/           patterns in two dialects       regular.py  any automaton as a grammar
json_schema/     schemas as sets of obligations  python_types.py  from_type
"""

from __future__ import annotations

from grammars import patterns
from grammars.constructors import choice, json_schema, regex
from grammars.grammar import Grammar
from grammars.json_schema.shapes import SchemaLimits
from grammars.python_types import from_type
from grammars.substring import substring

__all__ = ["Grammar", "SchemaLimits", "choice", "from_type", "json_schema", "patterns", "regex", "substring"]
