"""Write values of a type as plain text: a date without quotes, a choice by its words; what has parts stays JSON."""

from __future__ import annotations

import datetime as dt
import enum
import json
import typing
import uuid
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from fsm.dfa import Dfa, intersect, string_lengths
from fsm.errors import GrammarError
from grammars.constructors import choice, json_schema, regex
from grammars.grammar import Grammar
from grammars.json_schema.formats import format_dfa
from grammars.python_types import TypeReader
from grammars.regex import regex_dfa
from grammars.regular import RegularGrammar
from grammars.tags.content import SEPARATORS, Content, as_content

__all__ = ["NAMED_TYPES", "plain_content"]

# Nobody means a number that never ends: 18 digits are what 64 bits hold.
_INTEGER = "-?(?:0|[1-9][0-9]{0,17})"
_NUMBER = rf"{_INTEGER}(?:\.[0-9]{{1,18}})?"

_NUMBERS: dict[Any, str] = {int: _INTEGER, Decimal: _NUMBER, float: rf"{_NUMBER}(?:[eE][+-]?[0-9]{{1,3}})?"}

NAMED_TYPES: dict[str, type] = {
    "bool": bool,
    "date": dt.date,
    "datetime": dt.datetime,
    "decimal": Decimal,
    "float": float,
    "int": int,
    "str": str,
    "time": dt.time,
    "timedelta": dt.timedelta,
    "uuid": uuid.UUID,
}
"""Types that a hole may name."""

_STRING_KEYWORDS = frozenset({"type", "format", "pattern", "minLength", "maxLength", "title", "description"})


def plain_content(value: Any) -> Content:
    r"""Return the grammar of a hole's text, and what reads it.

    Parameters
    ----------
    value : a grammar, a text, or a type. Strings, numbers, dates, times, UUIDs, enumerations and literals are written
        plainly; everything else as JSON.

    Raises
    ------
    GrammarError : no grammar describes it, or two values are written alike.

    Examples
    --------
    >>> content = plain_content(typing.Literal["red", 3])
    >>> content.grammar.dfa.accepts("3"), content.read("3")
    (True, 3)
    """
    if isinstance(value, Grammar | str):
        return as_content(value)
    if value is bool:
        return _listed({"true": True, "false": False})
    if value in _NUMBERS:
        return Content(regex(_NUMBERS[value]), value)
    if isinstance(value, type) and issubclass(value, enum.Enum):
        return _listed(_spelled((member.value, member) for member in value))
    if typing.get_origin(value) is typing.Literal:
        return _listed(_spelled((item, item) for item in typing.get_args(value)))
    return _described(value)


def _spelled(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for value, meaning in pairs:
        if str(value) in found:
            raise GrammarError(f"template: got two values written {str(value)!r}, expected texts that differ")
        found[str(value)] = meaning
    return found


def _listed(values: Mapping[str, Any]) -> Content:
    return Content(choice(values), values.__getitem__)


def _described(value: Any) -> Content:
    """Return a type's plain text where its JSON is one string; else its JSON."""
    reader = TypeReader(value)
    schema = reader.schema
    if schema.get("type") != "string" or not set(schema) <= _STRING_KEYWORDS:
        return Content(json_schema(schema, whitespace=SEPARATORS), reader.parse)
    return Content(RegularGrammar(_string_dfa(schema), f"plain({value!r})"), _reads_string(reader))


def _string_dfa(schema: Mapping[str, Any]) -> Dfa:
    dfa = string_lengths(schema.get("minLength", 0), schema.get("maxLength"))
    if "pattern" in schema:
        dfa = intersect(dfa, regex_dfa(schema["pattern"], "ecma", search=True))
    known = format_dfa(schema["format"]) if "format" in schema else None
    return dfa if known is None else intersect(dfa, known)


def _reads_string(reader: TypeReader) -> Callable[[str], Any]:
    return lambda text: reader.parse(json.dumps(text))
