"""No question about a grammar takes more than its time, and what was made until then is whole."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

import fsm.expansion_time
from fsm import Vocabulary, allocate_token_bitmask
from fsm.errors import LimitError
from fsm.expansion_time import ExpansionTime, check_expansion_time
from grammars import json_schema, regex

WORDS = ["".join(letters).encode() for letters in itertools.product("abhixyz", repeat=4)]
VOCABULARY = Vocabulary([*(bytes([byte]) for byte in range(256)), *WORDS, b"<end>"], eos_token_ids=[256 + len(WORDS)])


def spin(seconds: float) -> None:
    """Compute for so long, and ask now and then whether there is time left."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        check_expansion_time()


def limit(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set the limit for one test."""
    monkeypatch.setattr(fsm.expansion_time, "MAX_EXPANSION_SECONDS", seconds)
    monkeypatch.setattr(fsm.expansion_time, "_PATIENCE", seconds / 10)


def test_a_question_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is named, and its module."""
    limit(monkeypatch, 0.1)
    begin = time.thread_time()
    with pytest.raises(LimitError, match=r"MAX_EXPANSION_SECONDS of fsm\.expansion_time"), ExpansionTime():
        spin(10)
    assert 0.05 < time.thread_time() - begin < 1


def test_nothing_is_limited_outside_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever walks an automaton by hand takes as long as it takes; each new question has all its time."""
    limit(monkeypatch, 0.1)
    spin(0.2)
    for _ in range(3):
        with ExpansionTime():
            spin(0.06)
    spin(0.2)


def test_inner_questions_and_continued_ones_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product that is built for a mask is part of that mask."""
    limit(monkeypatch, 0.1)

    def ask_inside() -> None:
        with ExpansionTime():
            for _ in range(5):
                with ExpansionTime():
                    spin(0.06)

    def ask_on() -> None:
        with ExpansionTime():
            spin(0.06)
        for _ in range(5):
            with ExpansionTime(continues=True):
                spin(0.06)

    for ask in (ask_inside, ask_on):
        with pytest.raises(LimitError):
            ask()


def test_a_question_that_never_said_it_ended_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C may come just before the end is noted; later questions have all their time."""
    limit(monkeypatch, 0.1)

    def begin() -> None:
        ExpansionTime().__enter__()

    begin()
    spin(0.3)
    for _ in range(3):
        with ExpansionTime():
            spin(0.06)
    with pytest.raises(LimitError), ExpansionTime():
        spin(10)


def test_waiting_costs_nothing_and_threads_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only time that the thread itself computed counts."""
    limit(monkeypatch, 0.1)
    other = threading.Thread(target=spin, args=(0.3,))
    with ExpansionTime():
        other.start()
        time.sleep(0.3)
        other.join()
        spin(0.02)
        time.sleep(0.1)
        spin(0.02)


@pytest.mark.parametrize("kind", ["regex", "json_schema"])
def test_masks_go_on_where_time_ran_out(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Asked again, a mask is what it would have been without a limit."""
    pattern = "((?!.{1,3}x)[a-h]|y|(?=.{3,5}z)[hi]){1,20}.*"
    make = {
        "regex": regex,
        "json_schema": lambda text: json_schema({"type": "string", "pattern": f"^{text}$"}),
    }[kind]
    text = b"abhihihiab" if kind == "regex" else b'"abhihihiab'
    expected = list(masks(make(pattern + "|(0123)"), text))
    limit(monkeypatch, 0.003)
    matcher, found, num_refused = make(pattern + "|(0123){1}").compile(VOCABULARY).matcher(), [], 0
    mask = allocate_token_bitmask(1, VOCABULARY.size)
    for byte in text:
        while True:
            try:
                matcher.fill_next_token_bitmask(mask)
                assert matcher.try_advance(byte)
                break
            except LimitError:
                num_refused += 1
                assert num_refused < 1000
        found.append(mask.tobytes())
    assert found == expected
    assert num_refused


def masks(grammar: object, text: bytes) -> list[bytes]:
    """Return the mask before each byte of a text."""
    matcher, mask, found = grammar.compile(VOCABULARY).matcher(), allocate_token_bitmask(1, VOCABULARY.size), []  # type: ignore[attr-defined]
    for byte in text:
        matcher.fill_next_token_bitmask(mask)
        found.append(mask.tobytes())
        assert matcher.try_advance(byte)
    return found
