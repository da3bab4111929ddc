"""Whoever presses Ctrl-C while a grammar is compiled finds nothing half built afterwards."""

from __future__ import annotations

import linecache
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import fsm.automata.kept
from fsm import Vocabulary, allocate_token_bitmask
from fsm.compiled import Compiled
from grammars import choice, json_schema, lark, regex
from grammars.grammar import Grammar

ROOT = Path(__file__).resolve().parents[2]
OURS = tuple(str(ROOT / package) for package in ("fsm", "grammars"))
NUM_INTERRUPTIONS = 16
ENDS = {"__del__", "release", "_untie"}
"""What runs when an object goes; there an exception has nobody to go to."""

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]{1,9}(é|x.)*$", "maxLength": 12},
        "size": {"anyOf": [{"type": "integer", "multipleOf": 3}, {"enum": ["few", "many"]}]},
        "tags": {"type": "array", "items": {"type": "string", "not": {"pattern": "aa"}}, "uniqueItems": True},
    },
    "required": ["name"],
    "patternProperties": {"^x": {"minimum": 1.5}},
}
CASES: dict[str, tuple[Callable[[], Grammar], bytes]] = {
    "regex": (lambda: regex("((?=a)[a-f]{1,9}|b(?<=ab)|[^b]*b.{3})*"), "abéabxb".encode()),
    "plain_regex": (lambda: regex("(a[bc]{2,9}|é[a-z]{1,40})+.*"), "abcéxyz".encode()),
    "choice": (lambda: choice([f"{word}{i}" for word in ("ab", "abc", "é") for i in range(30)]), b"abc2"),
    "lark": (lambda: lark('start: A (B | start)* "c"\nA: /a+/\nB: /[^ac]{1,5}/'), b"aabbac"),
    "schema": (lambda: json_schema(SCHEMA, key_order="any"), b'{"name":"abx","x1":2,"tags":["a","ab"'),
}


def make_vocabulary() -> Vocabulary:
    """Return a new vocabulary, of which nothing is known yet."""
    source = random.Random(3)
    words = {"".join(source.choices('abcx1é ":,', k=source.randint(2, 6))).encode() for _ in range(300)}
    tokens = [*(bytes([byte]) for byte in range(256)), *sorted(words)]
    return Vocabulary([*tokens, b"<end>"], eos_token_ids=[len(tokens)])


def ask(compiled: Compiled, text: bytes) -> list[object]:
    """Return the masks and distances along a text."""
    matcher, mask, found = compiled.matcher(), allocate_token_bitmask(1, compiled.vocabulary.size), list[object]()
    for byte in text:
        matcher.fill_next_token_bitmask(mask)
        found += [mask.tobytes(), matcher.shortest_completion(), matcher.is_accepting]
        matcher.advance(byte)
    return found


def is_cleanup(frame: FrameType) -> bool:
    """Tell whether a line is the first of a ``finally``: Python looks for signals only once that has begun."""
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno - 1).strip() == "finally:"


def is_ending(frame: FrameType | None) -> bool:
    """Tell whether an object is being taken apart, where Python drops what is raised."""
    while frame is not None:
        if frame.f_code.co_name in ENDS:
            return True
        frame = frame.f_back
    return False


@contextmanager
def interrupted_after(num_lines: int) -> Iterator[list[int]]:
    """Raise KeyboardInterrupt once so many lines of ours have run; yield the count of those left."""
    left, is_raised = [num_lines], False

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal is_raised
        if not frame.f_code.co_filename.startswith(OURS) or frame.f_code.co_name in ENDS:
            return None
        if event == "line" and not is_cleanup(frame):
            left[0] -= 1
            if left[0] <= 0 and not is_raised and not is_ending(frame):
                is_raised = True
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield left
    finally:
        sys.settrace(before)


def forget() -> None:
    """Let the process-wide caches go."""
    for clear in fsm.automata.kept._census.caches:
        clear()


@pytest.mark.parametrize("kind", CASES)
def test_what_was_interrupted_goes_on_as_if_nothing_had_happened(kind: str) -> None:
    """Wherever the interruption comes, the same grammar, and a new one from the same caches, give the right masks."""
    make, text = CASES[kind]
    forget()
    expected = ask(make().compile(make_vocabulary()), text)
    forget()
    with interrupted_after(1 << 60) as left:
        ask(make().compile(make_vocabulary()), text)
    num_lines, source = (1 << 60) - left[0], random.Random(kind)
    vocabulary = make_vocabulary()
    for _ in range(NUM_INTERRUPTIONS):
        forget()
        compiled = interrupt(make, text, vocabulary, num_lines=source.randint(1, num_lines // 2))
        if compiled is not None:
            assert ask(compiled, text) == expected
        assert ask(make().compile(vocabulary), text) == expected


def interrupt(make: Callable[[], Grammar], text: bytes, vocabulary: Vocabulary, *, num_lines: int) -> Compiled | None:
    """Compile a grammar and ask it, interrupted after so many lines; return it if it was made until then."""
    compiled = None
    try:
        with interrupted_after(num_lines):
            compiled = make().compile(vocabulary)
            ask(compiled, text)
            ask(make().compile(make_vocabulary()), text)  # where much is known already, in a new vocabulary
    except KeyboardInterrupt:
        return compiled
    message = f"not interrupted within {num_lines} lines"
    raise AssertionError(message)
