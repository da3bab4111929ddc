"""A vocabulary is a frozen value, and its trie holds every token once."""

from __future__ import annotations

import random

import pytest

from fsm import Vocabulary, VocabularyError
from fsm.tokens.trie import DEPTH, SKIP, TOKEN, build_trie


def test_vocabulary_is_a_value() -> None:
    """Equal tokens make equal vocabularies; nothing can be set."""
    first = Vocabulary([b"a", b"b"], eos_token_ids=[1])
    assert first == Vocabulary((b"a", b"b"), eos_token_ids=(1,))
    assert first != Vocabulary([b"a", b"b"])
    assert first.fingerprint != Vocabulary([b"ab", b""], eos_token_ids=[1]).fingerprint
    with pytest.raises(AttributeError, match="frozen"):
        first.token_bytes = ()


@pytest.mark.parametrize(
    ("tokens", "special", "message"),
    [([], [], "got no tokens"), (["a"], [], "token 0 is str"), ([b"a"], [1], "token id 1 lies outside 0..0")],
)
def test_unusable_vocabulary_is_refused(tokens: list[bytes], special: list[int], message: str) -> None:
    """The message names the token or the id."""
    with pytest.raises(VocabularyError, match=message):
        Vocabulary(tokens, special_token_ids=special)


@pytest.mark.parametrize("seed", range(20))
def test_trie_spells_every_token_and_nothing_else(seed: int) -> None:
    """Walking the flat trie by depth and skip gives back the strings, duplicates chained."""
    drawn = random.Random(seed)
    strings = [bytes(drawn.choices(b"ab\xff", k=drawn.randint(1, 5))) for _ in range(drawn.randint(1, 60))]
    trie = build_trie(strings, list(range(len(strings))), len(strings))
    found: dict[int, bytes] = {}
    path: list[int] = []
    for node, (byte, depth, skip, token) in enumerate(trie.nodes.tolist()):
        label = token
        path[depth - 1 :] = [byte]
        assert node < skip <= len(trie.nodes)
        while label >= 0:
            found[label] = bytes(path)
            label = int(trie.duplicates[label])
    assert found == dict(enumerate(strings))
    assert (trie.nodes[:, DEPTH] >= 1).all()
    assert trie.nodes[:, SKIP].max() == len(trie.nodes)
    assert (trie.nodes[:, TOKEN] < len(strings)).all()


def test_trie_of_nothing_is_empty() -> None:
    """A vocabulary of special tokens only has no nodes."""
    assert len(build_trie([], [], 1).nodes) == 0
