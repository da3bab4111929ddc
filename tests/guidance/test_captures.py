"""Check captures of texts that grow: read on from where they were, they are those of reading from the beginning."""

from __future__ import annotations

import random

from grammars import Tag, regex, special, tags, template
from guidance.captures import GrowingCaptures, read_captures
from tests.reference.walks import BYTES, walk


def test_growing_texts_have_the_captures_of_their_prefixes() -> None:
    """For every prefix, in order, out of order, and of several texts side by side."""
    form = template("{a:str}, {b:int}{c:/[xy]*/}. {d:red|green}")
    compiled = form.compile(BYTES)
    source = random.Random(0)
    texts = [walk(compiled.matcher(), source) for _ in range(3)]
    growing = GrowingCaptures(compiled)
    jobs = [text[:size] for text in texts for size in range(len(text) + 1)]
    for shown in [*jobs, *source.sample(jobs, len(jobs)), *sorted(jobs, key=len)]:
        assert growing.read(shown) == read_captures(compiled, (), head=shown.encode())


def test_a_shown_text_that_lacks_special_tokens_has_nothing_yet() -> None:
    """Special tokens are not shown, so a shown text may not fit; that is no error while the text grows."""
    vocabulary = type(BYTES)([*BYTES.token_bytes, b"[S]"], [0], [len(BYTES.token_bytes)])
    grammar = tags([Tag(begin=special("[S]"), content=regex("[0-9]"), name="n")], at_least=1, at_most=1, is_end=True)
    growing = GrowingCaptures(grammar.compile(vocabulary))
    assert growing.read("a") == {}
    assert growing.read("a1") == {}


def test_other_grammars_have_no_captures() -> None:
    """A compiled grammar of another kind is not asked."""
    assert GrowingCaptures(object()).read("a") == {}
    assert read_captures(object(), [1]) == {}
