"""The widths of shortest texts are what writing all texts out finds."""

from __future__ import annotations

import json
from itertools import product

import pytest

from fsm.dfa import Dfa, any_string, literals
from fsm.text_widths import FAR, TextWidths, escape_width, written_width
from grammars.regex import regex_dfa

ALPHABET = 'ab"\n\x01é日😀'
PATTERNS = ["a*", "(a|é)(b|日)", "日|abcd", "(é|😀)+", "(ab)*", '["\\n]+', "a|bé?|日日", "\x01|aaaaa"]


def written(text: str) -> int:
    """Count the bytes between the quotes as the standard library writes them."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


def texts(dfa: Dfa, most: int = 5) -> list[str]:
    """List the accepted texts of at most so many characters."""
    return ["".join(t) for n in range(most + 1) for t in product(ALPHABET, repeat=n) if dfa.accepts("".join(t))]


@pytest.mark.parametrize("character", list(ALPHABET + "\\\t\x1f/\x7f߿ࠀ\uffff\U0010ffff"))
def test_widths_are_those_json_dumps_writes(character: str) -> None:
    """One character takes the bytes that the standard library takes."""
    assert escape_width(ord(character), ord(character)) == written_width(character) == written(character)


def test_surrogates_alone_cannot_be_written() -> None:
    """Half a pair has no text."""
    assert escape_width(0xD800, 0xDFFF) == FAR


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_narrowest_texts_are_found(pattern: str) -> None:
    """The fewest bytes, the second fewest and so on, as from the list of all texts; some may be taken."""
    dfa = regex_dfa(pattern)
    found = texts(dfa)
    order = sorted(map(written, found))
    assert TextWidths(dfa).shortest(dfa.start) == order[0]
    for number in range(1, min(len(order), 4) + 1):
        assert TextWidths(dfa).nth(number, []) == order[number - 1]
    taken = min(found, key=written)
    if len(order) > 1:
        assert TextWidths(dfa).nth(1, [taken, "not one"]) == order[1]


@pytest.mark.parametrize("pattern", ["a*", "(é|😀)+", '["\\n]+', "a(b|日)*", "(é|ab)*"])
@pytest.mark.parametrize("low", range(5))
def test_the_narrowest_text_of_at_least_so_many_characters(pattern: str, low: int) -> None:
    """The fewest bytes among the accepted texts with the fewest characters that are enough."""
    dfa = regex_dfa(pattern)
    enough = [text for text in texts(dfa) if len(text) >= low]
    fewest = min(map(len, enough))
    expected = min(written(text) for text in enough if len(text) == fewest)
    if fewest == max(low, dfa.shortest(dfa.start)):
        assert TextWidths(dfa).at_least(dfa.start, low) == expected


def test_long_counts_cost_no_more_than_short_ones() -> None:
    """Rows stop where every further character costs the same."""
    assert TextWidths(any_string()).at_least(any_string().start, 10**9) == 10**9
    accents = regex_dfa("[éè]*")
    assert TextWidths(accents).at_least(accents.start, 10**6) == 2 * 10**6


def test_there_are_no_more_texts_than_there_are() -> None:
    """The third of two texts is out of reach."""
    assert TextWidths(literals(["a", "b"])).nth(3, []) == FAR
