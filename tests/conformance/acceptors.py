"""Accept or reject documents: through our engine byte by byte, or through `jsonschema` to check the harness."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import referencing
import referencing.exceptions
from jsonschema import validators

from fsm.errors import GuidanceError, UnsatisfiableError
from fsm.vocabulary import Vocabulary

__all__ = ["Acceptor", "JsonschemaAcceptor", "OurAcceptor", "RefusedError", "byte_vocabulary", "feed"]

Accepts = Callable[[bytes], bool]

_META_SCHEMAS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}


class RefusedError(Exception):
    """The schema is not compiled."""


class Acceptor(Protocol):
    """Compile a schema to a test of documents."""

    def compile(self, schema: Any) -> Accepts:
        """Compile a schema. Raises RefusedError."""


@cache
def byte_vocabulary() -> Vocabulary:
    """Build the vocabulary of the 256 single bytes; id 256 ends a text."""
    return Vocabulary([*(bytes([byte]) for byte in range(256)), b"<end>"], eos_token_ids=[256])


class OurAcceptor:
    """Feed each byte of a document as a token."""

    def __init__(self, draft: str | None = None, registry: referencing.Registry[Any] | None = None) -> None:
        self._draft = draft
        self._registry = registry

    def compile(self, schema: Any) -> Accepts:
        """Compile with every key order and the drafts' default where ``$schema`` is absent."""
        from grammars import json_schema

        try:
            grammar = json_schema(schema, key_order="any", draft=self._draft, registry=self._registry)
            compiled = grammar.compile(byte_vocabulary())
            compiled.matcher()
        except UnsatisfiableError:  # found at compile time: the grammar of no text at all
            return lambda _text: False
        except GuidanceError as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from error
        return lambda text: feed(compiled, text)


def feed(compiled: Any, token_ids: bytes | list[int]) -> bool:
    """Feed tokens to a fresh matcher; True when all are taken and the text may end there."""
    matcher = compiled.matcher()
    try:
        return all(matcher.try_advance(token_id) for token_id in token_ids) and bool(matcher.is_accepting)
    except GuidanceError as error:  # lazily found: an unsupported keyword, a limit
        raise RefusedError(f"{type(error).__name__}: {error}") from error


class JsonschemaAcceptor:
    """Validate with the `jsonschema` library and its format checks."""

    def __init__(self, draft: str = "draft2020-12", registry: referencing.Registry[Any] | None = None) -> None:
        self._draft = draft
        self._registry = registry

    def compile(self, schema: Any) -> Accepts:
        """Make a validator of the draft that the schema names."""
        default = validators.validator_for({"$schema": _META_SCHEMAS[self._draft]})
        chosen = validators.validator_for(schema, default=default)
        more = {} if self._registry is None else {"registry": self._registry}
        validator = chosen(schema, format_checker=chosen.FORMAT_CHECKER, **more)

        def accepts(text: bytes) -> bool:
            try:
                return bool(validator.is_valid(json.loads(text)))
            except (re.error, referencing.exceptions.Unresolvable) as error:  # ECMA's own patterns; odd references
                raise RefusedError(str(error)) from error

        return accepts
