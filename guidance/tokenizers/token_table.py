"""Hold what a tokenizer reader found: the bytes of each id, the special ids, the ids that end a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fsm.errors import VocabularyError

__all__ = ["TokenTable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTable:
    """The tokens of one tokenizer, ids 0 to ``len(token_bytes) - 1``.

    Parameters
    ----------
    token_bytes : the bytes each id adds in the middle of a text; empty for ids that stand for no text.
    special_token_ids : ids that are never text, sorted.
    eos_token_ids : ids that end a text, as far as the tokenizer itself says.
    """

    token_bytes: tuple[bytes, ...]
    special_token_ids: tuple[int, ...] = ()
    eos_token_ids: tuple[int, ...] = ()

    @classmethod
    def from_mapping(
        cls, bytes_of: Mapping[int, bytes], *, special: Iterable[int] = (), eos: Iterable[int] = ()
    ) -> TokenTable:
        """Lay out ids with holes: an id nobody names has no bytes."""
        special_ids, eos_ids = sorted(set(special)), tuple(dict.fromkeys(eos))
        size = 1 + max((*bytes_of, *special_ids, *eos_ids), default=-1)
        if size == 0:
            raise VocabularyError("tokenizer: got no tokens, expected at least one; pass a trained tokenizer")
        return cls(
            token_bytes=tuple(bytes_of.get(token_id, b"") for token_id in range(size)),
            special_token_ids=tuple(special_ids),
            eos_token_ids=eos_ids,
        )
