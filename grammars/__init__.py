"""Grammars: texts and types become automata. Imports ``fsm``; no torch.

    constructors.py  json_schema, regex, choice     grammar.py  what every grammar is
    regex/           patterns in two dialects       regular.py  any automaton as a grammar
    json_schema/     schemas as sets of obligations
"""

from __future__ import annotations

import grammars.json_schema
import grammars.regex
from grammars.constructors import choice, json_schema, regex
from grammars.grammar import Grammar
from grammars.json_schema import SchemaLimits

__all__ = ["Grammar", "SchemaLimits", "choice", "json_schema", "regex"]
