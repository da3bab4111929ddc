"""Draw patterns and texts for comparisons with other regular expression engines."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

LEAVES = ("a", "b", ".", "[ab]", "[^a]", r"\w", r"\W", r"\s", "", "^", "$", r"\b", r"\B", "(?:a|ab)")
PYTHON_LEAVES = (*LEAVES, r"\A", r"\Z", "(?m:^)", "(?m:$)", "(?s:.)", "(?i:A)")
LOOK_BEHIND_BODIES = (
    "a",
    "ab",
    "[ab].",
    "a(?=b)",
    "(?<!b)a",
    "b(?!.)",
    r"\b.",
    "a|b",
    "^a",
    ".$",
    r"\Ba",
    "(?!b(?=a)).",
)


def iterate_plain_patterns(num_operators: int) -> Iterator[str]:
    """Yield every pattern over {a, b} with exactly ``num_operators`` of concatenation, ``|``, ``*``, ``+``, ``?``."""
    if num_operators == 0:
        yield from "ab"
        return
    for inner in iterate_plain_patterns(num_operators - 1):
        for operator in "*+?":
            yield f"(?:{inner}){operator}"
    for num_left in range(num_operators):
        lefts, rights = iterate_plain_patterns(num_left), list(iterate_plain_patterns(num_operators - 1 - num_left))
        for left, right in itertools.product(lefts, rights):
            yield f"{left}{right}" if "|" not in left + right else f"(?:{left})(?:{right})"
            yield f"(?:{left}|{right})"


def iterate_texts(symbols: str, max_length: int) -> Iterator[str]:
    """Yield every text over ``symbols`` of at most ``max_length``."""
    for length in range(max_length + 1):
        yield from map("".join, itertools.product(symbols, repeat=length))


def draw_pattern(source: random.Random, depth: int, *, leaves: tuple[str, ...] = PYTHON_LEAVES) -> str:
    """Return a random pattern with anchors, boundaries, counted repetition and look-arounds anywhere."""
    if depth == 0:
        return source.choice(leaves)
    inner = draw_pattern(source, depth - 1, leaves=leaves)
    other = draw_pattern(source, depth - 1, leaves=leaves)
    least = source.randint(0, 2)
    behind = source.choice(LOOK_BEHIND_BODIES)
    return source.choice(
        [
            inner + other,
            inner + other,
            inner + other,
            f"(?:{inner}|{other})",
            f"(?:{inner}|{other})",
            f"(?:{inner})*",
            f"(?:{inner})?",
            f"(?:{inner})+?",
            f"(?:{inner}){{{least},{least + source.randint(0, 2)}}}",
            f"(?={inner}){other}",
            f"(?!{inner}){other}",
            f"{inner}(?<={behind})",
            f"{inner}(?<!{behind})",
        ]
    )
