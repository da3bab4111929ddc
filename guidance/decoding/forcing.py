"""Write what the grammar forces in the tokens that the tokenizer itself would use.

A model has seen `{"name": "` in its tokenizer's own pieces; the same bytes in other pieces are text it has never read.
The last piece is held back where a longer token could swallow it: the model then chooses between the two.
"""

from __future__ import annotations

from guidance.decoding.request import MatcherLike
from guidance.model import Model

__all__ = ["Forcing"]

_MOST_RUNS = 4096


class Forcing:
    """Remember the tokens of forced runs of one model; owned by that model's decoders, one each.

    Cost: one look-up for a run seen before, else one call of the tokenizer.
    """

    __slots__ = ("_is_open", "_model", "_runs", "_silent")

    def __init__(self, model: Model) -> None:
        self._model = model
        self._runs: dict[bytes, list[int] | None] = {}
        self._is_open: dict[int, bool] = {}
        self._silent = frozenset(model.vocabulary.special_token_ids) | frozenset(model.vocabulary.eos_token_ids)

    def tokens(self, matcher: MatcherLike) -> list[int]:
        """Return the tokens that must come next; empty where there is a choice at once."""
        run = matcher.forced_bytes()
        if not run:
            return []
        if run not in self._runs:
            if len(self._runs) >= _MOST_RUNS:
                self._runs.clear()
            self._runs[run] = self._tokenise(run)
        tokens = self._runs[run]
        return list(matcher.forced_tokens()) if tokens is None else tokens

    def _tokenise(self, run: bytes) -> list[int] | None:
        """Return the tokenizer's own tokens of a run, or None when they do not spell it."""
        try:
            text = run.decode("utf-8")
        except UnicodeDecodeError:
            return None
        tokens = self._model.encode_text(text)
        if self._model.decode_bytes(tokens) != run or not self._silent.isdisjoint(tokens):
            return None
        return tokens[:-1] if self._can_be_extended(tokens[-1]) else tokens

    def _can_be_extended(self, token_id: int) -> bool:
        if token_id not in self._is_open:
            table = self._model.vocabulary.token_bytes
            piece = table[token_id]
            self._is_open[token_id] = any(len(other) > len(piece) and other.startswith(piece) for other in table)
        return self._is_open[token_id]
