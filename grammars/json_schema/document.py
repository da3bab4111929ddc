"""Search the text of a schema document for what following its references takes.

Input: the decoded document. Output: ``DocumentMarks``. Cost: the document is written as JSON once. What stands in
constants and annotations is found too: then more is made ready than is needed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fsm.errors import GrammarError

__all__ = ["DocumentMarks", "read_marks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentMarks:
    """Say what following the references of a document takes; both may be True where less would do.

    Parameters
    ----------
    is_full : more than pointers into the document itself, read by one draft.
    is_dynamic : where a reference leads may depend on the documents passed through.
    """

    is_full: bool
    is_dynamic: bool


def read_marks(document: Any) -> DocumentMarks:
    """Return what the references of a document need.

    Raises
    ------
    GrammarError : the document holds what JSON cannot say.

    Examples
    --------
    >>> read_marks({"$id": "http://e.org/", "properties": {"id": {"$ref": "#/$defs/a"}}}).is_full
    False
    >>> read_marks({"$ref": "http://e.org/other"}).is_full
    True
    """
    text = _write(document)
    is_dynamic = '"$dynamicRef": ' in text or '"$recursiveRef": ' in text
    num_pointers = text.count('"$ref": "#/') + text.count('"$ref": "#"')
    is_full = (
        is_dynamic
        or text.count('"$ref": "') > num_pointers
        or '"$anchor": "' in text
        or '"$dynamicAnchor": "' in text
        or any(text.count(f'"{keyword}": "') > _is_own(document, keyword) for keyword in ("$id", "id", "$schema"))
    )
    return DocumentMarks(is_full=is_full, is_dynamic=is_dynamic)


def _is_own(document: Any, keyword: str) -> bool:
    """Tell whether the document itself has a name or a draft: that changes nothing for pointers into it."""
    return type(document) is dict and type(document.get(keyword)) is str


# PERF: 4/5 of the time of json.dumps; what holds itself is nested too deep as well.
_write_json = json.JSONEncoder(check_circular=False).encode


def _write(document: Any) -> str:
    try:
        return _write_json(document)
    except (TypeError, ValueError, RecursionError) as error:
        raise GrammarError(
            f"got a {type(document).__name__} that is not JSON ({error}), expected a decoded JSON document",
            where="json schema at #",
        ) from error
