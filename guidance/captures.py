"""Read the named parts of an output's text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fsm.captures import Span, find_spans
from fsm.compiled import Compiled
from fsm.special_tokens import remove_special_tokens

__all__ = ["read_captures"]


def read_captures(compiled: object, token_ids: Sequence[int], *, head: bytes = b"") -> dict[str, Any]:
    """Return what a grammar's named regions hold: values by name, a list where a region may occur several times.

    A region that the text ends in, or whose text its type refuses, holds its text.

    Parameters
    ----------
    compiled : the grammar the tokens were drawn under; captures of one that is none of ours are empty.
    token_ids : the output's tokens.
    head : text of the output before them.
    """
    if not isinstance(compiled, Compiled):
        return {}
    table = compiled.vocabulary.token_bytes
    text = head + b"".join([table[token_id] for token_id in token_ids])
    found: dict[str, Any] = {}
    for span in find_spans(compiled, text):
        if not span.region.name:
            continue
        value = _read(span, text[span.begin : span.end])
        if span.region.is_list:
            found.setdefault(span.region.name, []).append(value)
        else:
            found[span.region.name] = value
    return found


def _read(span: Span, data: bytes) -> Any:
    text = remove_special_tokens(data).decode("utf-8", "replace")
    if span.is_open:
        return text
    stop = next((stop for stop in span.region.stops if text.endswith(stop)), "")
    text = text[: len(text) - len(stop)]
    if span.region.read is None:
        return text
    try:
        return span.region.read(text)
    except ValueError:
        return text
