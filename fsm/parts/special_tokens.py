"""Let special tokens be symbols of a grammar.

A special token never matches as text. Where a grammar asks for one, it is spelled as its name between two bytes 0xFF,
which no UTF-8 text has; a vocabulary made for such grammars spells its special tokens so, and leaves out text tokens
with that byte. Masks, moves and forced tokens then need nothing new. Cost: the tables of a second vocabulary (0.8 s for
128,000 tokens), once, and only where a grammar asks for a special token that there is.
"""

from __future__ import annotations

from fsm.errors import VocabularyError
from fsm.layout import STATE_POP
from fsm.network import Network
from fsm.vocabulary import Vocabulary

__all__ = [
    "SpecialTokens",
    "add_special_token",
    "remove_special_tokens",
    "resolve_special_tokens",
    "special_tokens_of",
    "split_special_tokens",
]

_MARK = b"\xff"


class SpecialTokens:
    """Own the stubs of a network's special tokens: each stands for a name, and becomes its symbol or its text."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.present: frozenset[str] = frozenset()

    def symbol(self, argument: int) -> bytes:
        """Return the bytes that stand for a name."""
        name = self.names[argument]
        return _MARK + name.encode() + _MARK if name in self.present else name.encode()

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write the first byte of the symbol."""
        spelled = self.symbol(argument)
        rest = network.add_text(spelled[1:], STATE_POP)
        network.write_byte(state, [(spelled[0], spelled[0], rest)])

    def shortest(self, argument: int) -> int:
        """Return the bytes of the symbol; one where it is one token."""
        return len(self.symbol(argument))


def special_tokens_of(network: Network) -> SpecialTokens | None:
    """Return the owner of a network's special tokens, None where it has none."""
    return next((owner for owner in network.owners if isinstance(owner, SpecialTokens)), None)


def add_special_token(network: Network, name: str) -> int:
    """Add a state that, called, reads the special token of this name, or its text where a vocabulary has none."""
    owner = special_tokens_of(network)
    if owner is None:
        owner = SpecialTokens()
        network.add_owner(owner)
    owner.names.append(name)
    return network.add_stub(network.owners.index(owner), len(owner.names) - 1)


def resolve_special_tokens(network: Network, vocabulary: Vocabulary) -> Vocabulary:
    """Return the vocabulary to compile a network for; called once, before anything is read.

    Raises
    ------
    VocabularyError : a name is that of an end token.
    """
    owner = special_tokens_of(network)
    if owner is None:
        return vocabulary
    names = _special_names(vocabulary)
    for name in owner.names:
        if names.get(name) in vocabulary.eos_token_ids:
            raise VocabularyError(f"special token {name!r} ends texts here; leave it out, for a text may end anyway")
    owner.present = frozenset(owner.names) & frozenset(names)
    return _spell_specials(vocabulary) if owner.present else vocabulary


def remove_special_tokens(text: bytes) -> bytes:
    """Return a text read by a matcher without the symbols of special tokens."""
    parts = text.split(_MARK)
    return b"".join(parts[::2])


def split_special_tokens(text: bytes) -> list[tuple[bytes, bool]]:
    r"""Return the parts of a text read by a matcher: bytes, and whether they name a special token; no part is empty.

    Examples
    --------
    >>> split_special_tokens(b"a\xff<call>\xff{")
    [(b'a', False), (b'<call>', True), (b'{', False)]
    """
    return [(part, index % 2 == 1) for index, part in enumerate(text.split(_MARK)) if part]


def _special_names(vocabulary: Vocabulary) -> dict[str, int]:
    names = {}
    for token in vocabulary.special_token_ids:
        spelled = vocabulary.token_bytes[token]
        if spelled:
            names[spelled.decode("utf-8", "replace")] = token
    return names


def _spell_specials(vocabulary: Vocabulary) -> Vocabulary:
    """Return the vocabulary in which special tokens are symbols; kept with the other one."""
    known: Vocabulary | None = vocabulary.__dict__.get("_with_symbols")
    if known is None:
        symbols = set(vocabulary.special_token_ids) - set(vocabulary.eos_token_ids)
        spelled = [
            _MARK + token + _MARK if i in symbols and token else b"" if _MARK in token and i not in symbols else token
            for i, token in enumerate(vocabulary.token_bytes)
        ]
        unnamed = [i for i in symbols if not vocabulary.token_bytes[i]]
        known = vocabulary.__dict__["_with_symbols"] = Vocabulary(spelled, vocabulary.eos_token_ids, unnamed)
    return known
