"""Agree on what token ids mean, so that logits of two models may be added.

The contract: on the ids both have, the token bytes are equal; control symbols and padding may be named differently,
but must be that on both sides. What the steered model has beyond the other's ids may only be padding and is forbidden
while steering. Where ids differ, an explicit map says what they mean; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from fsm import Vocabulary
from proxy_tuning.errors import VocabularyError

__all__ = ["Alignment", "VocabularyMap", "align_vocabularies", "match_token_bytes"]

VocabularyMap = Mapping[int, int | None]
"""The other model's id for ids of the steered one; None forbids the token while steering."""

_MISSING = -1
_NUM_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Hold the other model's id for every id of the steered one.

    ids       : int64[V]   -1 where the other model has no such token
    forbidden : bool[V]    True where it has none, and for padding, of which no model has learned anything
    is_identity : whether every id means the same on both sides
    """

    ids: NDArray[np.int64]
    forbidden: NDArray[np.bool_]
    name: str = "expert"
    is_identity: bool = field(init=False)
    is_complete: bool = field(init=False)

    def __post_init__(self) -> None:
        """Look once at what every step asks."""
        object.__setattr__(self, "is_identity", bool((self.ids == np.arange(self.size)).all()))
        object.__setattr__(self, "is_complete", not self.forbidden.any())

    @property
    def size(self) -> int:
        """Return V, the number of the steered model's tokens."""
        return len(self.ids)

    def translate(self, token_ids: Sequence[int]) -> list[int]:
        """Return the other model's ids for a text of the steered model's.

        Raises
        ------
        VocabularyError : when the other model has no such token.
        """
        found = self.ids[np.asarray(token_ids, dtype=np.int64)]
        if (found == _MISSING).any():
            wrong = int(np.asarray(token_ids)[found == _MISSING][0])
            raise VocabularyError(
                f"{self.name}: got a text with token id {wrong}, which it does not have; leave the token out, or map it"
            )
        return [int(token) for token in found]

    def gather(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the other model's logits in the steered model's columns; forbidden ones hold the row's least.

        logits : float[..., V']  -> float32[..., V]
        """
        if self.is_identity:
            return logits[..., : self.size].float()
        ids = torch.from_numpy(self.ids).to(logits.device)
        columns = logits.float().index_select(-1, ids.clamp(min=0))
        return torch.where(ids >= 0, columns, columns.amin(dim=-1, keepdim=True))


def align_vocabularies(
    base: Vocabulary, other: Vocabulary, *, vocabulary_map: VocabularyMap | None = None, name: str = "expert"
) -> Alignment:
    """Return what each of the base's token ids is for the other model.

    Raises
    ------
    VocabularyError : when an id means different tokens, or the other model lacks a token; names the first of them.

    Examples
    --------
    >>> base = Vocabulary([b"</s>", b"a", b"b"], eos_token_ids=[0])
    >>> align_vocabularies(base, base).is_identity
    True
    >>> swapped = Vocabulary([b"</s>", b"b", b"a"], eos_token_ids=[0])
    >>> align_vocabularies(base, swapped, vocabulary_map={1: 2, 2: 1}).ids.tolist()
    [0, 2, 1]
    """
    if not vocabulary_map:
        return _align_plain(base, other, name)
    ids = np.arange(base.size)
    ids[other.size :] = _MISSING
    for token_id, target in vocabulary_map.items():
        _check_entry(token_id, target, base, other, name)
        ids[token_id] = _MISSING if target is None else target
    _check_agreement(base, other, name, frozenset(vocabulary_map))
    _check_rest(base, other, name, frozenset(vocabulary_map))
    return Alignment(ids, (ids == _MISSING) | _padding(base), name)


@lru_cache(maxsize=16)
def _align_plain(base: Vocabulary, other: Vocabulary, name: str) -> Alignment:
    """Return what `align_vocabularies` does without a map; comparing 128,000 tokens takes a tenth of a second."""
    ids = np.arange(base.size)
    ids[other.size :] = _MISSING
    if base != other:
        _check_agreement(base, other, name, frozenset())
        _check_rest(base, other, name, frozenset())
    return Alignment(ids, (ids == _MISSING) | _padding(base), name)


def match_token_bytes(base: Vocabulary, other: Vocabulary) -> dict[int, int | None]:
    """Return a map by token bytes: the other's first id of the same bytes, or None; ends map to the first end.

    Examples
    --------
    >>> base = Vocabulary([b"</s>", b"a", b"b"], eos_token_ids=[0])
    >>> match_token_bytes(base, Vocabulary([b"a", b"</s>"], eos_token_ids=[1]))
    {0: 1, 1: 0, 2: None}
    """
    places: dict[bytes, int] = {}
    for i in other.text_token_ids:
        places.setdefault(other.token_bytes[i], i)
    text = _text_ids(base)
    found: dict[int, int | None] = {
        i: places.get(token) if i in text else None for i, token in enumerate(base.token_bytes)
    }
    end = other.eos_token_ids[0] if other.eos_token_ids else None
    return found | dict.fromkeys(base.eos_token_ids, end)


def _padding(vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Return bool[V]: True for ids that are neither text nor a control symbol."""
    is_padding = np.array([not token for token in vocabulary.token_bytes])
    is_padding[list(vocabulary.special_token_ids)] = False
    return is_padding


def _text_ids(vocabulary: Vocabulary) -> frozenset[int]:
    return frozenset(vocabulary.text_token_ids)


def _check_agreement(base: Vocabulary, other: Vocabulary, name: str, explicit: frozenset[int]) -> None:
    """Refuse ids both have that mean different texts; a text on one side and a control symbol on the other differ."""
    base_text, other_text = _text_ids(base), _text_ids(other)
    pairs = zip(base.token_bytes, other.token_bytes, strict=False)
    wrong = [
        i
        for i, (ours, theirs) in enumerate(pairs)
        if i not in explicit
        and ((i in base_text) != (i in other_text) or (i in base_text and i in other_text and ours != theirs))
    ]
    if wrong:
        named = "; ".join(f"{i} is {_show(base, i)} here, {_show(other, i)} there" for i in wrong[:_NUM_NAMED])
        raise VocabularyError(
            f"{name}: got a vocabulary that differs at {len(wrong)} token ids, expected the steered model's: {named}; "
            "load models of one tokenizer, or pass vocabulary_map (proxy_tuning.match_token_bytes makes one)"
        )


def _check_rest(base: Vocabulary, other: Vocabulary, name: str, explicit: frozenset[int]) -> None:
    """Refuse tokens that only the base has, unless they are padding."""
    needed = _text_ids(base) | frozenset(base.eos_token_ids)
    wrong = [i for i in range(other.size, base.size) if i in needed and i not in explicit]
    if wrong:
        named = ", ".join(f"{i} {_show(base, i)}" for i in wrong[:_NUM_NAMED])
        raise VocabularyError(
            f"{name}: got {other.size} tokens, expected the steered model's {base.size}: it lacks {named}; "
            "load models of one tokenizer, or pass vocabulary_map with None for tokens to do without"
        )


def _check_entry(token_id: int, target: int | None, base: Vocabulary, other: Vocabulary, name: str) -> None:
    if not 0 <= token_id < base.size or not (target is None or 0 <= target < other.size):
        raise VocabularyError(
            f"{name}: got {token_id} -> {target} in vocabulary_map, expected an id below {base.size} and one below "
            f"{other.size}, or None; correct the map"
        )


def _show(vocabulary: Vocabulary, token_id: int) -> str:
    text = repr(vocabulary.token_bytes[token_id])[1:]
    return text if token_id in vocabulary.text_token_ids else f"the control symbol {text}"
