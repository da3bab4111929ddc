"""Grammars: texts and types become automata. Imports ``fsm``; no torch.

constructors.py  json_schema, regex, choice     grammar.py  what every grammar is
regex/           patterns in two dialects       regular.py  any automaton as a grammar
json_schema/     schemas as sets of obligations  python_types/    from_type
lark/, gbnf/     context-free grammars         context_free/   their rules as a network
tags/            captures, free text, tool calls templates/      fixed text and typed holes
substring.py     quotations                     patterns.py     named patterns     openapi.py   operations
algebra/         | + & - ~, questions, reports  saving.py    tables in files     places/  where a text stands
"""

from __future__ import annotations

from grammars import patterns
from grammars.constructors import choice, json_schema, regex
from grammars.gbnf import ebnf, gbnf
from grammars.grammar import Grammar
from grammars.json_schema.shapes import SchemaLimits
from grammars.lark import Indenter, lark
from grammars.openapi import from_openapi, openapi_tools
from grammars.python_types import from_type
from grammars.saving import compile_cached, load, save
from grammars.substring import substring
from grammars.tags import Tag, Tool, ToolCall, capture, free_text, reasoned, special, tags, tool_calls
from grammars.templates import template

__all__ = [
    "Grammar",
    "Indenter",
    "SchemaLimits",
    "Tag",
    "Tool",
    "ToolCall",
    "capture",
    "choice",
    "compile_cached",
    "ebnf",
    "free_text",
    "from_openapi",
    "from_type",
    "gbnf",
    "json_schema",
    "lark",
    "load",
    "openapi_tools",
    "patterns",
    "reasoned",
    "regex",
    "save",
    "special",
    "substring",
    "tags",
    "template",
    "tool_calls",
]
