"""Check that forced bytes are spelled in tokens, and nothing is taken from a longer one."""

from __future__ import annotations

import itertools

from fsm import Vocabulary
from fsm.forced_tokens import split_forced


def test_split_forced_spells_a_prefix_and_stops_where_a_longer_token_might_start():
    """Over all short runs: the tokens are a prefix, and the rest begins a longer token or has none."""
    vocabulary = Vocabulary([b"</s>", b"a", b"b", b"ab", b"aba", b"bb", b""], eos_token_ids=[0])
    table = vocabulary.token_bytes
    for size in range(7):
        for letters in itertools.product(b"ab", repeat=size):
            run = bytes(letters)
            spelled = b"".join(table[token] for token in split_forced(vocabulary, run))
            rest = run[len(spelled) :]
            assert run.startswith(spelled)
            assert not rest or any(token.startswith(rest) and len(token) > len(rest) for token in table)


def test_split_forced_takes_the_longest_token():
    """Longer tokens come first; special ones never."""
    vocabulary = Vocabulary([b"abcx", b"a", b"ab", b"c", b"x"], special_token_ids=[0])
    assert split_forced(vocabulary, b"abcx") == [2, 3, 4]


def test_split_forced_stops_at_a_byte_without_a_token():
    """What cannot be spelled is left out."""
    assert split_forced(Vocabulary([b"a"]), b"aza") == [0]
    assert split_forced(Vocabulary([b"a"]), b"") == []
