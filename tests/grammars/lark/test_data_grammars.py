"""On grammars of real notations, what is accepted is what lark's Earley parser accepts, byte by byte."""

from __future__ import annotations

import random
import tomllib

import pytest

from tests.grammars.lark.earley import DATA, accepts, complete, mutate, next_bytes, read, read_both

TEXTS = tomllib.loads((DATA / "texts.toml").read_text(encoding="utf-8"))
MUTANTS = 12


@pytest.mark.parametrize("name", TEXTS)
def test_listed_texts_are_judged_as_earley_judges_them(name):
    """Both agree with the list; what is accepted stays alive at every byte of it."""
    parser, compiled = read_both(name)
    for text in TEXTS[name]["accepted"]:
        assert accepts(parser, text), text
        assert read(compiled, text) is None, text
    for text in TEXTS[name]["rejected"]:
        assert not accepts(parser, text), text
        assert read(compiled, text) is not None, text


@pytest.mark.parametrize("name", TEXTS)
def test_mutants_are_judged_as_earley_judges_them(name):
    """Texts with small mistakes; where one dies, what came before can still be completed."""
    parser, compiled = read_both(name)
    random_ = random.Random(name)
    short = [text for text in TEXTS[name]["accepted"] + TEXTS[name]["rejected"] if 0 < len(text) < 60]
    for _ in range(MUTANTS):
        text = mutate(random_, random_.choice(short))
        died = read(compiled, text)
        assert (died is None) == accepts(parser, text), (text, died)
        if died is not None:
            alive = text.encode()[:died]
            whole = complete(compiled, alive)
            assert accepts(parser, whole.decode()), (text, whole)


@pytest.mark.parametrize("name", TEXTS)
def test_random_walks_are_accepted(name):
    """Any bytes the masks allow, then the shortest way home: Earley accepts the text."""
    parser, compiled = read_both(name)
    random_ = random.Random(name)
    for _ in range(4):
        matcher = compiled.matcher()
        for _ in range(random_.randrange(30)):
            allowed = next_bytes(matcher)
            if not allowed:
                break
            readable = [byte for byte in allowed if 32 < byte < 127] or allowed
            matcher.advance(random_.choice(readable if random_.random() < 0.9 else allowed) + 1)
        whole = complete(compiled, matcher.text())
        assert accepts(parser, whole.decode()), whole
