"""Make random texts that are hard on tokenizers: emoji, combining marks, scripts, white space, look-alikes."""

from __future__ import annotations

import random
from collections.abc import Iterator

__all__ = ["random_texts"]

_WORDS = [
    *(
        "the",
        "quick",
        "brown",
        "Ada Lovelace",
        "London",
        "1843",
        "3.14159",
        "x=y+1;",
        '{"name": "Zoë"}',
        "naïve",
        "Straße",
    ),
    *("https://example.org/a?b=c", "<0x0A>", "<s>", "</s>", "</w>", "##ing", "Ġthe", "▂", "«mot»", "\u00ad", "\ufeff"),
]
_CLUSTERS = [
    *("👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇫🇷", "é", "ạ̈", "Z͑ͫ̓", "\u0301", "𝔘𝔫𝔦", "𐍈", "🀄"),
    *("हिन्दी", "ภาษา", "日本語", "한국어", "עברית", "العربية"),
]
_SPACES = [" ", "  ", "    ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028"]
_RANGES = [
    *((0x20, 0x7F), (0xA1, 0x250), (0x300, 0x370), (0x370, 0x600)),
    *((0x4E00, 0x9FA0), (0x1F300, 0x1FA00), (0x20000, 0x2A000)),
]


def random_texts(count: int, *, seed: int) -> Iterator[str]:
    """Yield texts of up to eight parts; none holds U+2581, which SentencePiece cannot tell from a space."""
    source = random.Random(seed)
    for _ in range(count):
        yield "".join(_part(source) for _ in range(source.randint(1, 8)))


def _part(source: random.Random) -> str:
    kind = source.randrange(5)
    if kind == 0:
        return source.choice(_WORDS)
    if kind == 1:
        return source.choice(_CLUSTERS)
    if kind == 2:
        return source.choice(_SPACES)
    if kind == 3:
        first, last = source.choice(_RANGES)
        return "".join(chr(source.randrange(first, last)) for _ in range(source.randint(1, 4)))
    return " " + source.choice(_WORDS)
