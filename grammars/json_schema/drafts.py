"""Tell the drafts of JSON Schema apart: which one a document declares, and which keywords each knows."""

from __future__ import annotations

from typing import Any

from fsm.errors import GrammarError

__all__ = ["DRAFTS", "draft_of", "is_named", "is_older", "knows"]

DRAFTS = ("draft4", "draft6", "draft7", "draft2019-09", "draft2020-12")
NEWEST = "draft2020-12"

_URIS = {
    "http://json-schema.org/draft-03/schema": "draft4",
    "http://json-schema.org/draft-04/schema": "draft4",
    "http://json-schema.org/draft-06/schema": "draft6",
    "http://json-schema.org/draft-07/schema": "draft7",
    "https://json-schema.org/draft/2019-09/schema": "draft2019-09",
    "https://json-schema.org/draft/2020-12/schema": "draft2020-12",
}
_SINCE = {
    "$anchor": 3,
    "$defs": 0,
    "const": 1,
    "contains": 1,
    "dependentRequired": 3,
    "dependentSchemas": 3,
    "else": 2,
    "if": 2,
    "maxContains": 3,
    "minContains": 3,
    "prefixItems": 4,
    "propertyNames": 1,
    "then": 2,
    "unevaluatedItems": 3,
    "unevaluatedProperties": 3,
}


def draft_of(schema: Any, default: str | None) -> str:
    """Return the draft that ``$schema`` names, else ``default``, else the newest.

    Raises
    ------
    GrammarError : ``default`` is not the name of a draft.
    """
    if default is not None and default not in DRAFTS:
        raise GrammarError(f"draft: got {default!r}, expected one of {', '.join(DRAFTS)}")
    uri = schema.get("$schema") if isinstance(schema, dict) else None
    named = _URIS.get(_plain(uri)) if isinstance(uri, str) else None
    return named or default or NEWEST


def is_named(uri: str) -> bool:
    """Tell whether a ``$schema`` is the metaschema of a draft itself."""
    return _plain(uri) in _URIS


def _plain(uri: str) -> str:
    return uri.rstrip("#").replace("https://json-schema.org/draft-0", "http://json-schema.org/draft-0")


def is_older(draft: str, than: str) -> bool:
    """Tell whether one draft came before another."""
    return DRAFTS.index(draft) < DRAFTS.index(than)


def knows(draft: str, keyword: str) -> bool:
    """Tell whether a draft gives the keyword a meaning."""
    return DRAFTS.index(draft) >= _SINCE.get(keyword, 0)
