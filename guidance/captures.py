"""Read the named parts of an output's text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fsm.compiled import Compiled
from fsm.parts.captures import Span, SpanReader
from fsm.parts.special_tokens import remove_special_tokens

__all__ = ["GrowingCaptures", "read_captures"]

_MOST_READERS = 64


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
    reader = SpanReader(compiled)
    reader.feed(head + b"".join([table[token_id] for token_id in token_ids]))
    return _values(reader)


class GrowingCaptures:
    """Read the named parts of texts that grow, each from where it was read to before.

    Parameters
    ----------
    compiled : the grammar of the texts.
    """

    def __init__(self, compiled: object) -> None:
        self._compiled = compiled
        self._readers: dict[bytes, SpanReader] = {}

    def read(self, text: str) -> dict[str, Any]:
        """Return what the named parts of a text hold so far; nothing where it lacks what cannot be shown."""
        if not isinstance(self._compiled, Compiled):
            return {}
        data = text.encode()
        known = max((before for before in tuple(self._readers) if data.startswith(before)), key=len, default=b"")
        # Taken out while it reads, so that no two threads feed one reader.
        reader = self._readers.pop(known, None) or SpanReader(self._compiled)
        try:
            reader.feed(data[len(reader.text) :])
        except ValueError:
            return {}
        if len(self._readers) >= _MOST_READERS:
            self._readers.clear()
        self._readers[data] = reader
        return _values(reader)


def _values(reader: SpanReader) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for span in reader.spans():
        if not span.region.name:
            continue
        value = _read(span, reader.text[span.begin : span.end])
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
