"""Give the automaton behind each value of JSON Schema's ``format``.

Each accepts exactly the texts that the standard it cites allows, or fewer where its module says so; never more.
Names that no draft defines are annotations and have no automaton.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from fsm.automata.expression import Expression
from fsm.automata.expression_dfa import ExpressionDfa
from fsm.dfa import Dfa
from grammars.json_schema.formats_idn import make_idn_hostname
from grammars.json_schema.formats_network import IPV4, IPV6, make_email, make_hostname, make_idn_email
from grammars.json_schema.formats_regex import make_regex
from grammars.json_schema.formats_time import make_date, make_date_time, make_duration, make_time
from grammars.json_schema.formats_uri import IRI, IRI_REFERENCE, URI, URI_REFERENCE, URI_TEMPLATE
from grammars.regex import regex_dfa

__all__ = ["FORMATS", "SMALL_FORMATS", "format_dfa"]

_POINTER = r"(?:/(?:[^~/]|~[01])*)*"
_UUID = "-".join([f"[0-9A-Fa-f]{{{size}}}" for size in (8, 4, 4, 4, 12)])


def _make_from_pattern(pattern: str) -> Callable[[], Dfa]:
    return lambda: regex_dfa(f"(?s){pattern}")


def _make_from_expression(make: Callable[[], Expression]) -> Callable[[], Dfa]:
    return lambda: ExpressionDfa(make())


FORMATS: dict[str, Callable[[], Dfa]] = {
    "date": _make_from_expression(make_date),
    "date-time": _make_from_expression(make_date_time),
    "duration": _make_from_expression(make_duration),
    "email": make_email,
    "hostname": make_hostname,
    "idn-email": make_idn_email,
    "idn-hostname": make_idn_hostname,
    "ipv4": _make_from_pattern(IPV4),
    "ipv6": _make_from_pattern(IPV6),
    "iri": _make_from_pattern(IRI),
    "iri-reference": _make_from_pattern(IRI_REFERENCE),
    "json-pointer": _make_from_pattern(_POINTER),
    "regex": _make_from_expression(make_regex),
    "relative-json-pointer": _make_from_pattern(f"(?:0|[1-9][0-9]*)(?:#|{_POINTER})"),
    "time": _make_from_expression(make_time),
    "uri": _make_from_pattern(URI),
    "uri-reference": _make_from_pattern(URI_REFERENCE),
    "uri-template": _make_from_pattern(URI_TEMPLATE),
    "uuid": _make_from_pattern(_UUID),
}

SMALL_FORMATS = frozenset({"date", "duration", "ipv4", "json-pointer", "relative-json-pointer", "uri-template", "uuid"})
"""Formats with fewer than 50 states."""


def format_dfa(name: str, draft: str = "draft2020-12") -> Dfa | None:
    """Return the automaton of format ``name``; None for a name that no draft defines.

    Formats of later drafts are asserted under earlier ones too: who writes ``"format": "uuid"`` in a draft-7 schema
    means it.

    Parameters
    ----------
    name : value of ``format``.
    draft : the draft of the schema; all drafts agree on the texts of a format.

    Examples
    --------
    >>> date = format_dfa("date")
    >>> date.accepts("2023-02-29"), date.accepts("2024-02-29")
    (False, True)
    """
    return _make_format(name) if name in FORMATS else None


@lru_cache(maxsize=64)
def _make_format(name: str) -> Dfa:
    dfa = FORMATS[name]()
    dfa.is_small = name in SMALL_FORMATS
    return dfa
