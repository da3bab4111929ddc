"""Let a special token be part of a grammar."""

from __future__ import annotations

from fsm.errors import GrammarError
from fsm.network import Network
from fsm.parts.special_tokens import add_special_token
from grammars.grammar import Grammar

__all__ = ["SpecialToken", "special"]


class SpecialToken(Grammar):
    """Be one special token; made by ``special``."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"special({self.name!r})"

    def add_to(self, network: Network) -> int:
        """Lay the symbol."""
        return add_special_token(network, self.name)


def special(name: str) -> SpecialToken:
    """Return the grammar of one special token, such as ``<|python_tag|>``.

    Where the vocabulary has a special token of this name, exactly that token is read, and it adds nothing to
    ``result.text``; elsewhere the name is read as text.

    Raises
    ------
    GrammarError : the name is empty or no string.

    Examples
    --------
    >>> special("[TOOL_CALLS]") + "[]"
    (special('[TOOL_CALLS]') + '[]')
    """
    if not (name and isinstance(name, str)):
        raise GrammarError(f"special: got {name!r}, expected the name of a special token, such as '<|python_tag|>'")
    return SpecialToken(name)
