"""On random small grammars, ambiguous and recursive, exactly Earley's texts are accepted, without dead ends."""

from __future__ import annotations

import itertools
import random

import lark as reference
import pytest

from fsm.errors import LimitError, UnsatisfiableError
from grammars import lark
from tests.grammars.lark.earley import BYTES, accepts, read

PATTERNS = [
    *("/a+/", "/b+/", "/ab?/", "/(ab)+/", "/a+?b/", "/[ab]/", "/a(?!b)/", "/b(?=a)/"),
    *("/a(ba)*/", "/aa|a/", "/a|aa/", "/a+b?/", "/a$/", r"/b\b/"),
]
IGNORED = ['"c"', "/c+/", "A", "/[ac]+/"]
NAMES = ["start", "x", "y", "A", "B", "C", "A", "B", "C", '"a"', '"b"', '"ab"']
TEXTS = ["".join(text) for size in range(5) for text in itertools.product("abc", repeat=size)]


def make_item(random_: random.Random, depth: int) -> str:
    """Return the right side of a rule."""
    kind = random_.random()
    if depth == 0 or kind < 0.4:
        return random_.choice(NAMES)
    if kind < 0.6:
        return f"{make_item(random_, depth - 1)} {make_item(random_, depth - 1)}"
    if kind < 0.75:
        return f"({make_item(random_, depth - 1)} | {make_item(random_, depth - 1)})"
    return f"({make_item(random_, depth - 1)}){random_.choice(['?', '*', '+', '~1..2'])}"


def make_grammar(random_: random.Random) -> str:
    """Return the text of a grammar."""
    lines = [
        f"{name}: " + " | ".join([make_item(random_, 1) for _ in range(random_.randint(1, 3))])
        for name in ("start", "x", "y")
    ]
    lines += [f"{name}: {random_.choice(PATTERNS)}" for name in "ABC"]
    if random_.random() < 0.4:
        lines.append(f"%ignore {random_.choice(IGNORED)}")
    return "\n".join(lines)


def judge(parser: reference.Lark, text: str) -> bool | None:
    """Return Earley's verdict, None where its own check of a forest fails."""
    try:
        return accepts(parser, text)
    except (RuntimeError, AssertionError):
        return None


@pytest.mark.parametrize("seed", range(1, 5))
def test_random_grammar_accepts_what_earley_accepts(seed):
    """Terminals that forbid what follows, hidden left recursion, empty rules, ignored text in between."""
    random_ = random.Random(seed)
    tried = 0
    while tried < 12:
        text = make_grammar(random_)
        try:
            parser = reference.Lark(text, parser="earley", ambiguity="forest")
        except (reference.exceptions.LarkError, AssertionError):
            continue
        sample = random_.sample(TEXTS, 40)
        verdicts = {one: verdict for one in sample if (verdict := judge(parser, one)) is not None}
        try:
            compiled = lark(text).compile(BYTES)
            found = {one: read(compiled, one) is None for one in verdicts}
        except UnsatisfiableError:
            found = dict.fromkeys(verdicts, False)
        except LimitError:
            continue  # side by side without end: too ambiguous
        assert found == verdicts, text
        tried += 1


@pytest.mark.parametrize("seed", range(3))
def test_random_grammar_has_no_dead_end(seed):
    """After any bytes that are allowed, more are, until the text is complete."""
    random_ = random.Random(seed)
    for _ in range(12):
        try:
            compiled = lark(make_grammar(random_)).compile(BYTES)
        except (ValueError, LimitError):
            continue
        matcher = compiled.matcher()
        for _ in range(8):
            allowed = [byte for byte in b"abc" if matcher.fork().try_advance(byte + 1)]
            assert allowed or matcher.is_accepting
            if not allowed:
                break
            matcher.advance(random_.choice(allowed) + 1)
