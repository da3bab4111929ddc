"""Check that substrings of a document are exactly what ``in`` and splitting into words say."""

from __future__ import annotations

import itertools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm.errors import GrammarError
from grammars import substring, template
from grammars.substring import SubstringDfa
from tests.reference.walks import BYTES, walk

DOCUMENT = "the cat sat on the mat;\nthe cat—日本 é—sat\t\ton 12 mats.  "


def _word_stretches(document: str) -> set[str]:
    starts = [i for i, c in enumerate(document) if not c.isspace() and (i == 0 or document[i - 1].isspace())]
    ends = [
        i + 1
        for i, c in enumerate(document)
        if not c.isspace() and (i + 1 == len(document) or document[i + 1].isspace())
    ]
    return {"", *(document[start:end] for start in starts for end in ends if end > start)}


@settings(deadline=None)  # the first example may compile a kernel
@given(st.text(alphabet="ab c", max_size=14))
def test_characters_are_exactly_the_substrings(document: str) -> None:
    """Every text of up to four symbols is accepted exactly where it stands in the document."""
    dfa = SubstringDfa(document)
    for size in range(5):
        for symbols in itertools.product("ab c", repeat=size):
            text = "".join(symbols)
            assert dfa.accepts(text) == (text in document)
    assert dfa.accepts(document)


@settings(deadline=None)  # the first example may compile a kernel
@given(st.text(alphabet="ab \n", max_size=12))
def test_words_are_exactly_the_stretches_of_whole_words(document: str) -> None:
    """Every stretch of the document is accepted exactly where it begins and ends with a word."""
    dfa, expected = SubstringDfa(document, by="words"), _word_stretches(document)
    stretches = {document[i:j] for i in range(len(document) + 1) for j in range(i, len(document) + 1)}
    assert {text for text in stretches if dfa.accepts(text)} == expected & stretches


@pytest.mark.parametrize("by", ["characters", "words"])
def test_lengths_are_those_of_the_nearest_and_farthest_end(by: str) -> None:
    """The shortest and the longest way to acceptance are what walking all edges finds."""
    dfa = SubstringDfa("ab ab cab a  bc", by=by)

    def measure(state: int) -> tuple[int, int]:
        ways = [(0, 0)] if dfa.is_accepting(state) else []
        ways += [(low + 1, high + 1) for _, _, t in dfa.edges(state) for low, high in [measure(t)]]
        low, high = min(w[0] for w in ways), max(w[1] for w in ways)
        assert (dfa.shortest(state), dfa.longest(state)) == (low, high)
        return low, high

    measure(dfa.start)


@pytest.mark.parametrize("by", ["characters", "words"])
def test_walks_stay_in_the_document(by: str) -> None:
    """Random walks end in a substring, and masks are what trying every token says."""
    compiled = substring(DOCUMENT, by=by).compile(BYTES)
    source = random.Random(by)
    for _ in range(30):
        text = walk(compiled.matcher(), source)
        assert text in DOCUMENT
        assert by == "characters" or text in _word_stretches(DOCUMENT)


def test_quotations_are_parts_of_other_grammars() -> None:
    """Inside a template, masks and walks are as they are alone."""
    form = template('"{quote}" ({n:int})', quote=substring(DOCUMENT))
    compiled = form.compile(BYTES)
    source = random.Random(2)
    for _ in range(10):
        match = re.fullmatch(r'(?s)"(.*)" \(-?[0-9]+\)', walk(compiled.matcher(), source))
        assert match is not None
        assert match[1] in DOCUMENT


def test_a_large_document_is_quoted_from() -> None:
    """A megabyte is read at once, and long quotations from anywhere in it are accepted, changed ones not."""
    source = random.Random(1)
    words = ["".join(source.choices("abcdefghij", k=source.randint(2, 9))) for _ in range(5000)]
    document = " ".join(source.choices(words, k=170_000))[:1_000_000]
    dfa = SubstringDfa(document)
    for _ in range(20):
        place = source.randrange(len(document) - 300)
        quotation = document[place : place + 300]
        assert dfa.accepts(quotation)
        changed = quotation[:200] + "#" + quotation[201:]
        assert not dfa.accepts(changed)


def test_bad_arguments_are_refused() -> None:
    """What is no text, no unit, or cannot be written in UTF-8 is named."""
    with pytest.raises(GrammarError, match="expected 'characters' or 'words'"):
        substring("a", by="lines")
    with pytest.raises(GrammarError, match="expected a string"):
        substring(b"a")
    with pytest.raises(GrammarError, match="lone surrogate"):
        substring("a\ud800")
