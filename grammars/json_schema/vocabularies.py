"""Read the metaschema a document names: which draft it extends, and whether validation keywords have a meaning.

Source: JSON Schema 2020-12 core, section 8.1 (meta-schemas and vocabularies).
"""

from __future__ import annotations

from typing import Any

import referencing.exceptions
from referencing import Registry

from grammars.json_schema.drafts import draft_of, is_named
from grammars.json_schema.shapes import JsonSchema

__all__ = ["extended_draft", "without_validation"]

MAX_EXTENSIONS = 8
_VALIDATION = frozenset(
    """const dependentRequired enum exclusiveMaximum exclusiveMinimum maxContains maxItems maxLength maxProperties
    maximum minContains minItems minLength minProperties minimum multipleOf pattern required type uniqueItems""".split()
)
_MAPS = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SINGLE = frozenset(
    """additionalItems additionalProperties contains else if items not propertyNames then unevaluatedItems
    unevaluatedProperties""".split()
)


def extended_draft(schema: JsonSchema, default: str | None, registry: Registry[Any] | None) -> tuple[str, bool]:
    """Return the draft of a document, and whether its metaschema leaves validation keywords without a meaning.

    A metaschema that the registry does not hold says nothing.
    """
    if registry is None:
        return draft_of(schema, default), False
    here: Any = schema
    is_bare = False
    for _ in range(MAX_EXTENSIONS):
        uri = here.get("$schema") if type(here) is dict else None
        if type(uri) is not str or is_named(uri):
            break
        try:
            here = registry.get_or_retrieve(uri.rstrip("#")).value.contents
        except (referencing.exceptions.Unretrievable, referencing.exceptions.NoSuchResource):
            break
        vocabularies = here.get("$vocabulary") if type(here) is dict else None
        if type(vocabularies) is dict and here is not schema:
            is_bare = not any(name.endswith("/vocab/validation") for name in vocabularies)
    return draft_of(here, default), is_bare


def without_validation(schema: Any) -> Any:
    """Return a copy of a schema without the keywords of the validation vocabulary."""
    if type(schema) is not dict:
        return schema
    found: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _VALIDATION:
            continue
        if keyword in _MAPS and type(value) is dict:
            found[keyword] = {name: without_validation(item) for name, item in value.items()}
        elif type(value) is list and (keyword in _LISTS or keyword == "items"):
            found[keyword] = [without_validation(item) for item in value]
        else:
            found[keyword] = without_validation(value) if keyword in _SINGLE else value
    return found
