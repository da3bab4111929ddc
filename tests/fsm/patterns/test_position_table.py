"""Automata from positions accept what continuations do, and their masks are those of every token tried."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from fsm.automata.expression import ANY_SYMBOL, choice, repeat, sequence, symbols, text
from fsm.automata.expression_dfa import ExpressionDfa
from fsm.automata.positions import ACCEPT, MAX_POSITIONS, find_positions
from fsm.patterns._position_kernels import DONE
from fsm.patterns.class_tables import class_table, class_width
from fsm.patterns.pattern_compiled import PatternCompiled
from fsm.patterns.regular_compiled import RegularCompiled
from grammars import regex
from tests.fsm.patterns.test_regular_compiled import random_vocabulary
from tests.reference.masks import allowed_by_trying


def random_expression(chance, depth):
    """Return a random expression over a, b and é."""
    if depth == 0 or chance.random() < 0.2:
        return chance.choice([text("a"), text("b"), text("é"), text("ab"), symbols(((97, 98),)), ANY_SYMBOL])
    parts = [random_expression(chance, depth - 1) for _ in range(chance.choice([1, 2, 3]))]
    kind = chance.choice(["sequence", "choice", "repeat", "repeat"])
    if kind == "repeat":
        least = chance.choice([0, 1, 2])
        return repeat(parts[0], least, chance.choice([None, least + 1, 3]))
    return sequence(parts) if kind == "sequence" else choice(parts)


def random_list(chance, depth):
    """Return a random list of items with separators, ``x(sx)*``, some of them with more around or in between."""
    items = [random_expression(chance, depth) for _ in range(chance.choice([1, 1, 2]))]
    between = random_expression(chance, 1)
    again = repeat(sequence([between, *items]), chance.choice([0, 0, 0, 1]), chance.choice([None, None, 2]))
    whole = [*items, again, *chance.choice([[], [random_expression(chance, 1)]])]
    if chance.random() < 0.3:  # a list of lists
        whole = [*whole, repeat(sequence([text("b"), *whole]), 0, None)]
    return sequence([*chance.choice([[], [text("a")]]), *whole])


@pytest.mark.parametrize("seed", range(120))
def test_positions_accept_what_the_expression_does(seed):
    """All texts of up to five symbols are accepted by both or by neither; lists have their items once."""
    chance = random.Random(seed)
    expression = random_expression(chance, 3) if seed < 40 else random_list(chance, 2)
    positions, dfa = find_positions(expression), ExpressionDfa(expression)
    assert positions is not None
    for length in range(6):
        for letters in itertools.product("abé", repeat=length):
            here = set(positions.follow[0])
            for letter in letters:
                read = [
                    place
                    for place in here - {ACCEPT}
                    for first, last in positions.classes[positions.class_of[place]]
                    if first <= ord(letter) <= last
                ]
                here = {after for place in read for after in positions.follow[place]}
            assert (ACCEPT in here) == dfa.accepts("".join(letters)), letters


def test_lists_have_the_positions_of_one_item():
    """What comes again after a separator, ``x(, x)*``, is not added once more."""
    word = choice([text("one"), text("two")])
    assert len(find_positions(sequence([word, repeat(sequence([text(", "), word]), 0, None)])).class_of) == 1 + 6 + 2
    assert len(find_positions(sequence([word, repeat(sequence([text(", "), word]), 0, 2)])).class_of) == 1 + 6 + 16


def test_large_expressions_have_no_positions():
    """Repetitions beyond the limit are left to the automaton that copies nothing."""
    assert find_positions(repeat(text("a"), 0, MAX_POSITIONS)) is not None
    assert find_positions(repeat(text("a"), 0, MAX_POSITIONS + 1)) is None
    vocabulary = Vocabulary([b"</s>", b"a"], eos_token_ids=[0])
    assert isinstance(regex("a{0,4000}").compile(vocabulary), PatternCompiled)
    assert isinstance(regex("a{0,4001}").compile(vocabulary), RegularCompiled)


@pytest.mark.parametrize(
    "ranges",
    [((0x61, 0x7A),), ((0xE9, 0xE9),), ((0, 0x10FFFF),), ((0x30, 0x39), (0x61, 0xD7FF), (0xE000, 0x10FFFF)),
     ((0x41, 0x41), (0x7FF, 0x801), (0xD7FF, 0xE000)),
     ((0xFFFF, 0x10000), (0x10FFFF, 0x10FFFF))],
)  # fmt: skip
def test_class_tables_spell_their_characters(ranges):
    """Around every border the bytes of a character are read whole just where it is in the class."""
    table = class_table(ranges)
    near = {code + step for pair in ranges for code in pair for step in (-1, 0, 1)} | {0x7F, 0x80, 0x800}
    for code in near:
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            continue
        place = 0
        for byte in chr(code).encode():
            leads = int(table[place, byte])
            place = leads - 1
            if leads in {0, DONE}:
                break
        assert (leads == DONE) == any(first <= code <= last for first, last in ranges), hex(code)


def test_class_widths_know_what_is_not_ascii():
    """None, all or some of the characters past ASCII are in a class."""
    assert class_width(((0, 0x7F),)) == 0
    assert class_width(((0x30, 0x10FFFF),)) == 1
    assert class_width(((0x41, 0x41), (0x80, 0xD7FF), (0xE000, 0x10FFFF))) == 1
    assert class_width(((0x80, 0x10FFFE),)) == 2


PATTERNS = [
    r"[a-zA-Z]{1,30}", r"[a-z]{1,9}(,[a-z]{1,9}){0,9}", r".{0,40}", r".{5,17}!", r"[^<]*<b>[^<]*</b>",
    r'"([^"\\]|\\.){0,30}"', r"[A-Z][^.!?\n]{3,20}[.!?]", r"(true|false|[a-z]+)", r"(?s).{5}[^é]*", r"\w{1,20} \d+",
    r"(ab|cdé|cab|a)(, (ab|cdé|cab|a))*", r"x(the|then|them|thus|at){2,5}( (the|then|them|thus|at))*!?",
    r"(\w+ ){1,9}", r"([a-j]{3}|[k-z]{2}){1,12}[A-Z]", r"[a-zA-Zé]{2,25}", r"[a-z]{20}[a-z0-9]{3}",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_masks_agree_with_trying_every_token(pattern):
    """At every place of random texts, over tokens long and short, the mask holds exactly what can be read."""
    vocabulary = random_vocabulary(len(pattern), 700)
    compiled = regex(pattern).compile(vocabulary)
    assert isinstance(compiled, PatternCompiled)
    mask = allocate_token_bitmask(1, vocabulary.size)
    for seed in range(3):
        matcher, chance = compiled.matcher(), random.Random(seed)
        for _ in range(8):
            matcher.fill_next_token_bitmask(mask)
            allowed = set(allowed_token_ids(mask[0]).tolist())
            assert allowed == allowed_by_trying(matcher), matcher.text()
            if not allowed - {0}:
                break
            matcher.advance(chance.choice(sorted(allowed - {0})))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_agree_with_the_automaton_over_characters(pattern):
    """Masks, ends, forced bytes and ways to the end are those of the slower compilation."""
    vocabulary = random_vocabulary(len(pattern) + 1, 2500)
    grammar = regex(pattern)
    fast = grammar.compile(vocabulary)
    network, states = fast.network, fast._states
    slow = RegularCompiled(network, states, vocabulary)
    masks = allocate_token_bitmask(2, vocabulary.size)
    for seed in range(3):
        one, other, chance = fast.matcher(), slow.matcher(), random.Random(seed)
        for _ in range(8):
            one.fill_next_token_bitmask(masks, 0)
            other.fill_next_token_bitmask(masks, 1)
            assert np.array_equal(masks[0], masks[1]), one.text()
            assert one.is_accepting == other.is_accepting
            assert one.shortest_completion() == other.shortest_completion()
            assert one.forced_bytes() == other.forced_bytes()
            allowed = [token for token in allowed_token_ids(masks[0]).tolist() if token]
            if not allowed:
                break
            token = chance.choice(allowed)
            assert one.try_advance(token)
            assert other.try_advance(token)
