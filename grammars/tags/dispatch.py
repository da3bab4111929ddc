"""Be one of several beginnings, each with what follows it: a trie, so that what they share is read once."""

from __future__ import annotations

from fsm.errors import GrammarError
from fsm.network import Network
from grammars.grammar import Grammar

__all__ = ["Dispatch"]


class Dispatch(Grammar):
    """Be a text that begins with one of several fixed texts and goes on as its own grammar says.

    A union of as many grammars would follow all of them side by side through what they have in common.

    Parameters
    ----------
    branches : beginnings and what follows each.
    """

    __slots__ = ("branches",)

    def __init__(self, branches: tuple[tuple[str, Grammar], ...]) -> None:
        if len({begin for begin, _ in branches}) < len(branches):
            raise GrammarError("dispatch: got a beginning twice, expected texts that differ")
        self.branches = branches

    def __repr__(self) -> str:
        shown = " | ".join(f"{begin!r} + {rest}" for begin, rest in self.branches[:8])
        return f"({shown}{' | ...' if len(self.branches) > 8 else ''})"

    def add_to(self, network: Network) -> int:
        """Lay the trie of beginnings, and behind each what follows it."""
        items = sorted((begin.encode(), rest.add_to(network)) for begin, rest in self.branches)
        return _lay(network, items, 0)


def _lay(network: Network, items: list[tuple[bytes, int]], depth: int) -> int:
    """Lay sorted beginnings that agree up to ``depth``; return the state there."""
    first, last = items[0][0], items[-1][0]
    size = depth
    while size < min(len(first), len(last)) and first[size] == last[size]:
        size += 1
    ways = []
    if len(first) == size:
        ways.append(items.pop(0)[1])
    edges = []
    while items:
        byte = items[0][0][size]
        count = next((i for i, (text, _) in enumerate(items) if text[size] != byte), len(items))
        edges.append((byte, byte, _lay(network, items[:count], size + 1)))
        del items[:count]
    if edges:
        ways.append(network.add_byte(edges))
    return network.add_text(first[depth:size], network.add_fork(ways))
