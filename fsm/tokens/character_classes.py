"""Sort the characters inside JSON strings into classes, so that a walk can leave out what is made of them.

Printable ASCII characters, tab, new line and carriage return are classes of their own, numbered by their codes; what is
beyond them falls into a few classes that patterns tend to keep together. Which classes are below a trie node, and which
a token is made of, is known once per vocabulary, as sets of 128 bits. Cost: two passes over the trie; 25 bytes a node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import LAST_SYMBOL
from fsm.codes import CLASS_INVALID, CLASS_OTHER_CONTROL, FIRST_WIDE
from fsm.tokens._character_kernels import classify_kernel, gather_below_kernel, order_tokens_kernel
from fsm.tokens.trie import TokenTrie

__all__ = ["NUM_CLASSES", "CharacterClasses", "build_character_classes"]

NUM_CLASSES = 128
_OWN = (9, 10, 13, *range(32, 128))
# C1 controls, next line, spaces, line separators, signs and letters of Latin-1, the rest, beyond the basic plane.
_WIDE = (
    ((0x80, 0x84), (0x86, 0x9F)),
    ((0x85, 0x85),),
    ((0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
     (0xFEFF, 0xFEFF)),
    ((0x2028, 0x2029),),
    ((0xA1, 0xBF),),
    ((0xC0, 0xFF),),
    ((0x100, 0x167F), (0x1681, 0x1FFF), (0x200B, 0x2027), (0x202A, 0x202E), (0x2030, 0x205E), (0x2060, 0x2FFF),
     (0x3001, 0xD7FF), (0xE000, 0xFEFE), (0xFF00, 0xFFFF)),
    ((0x10000, LAST_SYMBOL),),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterClasses:
    """Hold the classes of one vocabulary's trie and tokens.

    classes : uint8[N]     class of the character that ends at a node, or why none does
    below   : int64[N, 2]  set of the classes below a node
    heights : uint8[N]     the most characters of a token below a node, 255 for more
    first   : uint8[V]     class of a token's first character; ``CLASS_INVALID`` where it is not all inside a string
    rest    : int64[2, V]  set of the classes of its other characters
    widths  : int32[V]     its characters, one that is not finished included
    order   : int32[V]     the tokens in the order of the trie; those at nodes i to j (excluded) are
    places  : int32[N + 1]     ``order[places[i]:places[j]]``
    ranges  : int64[R, 3]  the characters that are no class of their own: first, last, class
    sizes   : int64[128]   how many characters a class has
    """

    classes: NDArray[np.uint8]
    below: NDArray[np.int64]
    heights: NDArray[np.uint8]
    first: NDArray[np.uint8]
    rest: NDArray[np.int64]
    widths: NDArray[np.int32]
    order: NDArray[np.int32]
    places: NDArray[np.int32]
    ranges: NDArray[np.int64]
    sizes: NDArray[np.int64]
    longest: int
    _rows: dict[int, NDArray[np.int32]] = field(default_factory=dict)

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of all arrays."""
        arrays: tuple[NDArray[Any], ...] = (
            self.classes,
            self.below,
            self.heights,
            self.first,
            self.rest,
            self.widths,
            self.order,
            self.places,
            *self._rows.values(),
        )
        return sum(array.nbytes for array in arrays)

    def row(self, most: int) -> NDArray[np.int32]:
        """Return the tokens of at most so many characters: int32[W]; there are no more rows than lengths of tokens."""
        most = max(0, min(most, self.longest))
        row = self._rows.get(most)
        if row is None:
            bits = np.packbits(self.widths <= most, bitorder="little")
            row = np.zeros(-(-len(self.widths) // 32), np.int32)
            row.view(np.uint8)[: len(bits)] = bits
            self._rows[most] = row
        return row


def _class_ranges() -> NDArray[np.int64]:
    """List the characters that are no class of their own: first, last, class."""
    rows = [(code, code, CLASS_OTHER_CONTROL) for code in range(32) if code not in _OWN]
    rows += [(first, last, FIRST_WIDE + n) for n, ranges in enumerate(_WIDE) for first, last in ranges]
    return np.array(rows, np.int64)


def _class_sizes(ranges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the characters of each class."""
    sizes = np.zeros(NUM_CLASSES, np.int64)
    sizes[list(_OWN)] = 1
    for first, last, number in ranges.tolist():
        sizes[number] += last - first + 1
    return sizes


def build_character_classes(trie: TokenTrie, characters: NDArray[np.int32], vocabulary_size: int) -> CharacterClasses:
    """Classify the nodes and the tokens of a trie whose characters were read."""
    classes = np.zeros(len(trie.nodes), np.uint8)
    below = np.zeros((len(trie.nodes), 2), np.int64)
    heights = np.zeros(len(trie.nodes), np.uint8)
    first = np.full(vocabulary_size, CLASS_INVALID, np.uint8)
    rest = np.zeros((2, vocabulary_size), np.int64)
    widths = np.zeros(vocabulary_size, np.int32)
    depth, ranges = trie.max_depth + 2, _class_ranges()
    classify_kernel(
        trie.nodes, characters, trie.duplicates, ranges, np.zeros((depth, 4), np.int64), classes, first, rest, widths
    )  # fmt: skip
    gather_below_kernel(trie.nodes, classes, np.zeros((depth, 3), np.int64), below, heights)
    order, places = np.zeros(vocabulary_size, np.int32), np.zeros(len(trie.nodes) + 1, np.int32)
    order_tokens_kernel(trie.nodes, trie.duplicates, order, places)
    return CharacterClasses(
        classes=classes,
        below=below,
        heights=heights,
        first=first,
        rest=rest,
        widths=widths,
        order=order,
        places=places,
        ranges=ranges,
        sizes=_class_sizes(ranges),
        longest=int(widths.max(initial=0)),
    )
