"""Read texts as values of a type, and say which texts those are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from grammars.python_types.annotations import arguments_of, as_type, is_function
from grammars.python_types.closing import close_objects
from grammars.python_types.integers import spell_integers
from grammars.python_types.partial import construct
from grammars.python_types.schemas import describe, make_adapter

__all__ = ["TypeReader", "from_type", "schema_of"]


class TypeReader:
    """Read texts as values of one type.

    Parameters
    ----------
    annotation : any type Pydantic knows, a callable (its signature), or a JSON Schema as a mapping.

    Raises
    ------
    GrammarError : when no JSON Schema describes the type.

    Examples
    --------
    >>> TypeReader(list[int]).parse("[1, 2]")
    [1, 2]
    """

    def __init__(self, annotation: Any) -> None:
        self.annotation = as_type(annotation)
        self._returns_arguments = is_function(annotation)
        self._schema = dict(annotation) if isinstance(annotation, Mapping) else None
        self._adapter = None if self._schema is not None else make_adapter(self.annotation)

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the type's texts."""
        if self._schema is not None:
            return self._schema
        described = describe(self._adapter, self.annotation)
        closed: dict[str, Any] = close_objects(described, described.get("$defs", {}))
        return closed

    def parse(self, text: str) -> Any:
        """Return the value a whole text stands for.

        Raises
        ------
        ValueError : when the text is not JSON, or a validator of the type refuses the value.
        """
        if self._adapter is None:
            return json.loads(text)
        value = self._adapter.validate_json(spell_integers(text))
        return arguments_of(value) if self._returns_arguments else value

    def parse_partial(self, text: str) -> Any:
        """Return the value as far as the text goes; None where it tells nothing yet.

        Examples
        --------
        >>> TypeReader(dict[str, str]).parse_partial('{"name": "Ad')
        {'name': 'Ad'}
        """
        try:
            content = from_json(text, allow_partial="trailing-strings")
        except ValueError:
            return None
        if self._adapter is None:
            return content
        value = construct(self.annotation, content)
        return arguments_of(value) if self._returns_arguments else value


def from_type(annotation: Any, **options: Any) -> Any:
    """Return the grammar of a type's JSON texts.

    `options` are those of `grammars.json_schema`: whitespace, key_order, and so on.

    Raises
    ------
    GrammarError : when no JSON Schema describes the type.
    """
    from grammars.constructors import json_schema

    return json_schema(schema_of(annotation), **options)


def schema_of(annotation: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type, with objects closed.

    Examples
    --------
    >>> schema_of(int)
    {'type': 'integer'}
    """
    return TypeReader(annotation).schema
