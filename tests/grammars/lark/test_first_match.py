"""A terminal ends where ``re.match`` would end its match, whatever follows."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from grammars.lark.first_match import FREE, FirstMatch
from grammars.lark.program import Program, Untranslatable

ATOMS = ["a", "b", "ab", ".", "[ab]", "[^a]"]
REPETITIONS = ["*", "+", "?", "*?", "+?", "??", "{1,2}", "{1,2}?", "{2,}", "{0}"]
ANCHORS = [r"\b", r"\B", "$", r"\Z", "(?m:$)", "(?m:^)", "(?<=a)", "(?<!ab)", "(?i:A)"]
TEXTS = ["".join(text) for size in range(6) for text in itertools.product("ab", repeat=size)]
TEXTS += ["a\n", "\n", "ab\nb", "b\n\n"]


def make_pattern(random_: random.Random, depth: int) -> str:
    """Return a pattern over a and b."""
    kind = random_.random()
    if depth == 0 or kind < 0.25:
        return random_.choice(ATOMS)
    inner = make_pattern(random_, depth - 1)
    if kind < 0.45:
        return inner + make_pattern(random_, depth - 1)
    if kind < 0.6:
        return f"(?:{inner}|{make_pattern(random_, depth - 1)})"
    if kind < 0.82:
        return f"(?:{inner}){random_.choice(REPETITIONS)}"
    if kind < 0.92:
        return random_.choice(["(?=", "(?!"]) + inner + ")"
    return random_.choice(ANCHORS)


def find_ends(automaton: FirstMatch, text: str) -> list[int]:
    """Return every place where the terminal may end, given all of the text."""
    found, state = [], automaton.start
    for place in range(len(text) + 1):
        if state and automaton.is_accepting(state) and may_follow(automaton, state, text[place:]):
            found.append(place)
        if not state or place == len(text):
            break
        symbol = ord(text[place])
        state = next((target for first, last, target in automaton.edges(state) if first <= symbol <= last), 0)
    return found


def may_follow(automaton: FirstMatch, state: int, rest: str) -> bool:
    """Tell whether a match that ends in a state does so before this text."""
    follow = automaton.follow(state)
    for symbol in map(ord, rest):
        if follow == FREE:
            return True
        edges = automaton.follow_edges(follow)
        follow = next((after for first, last, after in edges if first <= symbol <= last), ((), ()))
    return automaton.holds_at_end(follow)


@pytest.mark.parametrize("seed", range(8))
def test_first_match_ends_where_re_does(seed):
    """On random patterns with lazy and greedy repetitions, looks and anchors, against every short text."""
    random_ = random.Random(seed)
    tried = 0
    while tried < 40:
        pattern = make_pattern(random_, 4)
        try:
            automaton = FirstMatch(Program(pattern))
        except Untranslatable:
            continue
        tried += 1
        compiled = re.compile(pattern)
        for text in TEXTS:
            match = compiled.match(text)
            assert find_ends(automaton, text) == ([match.end()] if match else []), (pattern, text)


def test_first_match_of_a_lazy_string_stops_at_its_quote():
    """The string of lark's own library, whose look-behind keeps escaped quotes inside."""
    automaton = FirstMatch(Program(r'".*?(?<!\\)(\\\\)*?"'))
    for text, end in [(r'"a" : "b"', 3), (r'"a\" b"', 7), (r'"\\" "', 4), ('""', 2)]:
        assert find_ends(automaton, text) == [end]


def test_follow_says_what_a_greedy_match_forbids():
    """After digits, no digit; after digits and a point, it is open until a digit decides."""
    automaton = FirstMatch(Program(r"[0-9]+(\.[0-9]+)?"))
    state = automaton.edges(automaton.start)[0][2]
    futures = automaton.futures(state)
    assert futures is not None
    assert futures.at_end
    assert futures.pending == ((0x2E, 0x2E),)
    assert not any(first <= 0x35 <= last for first, last in futures.free)
