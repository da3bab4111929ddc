"""See a terminal's automaton over characters as one over the bytes of UTF-8.

A node is a state, or a place inside a character: (state, bits so far, bytes to come); where every character that can
still be completed leads to the same state, only (0, that state, bytes to come) is kept. Cost: the edges of one state.
"""

from __future__ import annotations

from bisect import bisect_left

from fsm.automata.dfa import Edge
from fsm.automata.ranges import Ranges
from grammars.context_free.symbols import TokenAutomaton

__all__ = ["ByteEdge", "Node", "TokenBytes", "lead_bytes"]

Node = int | tuple[int, int, int]
ByteEdge = tuple[int, int, Node]

_SURROGATES = (0xD800, 0xDFFF)

# Where all characters that are not ASCII lead the same way: first bytes whose continuations are all characters, with
# how many bytes are to come; the other first bytes, with their bits; and which bytes may follow those.
_WHOLE_LEADS = ((0xC2, 0xDF, 1), (0xE1, 0xEC, 2), (0xEE, 0xEF, 2), (0xF1, 0xF3, 3))
_ODD_LEADS = ((0xE0, 0, 2), (0xED, 0xD, 2), (0xF0, 0, 3), (0xF4, 4, 3))
_ODD_SECONDS = {(0, 2): (0xA0, 0xBF), (0xD, 2): (0x80, 0x9F), (0, 3): (0x90, 0xBF), (4, 3): (0x80, 0x8F)}


class TokenBytes:
    """Give the byte edges of one terminal's nodes.

    Parameters
    ----------
    automaton : over characters.
    """

    __slots__ = ("_known", "automaton")

    def __init__(self, automaton: TokenAutomaton) -> None:
        self.automaton = automaton
        self._known: dict[Node, tuple[ByteEdge, ...]] = {}

    def edges(self, node: Node) -> tuple[ByteEdge, ...]:
        """Return sorted, disjoint (first byte, last byte, node)."""
        known = self._known.get(node)
        if known is None:
            if isinstance(node, int):
                found = self._of_state(node)
            elif node[0] == 0:
                found = [(0x80, 0xBF, node[1] if node[2] == 1 else (0, node[1], node[2] - 1))]
            else:
                found = self._of_partial(*node)
            known = self._known[node] = tuple(found)
        return known

    def leads_one_way(self, node: Node) -> bool:
        """Tell whether a node is inside a character, every rest of which leads to one state."""
        if isinstance(node, int):
            return False
        state, bits, num = node
        return state == 0 or ((bits, num) in _ODD_SECONDS and _is_rest(self.automaton.edges(state)[-1]))

    def shortest(self, node: Node) -> int:
        """Return the fewest bytes from a node to where the terminal may end."""
        if isinstance(node, int):
            return self.automaton.shortest_bytes(node)
        if node[0] == 0:
            return node[2] + self.automaton.shortest_bytes(node[1])
        return 1 + min(self.shortest(target) for _, _, target in self.edges(node))

    def _of_state(self, state: int) -> list[ByteEdge]:
        edges = self.automaton.edges(state)
        found: list[ByteEdge] = [(first, min(last, 0x7F), target) for first, last, target in edges if first < 0x80]
        if edges and _is_rest(edges[-1]):
            target = edges[-1][2]
            found += [(first, last, (0, target, num)) for first, last, num in _WHOLE_LEADS]
            found += [(lead, lead, (state, bits, num)) for lead, bits, num in _ODD_LEADS]
            found.sort(key=_first_byte)
        elif edges and edges[-1][1] >= 0x80:
            for byte in range(0xC2, 0xF5):
                num = 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
                self._add(found, byte, (state, byte & (0x3F >> num), num), edges)
        return _merged(found)

    def _of_partial(self, state: int, bits: int, num: int) -> list[ByteEdge]:
        edges = self.automaton.edges(state)
        if _is_rest(edges[-1]) and (bits, num) in _ODD_SECONDS:
            first, last = _ODD_SECONDS[bits, num]
            return [(first, last, (0, edges[-1][2], num - 1))]
        found: list[ByteEdge] = []
        for byte in range(0x80, 0xC0):
            self._add(found, byte, (state, bits << 6 | (byte & 63), num - 1), edges)
        return _merged(found)

    def _add(self, found: list[ByteEdge], byte: int, node: tuple[int, int, int], edges: tuple[Edge, ...]) -> None:
        """Append the edge to a place inside a character, or after it, where one can be completed."""
        _, bits, num = node
        first, last = bits << 6 * num, (bits << 6 * num) + (1 << 6 * num) - 1
        # Overlong forms are no characters: what a lead byte promises at least, the next byte has to keep.
        low = (0, 0x80, 0x800, 0x10000)[num] if byte >= 0xC0 else (0, 0x800, 0x10000)[num]
        low, high = max(first, low), min(last, 0x10FFFF)
        place = bisect_left(edges, low, key=_last_symbol)
        if low > high or place == len(edges) or edges[place][0] > high:
            return
        if low >= _SURROGATES[0] and high <= _SURROGATES[1]:
            return
        begin, end, target = edges[place]
        if num == 0:
            found.append((byte, byte, target))
        elif begin <= first and end >= last and low == first and high == last and not _is_odd(byte, first, last):
            found.append((byte, byte, (0, target, num)))
        elif self._has_plain(edges[place:], low, high):
            found.append((byte, byte, node))

    @staticmethod
    def _has_plain(edges: tuple[Edge, ...], low: int, high: int) -> bool:
        """Tell whether some character of low..high that is no surrogate has an edge."""
        for first, last, _ in edges:
            if first > high:
                return False
            first, last = max(first, low), min(last, high)  # noqa: PLW2901
            if first <= last and not (first >= _SURROGATES[0] and last <= _SURROGATES[1]):
                return True
        return False


def lead_bytes(ranges: Ranges) -> int:
    """Return the bytes that characters begin with, as the bits of an integer."""
    mask = 0
    for first, last in ranges:
        low, high = chr(first).encode("utf-8", "surrogatepass")[0], chr(last).encode("utf-8", "surrogatepass")[0]
        mask |= (2 << high) - (1 << low)
    return mask


def _is_rest(edge: Edge) -> bool:
    """Tell whether an edge is for all characters that are not ASCII."""
    return edge[0] <= 0x80 and edge[1] >= 0x10FFFF


def _first_byte(edge: ByteEdge) -> int:
    return edge[0]


def _is_odd(byte: int, first: int, last: int) -> bool:
    """Tell whether not every continuation is a character: overlong forms, surrogates, past the last code point."""
    return byte in (0xE0, 0xF0, 0xF4) or (first <= _SURROGATES[1] and last >= _SURROGATES[0])


def _merged(edges: list[ByteEdge]) -> list[ByteEdge]:
    merged: list[ByteEdge] = []
    for first, last, target in edges:
        if merged and merged[-1][1] + 1 == first and merged[-1][2] == target:
            merged[-1] = (merged[-1][0], last, target)
        else:
            merged.append((first, last, target))
    return merged


def _last_symbol(edge: Edge) -> int:
    return edge[1]
