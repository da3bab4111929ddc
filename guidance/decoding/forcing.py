"""Write what the grammar forces in the tokens that the tokenizer itself would use.

A model has seen `{"name": "` in its tokenizer's own pieces; the same bytes in other pieces are text it has never read.
The last pieces are held back where some token could begin in them and reach beyond, as the grammar allows: the model
then chooses, and what it writes is in the tokenizer's pieces again. Special tokens stand for themselves.
"""

from __future__ import annotations

import numpy as np

from fsm import Matcher
from fsm.parts.special_tokens import split_special_tokens
from fsm.tokens.tables import vocabulary_tables
from fsm.tokens.trie import END, FIRST
from guidance.decoding.request import MatcherLike
from guidance.model import Model

__all__ = ["Forcing"]

_MOST_RUNS = 4096
_UNKNOWN: list[int] = []
_ANY_BYTE = bytes(range(256))


class Forcing:
    """Spell forced runs in one model's tokens; owned by that model's decoders, one each, which share what they spelled.

    Cost: one look-up for a run seen before, else one call of the tokenizer.
    """

    __slots__ = ("_longest", "_model", "_runs", "_silent", "_special", "_trie")

    def __init__(self, model: Model) -> None:
        vocabulary = model.vocabulary
        self._model = model
        self._runs = model.forced_runs
        self._silent = frozenset(vocabulary.special_token_ids) | frozenset(vocabulary.eos_token_ids)
        self._special = {vocabulary.token_bytes[token]: token for token in vocabulary.special_token_ids}
        self._trie = vocabulary_tables(vocabulary).trie
        self._longest = self._trie.max_depth

    def tokens(self, matcher: MatcherLike) -> list[int]:
        """Return the tokens that must come next; empty where there is a choice at once."""
        run = matcher.forced_bytes()
        if not run:
            return []
        key = run, matcher.bytes_after(run) if isinstance(matcher, Matcher) else _ANY_BYTE
        known = self._runs.get(key, _UNKNOWN)
        if known is _UNKNOWN:
            if len(self._runs) >= _MOST_RUNS:  # another thread's decoder may do the same meanwhile
                self._runs.clear()
            known = self._runs[key] = self._tokenise(*key)
        return list(matcher.forced_tokens()) if known is None else known

    def _tokenise(self, run: bytes, after: bytes) -> list[int] | None:
        """Return the tokenizer's own tokens of a run, or None when they do not spell it.

        after : the bytes that may follow the run.
        """
        found: list[int] = []
        parts = split_special_tokens(run)
        for index, (part, is_special) in enumerate(parts):
            if is_special:
                if part not in self._special:
                    return None
                found.append(self._special[part])
                continue
            tokens = self._spell(part)
            if tokens is None:
                return None
            found += tokens if index + 1 < len(parts) else self._hold_back(tokens, part, after)
        return found

    def _spell(self, text: bytes) -> list[int] | None:
        try:
            tokens = self._model.encode_text(text.decode("utf-8"))
        except UnicodeDecodeError:
            return None
        if self._model.decode_bytes(tokens) != text or not self._silent.isdisjoint(tokens):
            return None
        return tokens

    def _hold_back(self, tokens: list[int], text: bytes, after: bytes) -> list[int]:
        """Return the tokens without those that one which reaches beyond the text could begin in."""
        most = min(len(text), self._longest - 1)
        reach = next((size for size in range(most, 0, -1) if self._goes_on(text[-size:], after)), 0)
        size, table = len(text), self._model.vocabulary.token_bytes
        kept = list(tokens)
        while kept and size > len(text) - reach:
            size -= len(table[kept.pop()])
        return kept

    def _goes_on(self, text: bytes, after: bytes) -> bool:
        """Tell whether some token begins with a text and goes on with one of the bytes."""
        labels, rows = self._trie.labels, self._trie.rows
        node = 0
        for byte in text:
            first, end = int(rows[node, FIRST]), int(rows[node, END])
            node = first + int(np.searchsorted(labels[first:end], byte))
            if node == end or labels[node] != byte:
                return False
        return not set(after).isdisjoint(labels[rows[node, FIRST] : rows[node, END]].tolist())
