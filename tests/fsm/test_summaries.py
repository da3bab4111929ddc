"""Summaries of patterns equal what reading every token says, however long their loops and chains."""

from __future__ import annotations

import itertools
import random
import re

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from fsm.errors import UnsatisfiableError
from fsm.summaries import summaries_of
from grammars import json_schema
from tests.reference.masks import allowed_by_trying

PATTERNS = [
    r"^\S+$",
    r"^[a-c]{1,9}$",
    r"^[a-c]{3,}$",
    r"^[^/]*(/[^/]+)*$",
    r"^(\S+\s+){0,4}\S+$",
    r"cab",
    r"^[a-c]+(-[01]{2,5})?$",
    r"^.{2,7}$",
    r"^[^\u00c0-\uffff]*$",
    r"^[\u0100-\uffff]+$",
    r"^(?!ab)[^0]*\.$",
    r"^[\x00-\x1f ]*$",
    r"^(a|b)*c(a|b){0,6}$",
]
PIECES = ["a", "b", "c", "0", "1", "-", "/", " ", ".", "é", "日", "😀", "\\n", "\\u00e9", '\\"', '"', '",']


def long_vocabulary(size: int) -> Vocabulary:
    """Return every byte, what ends inside a character, and random runs of pieces, some of one kind only."""
    random_ = random.Random(size)
    runs = {"".join(pair) for pair in itertools.product("abc", repeat=3)}
    while len(runs) < size:
        pieces = random_.choice([PIECES, ["a", "b", "c"], ["0", "1"], ["é", "日"], ["a", " "], PIECES[:8]])
        runs.add("".join(random_.choices(pieces, k=random_.randint(2, 12))))
    tokens = [*(bytes([byte]) for byte in range(256)), *(run.encode() for run in sorted(runs))]
    tokens += [b"ab\xc3", b"a\xe6\x97", b"ab\\u00", b"abc\\", b"cab\\ud83d", b"aaa", b"aaa"]
    return Vocabulary([*tokens, b""], eos_token_ids=[len(tokens)])


VOCABULARY = long_vocabulary(1500)


def check_masks(schema: dict, text: str) -> None:
    """Compare the mask at every byte of a text, as long as the schema takes it."""
    matcher = json_schema(schema).compile(VOCABULARY).matcher()
    mask = allocate_token_bitmask(1, VOCABULARY.size)
    for byte in [*text.encode(), None]:
        matcher.fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher), (schema, text, byte)
        if byte is None or not matcher.try_advance(byte):
            break


@pytest.mark.parametrize("most", [None, 4, 6, 14])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_summary_of_a_pattern_equals_trying_every_token(pattern, most):
    """With and without a limit on the length, along texts that stay in the pattern and one that leaves it."""
    schema = {"type": "string", "pattern": pattern} | ({} if most is None else {"maxLength": most + 8})
    for text in ['"ab', '"a/b c', '"é日', '"caba-01', '"\\u00']:
        check_masks(schema, text)


@pytest.mark.parametrize(
    "pattern",
    [r"^\S*$", r"^[!-~]{1,6}$", r"^(a|ab|[^x]{3}|.{9,})$", r"^[^x]{0,2}(-[01]+)?$", r"^(cab|[^c][/0]*|\w{0,3})$"],
)
@pytest.mark.parametrize("names", [["a"], ["ab", "abc"], ["a", "aa", "aaa", "b"], ["cab", "0", "00/"]])
def test_names_that_came_are_left_out(pattern, names):
    """Keys that a pattern allows come once each, whether they are many, or so few that none is left after some."""
    schema = {"type": "object", "patternProperties": {pattern: {"type": "integer"}}, "additionalProperties": False}
    taken = [name for name in names if re.search(pattern, name)]
    text = '{"' + "".join(f'{name}": 1, "' for name in taken)
    for more in ("", names[0], names[-1][:1], "ca"):
        check_masks(schema, text + more)


@settings(max_examples=60, deadline=None)
@given(
    pattern=st.recursive(
        st.sampled_from(["a", "[a-c]", "[^a]", ".", r"\s", r"\w", "[01]", "é", "[^-/]"]),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
            st.tuples(inner, st.sampled_from(["*", "+", "?", "{2,5}", "{3,}"])).map(lambda p: f"(?:{p[0]}){p[1]}"),
        ),
        max_leaves=5,
    ),
    anchored=st.booleans(),
    text=st.lists(st.sampled_from(PIECES[:-2]), max_size=4).map("".join),
    most=st.none() | st.integers(1, 9),
)
def test_summary_of_a_random_pattern_equals_trying_every_token(pattern, anchored, text, most):
    """Whatever the pattern, whether it is searched for or must be all, with and without a limit."""
    schema = {"type": "string", "pattern": f"^{pattern}$" if anchored else pattern}
    try:
        check_masks(schema | ({} if most is None else {"maxLength": most + 8}), '"' + text)
    except UnsatisfiableError:
        reject()


def test_row_of_widths_counts_characters_that_are_not_finished():
    """A token that ends inside a character takes one more than it has finished."""
    from fsm.tokens.tables import vocabulary_tables

    classes = vocabulary_tables(VOCABULARY).character_classes
    widths = {token: classes.widths[VOCABULARY.token_bytes.index(token)] for token in (b"ab\xc3", b"abc\\", b"aaa")}
    assert widths == {b"ab\xc3": 3, b"abc\\": 4, b"aaa": 3}
    assert VOCABULARY.token_bytes.index(b"abc\\") not in allowed_token_ids(classes.row(3)).tolist()
    assert np.array_equal(classes.row(classes.longest), classes.row(10**6))


def test_what_is_kept_stays_within_its_bytes():
    """Rows that counters have made count too, though they come later; the last summary stays whatever its size."""
    vocabulary = long_vocabulary(600)
    summaries = summaries_of(vocabulary)
    summaries.max_bytes = 60_000
    mask = allocate_token_bitmask(1, vocabulary.size)
    kept = []
    for most in range(2, 90):
        for pattern in ("^[a-c]+$", "^[ab]*c$"):
            schema = {"type": "string", "pattern": f"{pattern[:-1]}.{{{most % 7}}}$", "maxLength": most + 8}
            matcher = json_schema(schema).compile(vocabulary).matcher()
            for byte in b'"' + b"abc" * 8:
                matcher.fill_next_token_bitmask(mask)
                if not matcher.try_advance(byte):
                    break
            kept.append(sum(one.memory_bytes for one in summaries._kept.values()))
    assert len(summaries._kept) > 1
    assert max(kept) > 50_000
    assert max(kept) < 70_000
