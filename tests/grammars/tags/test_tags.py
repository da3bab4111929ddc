"""Check tags against searching for triggers and matching what follows with ``re``."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm import Matcher, Vocabulary
from fsm.compiled import Compiled
from fsm.errors import GrammarError, UnsupportedFeatureError, VocabularyError
from fsm.parts.captures import find_spans
from grammars import choice, regex
from grammars.tags import Tag, capture, free_text, special, tags
from grammars.tags.triggers import TriggerMachine
from tests.reference.tagged_texts import read_tagged
from tests.reference.walks import walk

LETTERS = Vocabulary([b"</s>", *(bytes([i]) for i in b"<>ab1/"), b"<a", b"<b>1", b"b>", b"1</b", "é".encode()], [0])

ITEMS = [
    Tag(begin="<a>", content=regex("[ab]*1"), end=">", name="a"),
    Tag(begin="<b>", end="</b>", name="b"),
    Tag(begin="1b", content=choice(["1", "a1"]), name="one"),
]
BODIES = {"<a>": "([ab]*1)>", "<b>": "(.*?)</b>", "1b": "(a1|1)"}
NAMES = {"<a>": "a", "<b>": "b", "1b": "one"}


def accepts(compiled: Compiled, text: str) -> bool:
    """Read a text byte by byte."""
    matcher = compiled.matcher()
    tokens = {piece: token for token, piece in enumerate(compiled.vocabulary.token_bytes) if len(piece) == 1}
    return all(matcher.try_advance(tokens[bytes([byte])]) for byte in text.encode()) and matcher.is_accepting


def captured(compiled: Compiled, text: str) -> list[tuple[str, str]]:
    """Return names and texts of a text's regions."""
    data = text.encode()
    spans = find_spans(compiled, data)
    found = []
    for span in spans:
        inside = data[span.begin : span.end].decode()
        stop = next((stop for stop in span.region.stops if inside.endswith(stop)), "")
        found.append((span.region.name, inside[: len(inside) - len(stop)]))
    return found


def test_every_short_text_is_read_as_searching_reads_it() -> None:
    """All texts of up to six symbols: the same are accepted, with the same captures."""
    compiled = tags(ITEMS[:1] + ITEMS[2:]).compile(LETTERS)
    bodies = {trigger: body for trigger, body in BODIES.items() if trigger != "<b>"}
    num_accepted = 0
    for size in range(7):
        for symbols in itertools.product("<>ab1", repeat=size):
            text = "".join(symbols)
            expected = read_tagged(text, bodies)
            assert accepts(compiled, text) == (expected is not None), text
            if expected is not None:
                assert captured(compiled, text) == [(NAMES[trigger], inside) for trigger, inside in expected], text
                num_accepted += 1
    assert num_accepted > 10_000


def test_captures_prefer_to_read_on() -> None:
    """Where a text can be read in several ways, the region takes what it can, as a greedy group of ``re`` does."""
    compiled = ("a" + capture("x", regex("[b1]*")) + capture("y", regex("1?b?"))).compile(LETTERS)
    assert captured(compiled, "ab1b") == [("x", "b1b"), ("y", "")]


def test_walks_are_read_as_searching_reads_them() -> None:
    """Random walks have no dead end, and every tag in them is whole."""
    compiled = tags(ITEMS, at_least=2, at_most=3).compile(LETTERS)
    source = random.Random(0)
    seen: set[str] = set()
    for _ in range(60):
        text = walk(compiled.matcher(), source, num_free=16)
        expected = read_tagged(text, BODIES)
        assert expected is not None, text
        assert 2 <= len(expected) <= 3
        assert captured(compiled, text) == [(NAMES[trigger], inside) for trigger, inside in expected]
        seen |= {trigger for trigger, _ in expected}
    assert seen == set(BODIES)


@pytest.mark.parametrize(("least", "most"), [(0, None), (1, None), (0, 1), (2, 2)])
def test_the_number_of_tags_is_kept(least: int, most: int | None) -> None:
    """Texts with fewer or more tags than allowed are rejected."""
    compiled = tags([Tag(begin="<b>", content="1", end=">")], at_least=least, at_most=most).compile(LETTERS)
    for count in range(5):
        assert accepts(compiled, "a<b>1>" * count + "<b") == (least <= count <= (99 if most is None else most))


def test_shortest_completion_counts_what_is_owed() -> None:
    """The fewest bytes to the end are those of the nearest trigger, what it asks for, and the tags still owed."""
    matcher = tags([Tag(begin="<b>", content="11", end=">")], at_least=2).compile(LETTERS).matcher()
    assert matcher.shortest_completion() == 12
    for byte, rest in zip(b"a<b>11>", (12, 11, 10, 9, 8, 7, 6), strict=True):
        matcher.advance(LETTERS.token_bytes.index(bytes([byte])))
        assert matcher.shortest_completion() == rest


def test_a_shared_trigger_admits_its_tags_only() -> None:
    """Behind a trigger of several tags only these may come; without it, the rest is free text."""
    items = [Tag(begin="<a", content="1", end=">"), Tag(begin="<b", content="b", end=">")]
    shared, own = tags(items, triggers=["<"]).compile(LETTERS), tags(items).compile(LETTERS)
    assert accepts(shared, "1<a1>b<bb>")
    assert accepts(own, "1<a1>b<bb>")
    assert not accepts(shared, "<1")
    assert accepts(own, "<1")


@settings(deadline=None)  # the first example may compile a kernel
@given(
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3, unique=True), st.text("abc", max_size=10)
)
def test_the_machine_stops_at_the_first_trigger(triggers: list[str], text: str) -> None:
    """The machine stops where searching for all triggers first finds the end of one."""
    if any(a != b and a in b for a in triggers for b in triggers):
        return
    machine = TriggerMachine(tuple(triggers))
    ends = [(text.find(t) + len(t), t) for t in triggers if t in text]
    state = 0
    for place, symbol in enumerate(text):
        (by_edges,) = [t for first, last, t in machine.edges(state) if first <= ord(symbol) <= last]
        state = machine.step(state, ord(symbol))
        assert by_edges == state
        if state < 0:
            assert min(ends) == (place + 1, triggers[~state])
            return
    assert not ends


def test_intersections_would_lose_captures_and_are_refused() -> None:
    """What an intersection cannot keep is refused; the same inside the capture works."""
    with pytest.raises(UnsupportedFeatureError, match="captures or special tokens"):
        (("1" + capture("x", regex("[ab]*"))) & regex("1.")).compile(LETTERS)
    compiled = ("1" + capture("x", regex("[ab]*") & regex("."))).compile(LETTERS)
    assert captured(compiled, "1b") == [("x", "b")]


def test_free_text_ends_with_its_first_stop() -> None:
    """Free text with stops is every text in which a stop stands at the end and nowhere before."""
    compiled = free_text(until=["ab", "bb1"]).compile(LETTERS)
    for size in range(7):
        for symbols in itertools.product("ab1", repeat=size):
            text = "".join(symbols)
            expected = any(text.endswith(stop) and text.find(stop) == len(text) - len(stop) for stop in ("ab", "bb1"))
            assert accepts(compiled, text) == (expected and "ab" not in text[:-1] and "bb1" not in text[:-1]), text
    walked = walk(compiled.matcher(), random.Random(1))
    assert walked.endswith(("ab", "bb1"))


SPECIAL = Vocabulary([*LETTERS.token_bytes, b"[CALL]", b"[ARGS]", b"[", b"C", b"A", b"\xff"], [0], [12, 13])


def _read(matcher: Matcher, *tokens: int) -> bool:
    return all(matcher.try_advance(token) for token in tokens)


def test_special_tokens_are_symbols_where_the_vocabulary_has_them() -> None:
    """Exactly the special token is read: its name, and bytes that no text has, are not."""
    matcher = (
        tags([Tag(begin=special("[CALL]"), content=special("[ARGS]") + "1")], at_least=1).compile(SPECIAL).matcher()
    )
    assert matcher.shortest_completion() <= len("[CALL][ARGS]1") + 4
    assert _read(matcher, 3, 14, 15)
    assert not matcher.try_advance(17)
    assert _read(matcher, 12)
    assert matcher.forced_tokens() == [13]
    assert not matcher.try_advance(12)
    assert _read(matcher, 13, 5, 1)
    assert matcher.is_accepting
    assert walk(
        tags([Tag(begin=special("[CALL]"), content="1")], at_least=1).compile(SPECIAL).matcher(), random.Random(3)
    )


def test_special_tokens_are_text_elsewhere() -> None:
    """Where the vocabulary has no such special token, the name itself is read."""
    compiled = tags([Tag(begin=special("<a>"), content=special("b") + "1", name="x")], at_least=1).compile(LETTERS)
    assert accepts(compiled, "b<a>b1a")
    assert not accepts(compiled, "<a>1")
    assert captured(compiled, "b<a>b1a") == [("x", "b1")]


def test_an_end_token_is_no_symbol() -> None:
    """A token that ends texts cannot also stand inside one."""
    with pytest.raises(VocabularyError, match="ends texts here"):
        special("</s>").compile(LETTERS)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tags([]), "at least one Tag"),
        (lambda: tags([Tag(begin="", content="a")]), "empty text"),
        (lambda: tags([Tag(begin="a")]), "expected a text to stop at"),
        (lambda: tags([Tag(begin="ab", content="1"), Tag(begin="b", content="1")]), "stands inside"),
        (lambda: tags([Tag(begin="ab", content="1")], triggers=["b"]), "begins with none of the triggers"),
        (lambda: tags([Tag(begin="ab", content="1")], triggers=["a", "z"]), "no tag begins with the trigger 'z'"),
        (lambda: tags([Tag(begin="ab", content="1")], at_least=2, at_most=1), "0 <= at_least <= at_most"),
        (lambda: tags([Tag(begin=1, content="1")]), "expected a text or special"),
        (lambda: free_text(until=[""]), "empty text"),
        (lambda: free_text(until=[3]), "expected a string or several"),
        (lambda: capture("a", "b", max_tokens=0), "at least 1"),
        (lambda: capture("a", "b", temperature=-1), "0 or more"),
        (lambda: special(""), "name of a special token"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(make: object, message: str) -> None:
    """Each refusal names what was given and what was expected."""
    with pytest.raises(GrammarError, match=message):
        make()
