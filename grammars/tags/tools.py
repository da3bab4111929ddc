"""Read what callers pass as tools: functions, types, and the dictionaries of chat APIs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fsm.errors import GrammarError
from grammars.constructors import json_schema
from grammars.grammar import Grammar
from grammars.python_types import TypeReader
from grammars.tags.content import SEPARATORS

__all__ = ["Tool", "ToolCall", "read_tools"]

_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """Hold one call that a model asked for.

    Parameters
    ----------
    name : the tool.
    arguments : what to call it with: a function's by parameter, a type's value, else what the JSON says.
    """

    name: str
    arguments: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Describe a tool.

    Parameters
    ----------
    name : as the model writes it.
    parameters : the JSON Schema of its arguments.
    read : turns the JSON text of the arguments into what `ToolCall.arguments` holds.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: _NO_PARAMETERS)
    read: Callable[[str], Any] = json.loads

    def arguments(self) -> Grammar:
        """Return the grammar of the arguments, written as `json.dumps` writes."""
        return json_schema(dict(self.parameters), whitespace=SEPARATORS)


def read_tools(tools: Iterable[Any]) -> list[Tool]:
    """Return tools for functions, types, `Tool` values, and dictionaries as chat APIs take them.

    Raises
    ------
    GrammarError : there is none, one is none of these, or two have one name.

    Examples
    --------
    >>> read_tools([{"type": "function", "function": {"name": "now"}}])[0].name
    'now'
    """
    listed = [_read_tool(tool) for tool in tools]
    if not listed:
        raise GrammarError("tool_calls: got no tools, expected at least one; pass functions, types or dictionaries")
    names = [tool.name for tool in listed]
    for name in names:
        if names.count(name) > 1:
            raise GrammarError(f"tool_calls: got two tools named {name!r}, expected names that differ; rename one")
    return listed


def _read_tool(tool: Any) -> Tool:
    if isinstance(tool, Tool):
        return tool
    if isinstance(tool, Mapping):
        return _read_mapping(tool)
    name = getattr(tool, "__name__", None)
    if not callable(tool) or name is None:
        raise GrammarError(
            f"tool_calls: got {tool!r}, expected a function, a type, or a dictionary with a name and parameters"
        )
    reader = TypeReader(tool)
    return Tool(name=name, parameters=reader.schema, read=reader.parse)


def _read_mapping(tool: Mapping[str, Any]) -> Tool:
    inner = tool.get("function", tool)
    name = inner.get("name") if isinstance(inner, Mapping) else None
    if not isinstance(name, str) or not name:
        raise GrammarError(
            f"tool_calls: got {dict(tool)!r}, expected a dictionary with a name, alone or under 'function'"
        )
    found = (inner[key] for key in ("parameters", "input_schema", "inputSchema") if inner.get(key))
    return Tool(name=name, parameters=next(found, _NO_PARAMETERS))
