"""Look through a schema document once: whether it is JSON, and what its references need to be followed.

Input: the decoded document. Output: ``DocumentMarks``. Cost: one look at each object and list where these are Python's
own; else the JSON text is written and searched.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from fsm.errors import GrammarError

__all__ = ["DocumentMarks", "read_marks", "read_written_marks"]

# Nested deeper, a document is written as text instead, which has a limit of its own.
MAX_LEVELS = 300
_SCALARS = frozenset({str, int, float, bool, type(None)})
_DYNAMIC = frozenset({"$dynamicRef", "$recursiveRef"})
_NAMING = ("$id", "id", "$schema")
_ANCHORS = ("$anchor", "$dynamicAnchor")
_MARKS = frozenset({"$ref", *_NAMING, *_ANCHORS, *_DYNAMIC})
_WRITTEN = re.compile(r'"\$?id"|"\$anchor"|"\$dynamicAnchor"|"\$dynamicRef"|"\$recursiveRef"|"\$ref": "(?!#[/"])')


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
    marked: list[dict[str, Any]] = []
    level, visited, num_visited = [document], set[int](), 0
    for _ in range(MAX_LEVELS):
        below = _below(level, marked)
        if below is None:
            break
        visited.update(map(id, level))
        num_visited += len(level)
        if len(visited) < num_visited:
            break  # met twice: shared, or within itself
        if not below:
            is_dynamic = any(not _DYNAMIC.isdisjoint(here) for here in marked)
            is_full = is_dynamic or any(_needs_more(here, is_root=here is document) for here in marked)
            return DocumentMarks(is_full=is_full, is_dynamic=is_dynamic)
        level = below
    return read_written_marks(document)


def _below(level: list[Any], marked: list[dict[str, Any]]) -> list[Any] | None:
    """Return the objects and lists in those of one level, noting objects with marks; None where it may not be JSON."""
    found: list[Any] = []
    for here in level:
        if type(here) is dict:
            if not _MARKS.isdisjoint(here):
                marked.append(here)
            try:
                "".join(here)
            except TypeError:  # a key that is not a string
                return None
            found += [value for value in here.values() if type(value) not in _SCALARS]
        elif type(here) is list:
            found += [value for value in here if type(value) not in _SCALARS]
        else:
            return None
    return found


def read_written_marks(document: Any) -> DocumentMarks:
    """Return the same by searching the document's text, which finds more than there is."""
    try:
        text = json.dumps(document)
    except (TypeError, ValueError, RecursionError) as error:
        raise GrammarError(
            f"got a {type(document).__name__} that is not JSON ({error}), expected a decoded JSON document",
            where="json schema at #",
        ) from error
    num_own = type(document) is dict and "$schema" in document
    is_full = _WRITTEN.search(text) is not None or text.count('"$schema"') > num_own
    return DocumentMarks(is_full=is_full, is_dynamic='"$dynamicRef"' in text or '"$recursiveRef"' in text)


def _needs_more(here: dict[str, Any], *, is_root: bool) -> bool:
    """Tell whether an object, read as a schema, has a name of its own or refers to anything but a pointer."""
    reference = here.get("$ref", "#")
    if type(reference) is str and reference != "#" and not reference.startswith("#/"):
        return True
    if any(type(here.get(keyword)) is str for keyword in _ANCHORS):
        return True
    # The name of the document itself changes nothing for pointers into it.
    return not is_root and any(type(here.get(keyword)) is str for keyword in _NAMING)
