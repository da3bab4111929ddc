"""Constrain parts of a text, and name them.

region.py     capture: a part with a name, a limit, a temperature     free_text.py   anything, up to a stop
tags.py       free text in which tags open constrained parts          triggers.py    watch for several texts at once
special.py    special tokens as symbols                               content.py     grammars, texts and types alike
reasoning.py  reason first, then answer                               tool_calls.py  chat formats      tools.py  tools
"""

from __future__ import annotations

from grammars.tags.free_text import free_text
from grammars.tags.reasoning import reasoned
from grammars.tags.region import capture
from grammars.tags.special import special
from grammars.tags.tags import Tag, tags
from grammars.tags.tool_calls import tool_calls
from grammars.tags.tools import Tool, ToolCall

__all__ = ["Tag", "Tool", "ToolCall", "capture", "free_text", "reasoned", "special", "tags", "tool_calls"]
