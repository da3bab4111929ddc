"""Ask lark's Earley parser whether a text is accepted, and feed the same text to a matcher."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import lark as reference
import numpy as np

from fsm import Compiled, Vocabulary
from grammars import lark

__all__ = ["BYTES", "DATA", "accepts", "complete", "mutate", "next_bytes", "read", "read_both"]

DATA = Path(__file__).parents[2] / "data" / "lark"
BYTES = Vocabulary([b"</s>", *[bytes([byte]) for byte in range(256)]], eos_token_ids=[0])


@cache
def read_both(name: str) -> tuple[reference.Lark, Compiled]:
    """Return a grammar of the test data as Earley's parser and as a matcher's grammar."""
    path = DATA / f"{name}.lark"
    text = path.read_text(encoding="utf-8")
    return reference.Lark(text, parser="earley", source_path=str(path)), lark(path).compile(BYTES)


def accepts(parser: reference.Lark, text: str, start: str | None = None) -> bool:
    """Tell whether Earley's parser accepts the text."""
    try:
        parser.parse(text, start)
    except reference.exceptions.LarkError:
        return False
    return True


def read(compiled: Compiled, text: str) -> int | None:
    """Return the byte at which a text dies, its length where it is incomplete, None where it is accepted."""
    matcher = compiled.matcher()
    data = text.encode()
    for place, byte in enumerate(data):
        if not matcher.try_advance(byte + 1):
            return place
    return None if matcher.is_accepting else len(data)


def complete(compiled: Compiled, text: bytes) -> bytes:
    """Return a text that begins like this and is accepted, as short as the matcher promises or shorter."""
    matcher = compiled.matcher()
    for byte in text:
        matcher.advance(byte + 1)
    left = matcher.shortest_completion()
    for _ in range(left):
        if matcher.is_accepting:
            break
        matcher = min(_successors(matcher), key=lambda one: one.shortest_completion())
        text += matcher.text()[-1:]
    assert matcher.is_accepting, (text, left)
    return text


def next_bytes(matcher) -> list[int]:
    """Return the bytes that may come next."""
    return np.flatnonzero(matcher._compiled.next_bytes(matcher._position)).tolist()


def _successors(matcher):
    found = []
    for byte in next_bytes(matcher):
        after = matcher.fork()
        after.advance(byte + 1)
        found.append(after)
    return found


def mutate(random_: random.Random, text: str) -> str:
    """Return a text with one or two characters dropped, doubled, swapped or taken from elsewhere in it."""
    symbols = list(text)
    for _ in range(random_.choice([1, 1, 2])):
        if not symbols:
            break
        place = random_.randrange(len(symbols))
        kind = random_.randrange(4)
        if kind == 0:
            del symbols[place]
        elif kind == 1:
            symbols.insert(place, symbols[place])
        elif kind == 2:
            symbols[place] = random_.choice(text)
        else:
            symbols.insert(place, random_.choice(text))
    return "".join(symbols)
