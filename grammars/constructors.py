"""Make grammars: the functions users call."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from referencing import Registry

from fsm.dfa import literals
from fsm.errors import GrammarError
from grammars.json_schema.grammar import JsonSchemaGrammar
from grammars.json_schema.shapes import JsonSchema, SchemaLimits
from grammars.python_types import schema_of
from grammars.regex import regex_dfa
from grammars.regex.compile import Dialect
from grammars.regular import RegularGrammar

__all__ = ["check_characters", "choice", "json_schema", "regex"]


def json_schema(
    schema: JsonSchema | str | type,
    *,
    whitespace: str | tuple[str, str] = "flexible",
    key_order: str = "schema",
    draft: str | None = None,
    registry: Registry[Any] | None = None,
    limits: SchemaLimits | None = None,
    lenient: bool = False,
) -> JsonSchemaGrammar:
    """Return the grammar of the JSON texts that a schema accepts.

    Parameters
    ----------
    schema : a decoded JSON Schema, its JSON text, or a type (its schema as ``from_type`` reads it).
    whitespace : ``"compact"``, ``"flexible"`` (bounded), ``"any"``, or item and key separators.
    key_order : ``"schema"``: declared members in the schema's order, then others; ``"any"``: in any order.
    draft : ``"draft4"`` to ``"draft2020-12"``, used where ``$schema`` is absent.
    registry : documents that ``$ref`` may lead to.
    limits : bounds on what a schema may ask for.
    lenient : leave unchecked what would be refused as not supported, and list it in ``compiled.warnings``, each with
        its JSON pointer. What is wrong, or has no value, is refused all the same.

    Raises
    ------
    GrammarError : an argument is not one of those.

    Examples
    --------
    >>> json_schema({"type": "integer", "minimum": 3}, whitespace="compact")
    json_schema({"type": "integer", "minimum": 3})
    """
    if key_order not in ("schema", "any"):
        raise GrammarError(f"key_order: got {key_order!r}, expected 'schema' or 'any'")
    return JsonSchemaGrammar(
        _decoded(schema),
        whitespace=whitespace,
        key_order=key_order,
        draft=draft,
        registry=registry,
        limits=limits,
        lenient=lenient,
    )


def _decoded(schema: Any) -> JsonSchema:
    if isinstance(schema, dict | bool):
        return schema
    if isinstance(schema, str | bytes):
        try:
            decoded: JsonSchema = json.loads(schema)
        except ValueError as error:
            raise GrammarError(f"json schema: got text that is not JSON: {error}; pass a JSON document") from error
        return decoded
    if isinstance(schema, list | tuple | int | float) or schema is None:
        return schema  # type: ignore[return-value]  # refused when compiled, with the pointer
    return schema_of(schema)


def regex(pattern: str, *, dialect: Dialect = "python", search: bool = False) -> RegularGrammar:
    """Return the grammar of the texts that a regular expression matches.

    Parameters
    ----------
    pattern : the expression.
    dialect : ``"python"`` (module ``re``) or ``"ecma"``.
    search : the pattern may match anywhere in the text; otherwise it must match all of it.

    Raises
    ------
    GrammarError : the pattern is malformed or not regular; the message points at the column.

    Examples
    --------
    >>> regex("[ab]+")
    regex('[ab]+')
    """
    said = "" if dialect == "python" else f", dialect={dialect!r}"
    source = f"regex({pattern!r}{said}{', search=True' if search else ''})"
    return RegularGrammar(regex_dfa(pattern, dialect, search), source, pattern=None if search else (pattern, dialect))


def choice(texts: Iterable[str]) -> RegularGrammar:
    """Return the grammar of exactly these texts.

    Cost: sorting them; the trie is built where a text goes. 10,000 texts take 3 ms, and 20 ms to the first mask.

    Raises
    ------
    GrammarError : there is no text, or one is not a string that UTF-8 can write.

    Examples
    --------
    >>> choice(["yes", "no"])
    choice(['yes', 'no'])
    """
    listed = list(texts)
    if not listed or not all(isinstance(text, str) for text in listed):
        raise GrammarError(f"choice: got {listed[:5]!r}, expected at least one string")
    check_characters("choice", listed)
    return RegularGrammar(literals(listed), f"choice({listed!r})")


def check_characters(what: str, texts: Iterable[str]) -> None:
    """Refuse texts with lone surrogates, which no UTF-8 text has.

    Raises
    ------
    GrammarError : names the text and the place.
    """
    for text in texts:
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise GrammarError(
                    f"{what}: character {error.start} of {text[:60]!r} is a lone surrogate, which UTF-8 cannot write; "
                    "replace it"
                ) from error
