"""Name the keywords that clash where no value can meet a schema.

Keywords are taken away one by one, those whose loss leaves the schema without a value for good; what is left is a set
of keywords that clash, none of which can be spared. Cost: one emptiness test per keyword, within a time limit.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

from fsm.errors import GuidanceError
from grammars.json_schema.shapes import JsonSchema, pointer_token

__all__ = ["find_clashes"]

MAX_SECONDS = 0.5
_ANNOTATIONS = frozenset(
    {"$anchor", "$comment", "$dynamicAnchor", "$id", "$schema", "default", "description", "examples", "id", "title"}
)
_MAPS = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
_KEPT_MAPS = frozenset({"$defs", "definitions"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_OPPOSITE = frozenset({"if", "not"})
"""Less inside asks more outside: these are spared whole or not at all."""
_SINGLE = frozenset(
    """additionalItems additionalProperties contains else if items not propertyNames then unevaluatedItems
    unevaluatedProperties""".split()
)


def find_clashes(schema: JsonSchema, is_satisfiable: Callable[[JsonSchema], bool]) -> list[str]:
    """Return the pointers of keywords that no value meets together.

    Parameters
    ----------
    schema : a schema without values.
    is_satisfiable : tells whether a changed copy of it has one.
    """
    if type(schema) is bool:
        return ["#"]
    search = _Search(copy.deepcopy(schema), is_satisfiable)
    search.reduce(search.schema, "#")
    return search.left(search.schema, "#") or ["#"]


class _Search:
    def __init__(self, schema: dict[str, Any], is_satisfiable: Callable[[JsonSchema], bool]) -> None:
        self.schema = schema
        self._is_satisfiable = is_satisfiable
        self._end = time.monotonic() + MAX_SECONDS

    def reduce(self, here: Any, pointer: str) -> None:
        """Take away what can be spared at a subschema, then below it."""
        if type(here) is not dict:
            return
        for keyword in sorted(here, key=lambda name: name not in _SINGLE):
            if keyword not in _ANNOTATIONS and keyword not in _KEPT_MAPS:
                self._try_without(here, keyword)
        for keyword in list(here):
            self._reduce_below(keyword, here[keyword], f"{pointer}/{keyword}")

    def _reduce_below(self, keyword: str, value: Any, pointer: str) -> None:
        if keyword in _MAPS and type(value) is dict:
            for name in list(value):
                if keyword in _KEPT_MAPS or not self._try_without(value, name):
                    self.reduce(value[name], f"{pointer}/{pointer_token(name)}")
        elif keyword in _LISTS or (keyword == "items" and type(value) is list):
            for i, item in enumerate(value):
                self.reduce(item, f"{pointer}/{i}")
        elif keyword in _SINGLE and keyword not in _OPPOSITE:
            self.reduce(value, pointer)

    def _try_without(self, container: dict[str, Any], name: str) -> bool:
        """Take an entry away if nothing fits without it either; tell whether it is gone."""
        if time.monotonic() > self._end:
            return False
        order = list(container.items())
        value = container.pop(name)
        try:
            if not self._is_satisfiable(self.schema):
                return True
        except GuidanceError:
            pass  # what is left is no schema: the entry stays
        container.clear()
        container.update(order)
        assert container[name] is value
        return False

    def left(self, here: Any, pointer: str) -> list[str]:
        """List the pointers of the keywords that are left."""
        if type(here) is not dict:
            return [pointer] if here is False else []
        found: list[str] = []
        for keyword, value in here.items():
            below = f"{pointer}/{pointer_token(keyword)}"
            if keyword in _MAPS and type(value) is dict:
                for name, item in value.items():
                    found += self.left(item, f"{below}/{pointer_token(name)}")
            elif keyword in _LISTS or (keyword == "items" and type(value) is list):
                for i, item in enumerate(value):
                    found += self.left(item, f"{below}/{i}")
            elif keyword in _SINGLE and keyword not in _OPPOSITE:
                found += self.left(value, below) or [below]
            elif keyword not in _ANNOTATIONS:
                found.append(below)
        return found
