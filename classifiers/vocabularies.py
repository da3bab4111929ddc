"""Check that a classifier reads the tokens of the model it steers: ids are passed on, never decoded and encoded."""

from __future__ import annotations

from classifiers.errors import VocabularyError
from fsm import Vocabulary

__all__ = ["check_vocabulary"]


def check_vocabulary(base: Vocabulary, other: Vocabulary, name: str) -> None:
    """Refuse a classifier to which an id means another token, or which lacks a token.

    Raises
    ------
    VocabularyError : names the first token they do not share.

    Examples
    --------
    >>> letters = Vocabulary([b"a", b"b"])
    >>> check_vocabulary(letters, letters, "Fudge")
    """
    if base == other:
        return
    ours, theirs = set(base.text_token_ids), set(other.text_token_ids)
    for token in range(base.size):
        is_text, is_theirs = token in ours, token in theirs
        if is_text and (not is_theirs or base.token_bytes[token] != other.token_bytes[token]):
            there = repr(other.token_bytes[token])[1:] if is_theirs else "no text token"
            raise VocabularyError(
                f"{name}: got a classifier whose token {token} is {there}, expected the model's "
                f"{base.token_bytes[token]!r}; steer with a classifier trained on this model's tokenizer"
            )
        if is_theirs and not is_text:
            raise VocabularyError(
                f"{name}: got a classifier whose token {token} is {other.token_bytes[token]!r}, which is a control "
                "symbol of the model; steer with a classifier trained on this model's tokenizer"
            )
