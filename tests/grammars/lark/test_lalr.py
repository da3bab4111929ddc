"""With ``parser="lalr"``, what lark's contextual lexer and parser accept is accepted, without dead ends."""

from __future__ import annotations

import itertools
import random

import lark as reference
import numpy as np
import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from fsm.errors import GrammarError, UnsatisfiableError, UnsupportedFeatureError
from fsm.parsing import token_compiled as module
from fsm.parsing import token_stays
from fsm.parsing._token_kernels import N_TERMINALS, WORD_BITS, act_kernel, viable_tokens_kernel
from grammars import Indenter, lark
from tests.grammars.lark.earley import BYTES, DATA, complete, mutate, next_bytes, read
from tests.grammars.lark.lalr import accepts_lalr, has_conflicts, library_texts, make_parser, read_python
from tests.grammars.lark.test_data_grammars import TEXTS as LISTED
from tests.grammars.lark.test_random_grammars import IGNORED, PATTERNS, make_item
from tests.reference.masks import allowed_by_trying

STRINGS = ['"a"', '"ab"', '"b"', '"aab"', '"AB"i', "/a|ab/", "/[ab]+/i"]
TEXTS = ["".join(text) for size in range(6) for text in itertools.product("abc", repeat=size)]


def make_grammar(random_: random.Random) -> str:
    """Return the text of a grammar, some of whose terminals are tried first."""
    lines = [
        f"{name}: " + " | ".join([make_item(random_, 1) for _ in range(random_.randint(1, 3))])
        for name in ("start", "x", "y")
    ]
    lines += [f"{name}{random_.choice(['', '', '.1'])}: {random_.choice(PATTERNS + STRINGS)}" for name in "ABC"]
    if random_.random() < 0.7:
        lines.append(f"%ignore {random_.choice(IGNORED[:2])}")
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(4))
def test_random_grammar_accepts_what_lalr_accepts(seed):
    """Terminals that shadow others, strings among names, priorities; refused ones name their reason."""
    random_ = random.Random(seed)
    tried = 0
    while tried < 6:
        text = make_grammar(random_)
        if has_conflicts(text):
            continue
        parser = make_parser(text)
        try:
            compiled = lark(text, parser="lalr").compile(BYTES)
        except UnsatisfiableError:
            assert not any(accepts_lalr(parser, one) for one in TEXTS), text
            continue
        except UnsupportedFeatureError:
            continue
        tried += 1
        for one in random_.sample(TEXTS, 120):
            died = read(compiled, one)
            assert (died is None) == accepts_lalr(parser, one), (text, one)
            if died is not None and random_.random() < 0.1:
                whole = complete(compiled, one.encode()[:died])
                assert accepts_lalr(parser, whole.decode()), (text, one, whole)


def read_lalr(name: str):
    """Return a grammar of the test data as lark's parser and compiled; None where either refuses it for this parser."""
    path = DATA / f"{name}.lark"
    try:
        parser = make_parser(path.read_text(encoding="utf-8"), source_path=str(path))
    except reference.exceptions.LarkError:
        return None
    try:
        return parser, lark(path, parser="lalr").compile(BYTES)
    except UnsupportedFeatureError:
        return None


def test_data_grammars_are_judged_as_lalr_judges_them():
    """Listed texts and mutants of them, where lark's parser can read the grammar."""
    read_names = []
    for name in LISTED:
        found = read_lalr(name)
        if found is None:
            continue
        read_names.append(name)
        parser, compiled = found
        random_ = random.Random(name)
        short = [text for text in LISTED[name]["accepted"] + LISTED[name]["rejected"] if 0 < len(text) < 60]
        for text in short + [mutate(random_, random_.choice(short)) for _ in range(10)]:
            died = read(compiled, text)
            assert (died is None) == accepts_lalr(parser, text), (name, text)
            if died is not None:
                assert accepts_lalr(parser, complete(compiled, text.encode()[:died]).decode()), (name, text)
    assert len(read_names) >= 5


@pytest.mark.parametrize("fewest", [1, 1000])
def test_masks_of_python_equal_trying_every_token(monkeypatch, fewest):
    """At every byte of a text, on tokens cut from Python files; walked as a whole, and by what stays inside a token."""
    monkeypatch.setattr(token_stays, "FEWEST_TOKENS", fewest)
    random_ = random.Random(5)
    whole = "".join(library_texts(random_, 3, 3000)).encode() + b"\n    \n\t\n  # x\n        "
    cuts = [random_.randrange(len(whole)) for _ in range(250)]
    tokens = [b"</s>", *dict.fromkeys([bytes([n]) for n in range(256)] + [whole[a : a + 2 + a % 9] for a in cuts])]
    vocabulary = Vocabulary(tokens, eos_token_ids=[0])
    python = read_python()[1]
    compiled = module.TokenCompiled(python._tokens, python._parser, vocabulary)
    mask = allocate_token_bitmask(1, vocabulary.size)
    matcher = compiled.matcher()
    for byte in b"def f(a):\n  if aaa: return '\xc3\xa9bcd'\n  # b c\n  (1.5,\n r'x')\n\n\nx":
        matcher.fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0])) == allowed_by_trying(matcher)
        matcher.advance(byte + 1)
    assert (compiled._stays.memory_bytes > 0) == (fewest == 1)


def test_terminals_that_may_come_are_those_that_the_parser_takes():
    """Asked without changing the stack, and by acting on it."""
    compiled = read_python()[1]
    for text in (b"x", b"f(a, *b)[", b"if x:\n  y\n", b"class A(b):\n  def f(): pass\n  @"):
        position = compiled.advance_bytes(compiled.start, text, bytes)
        stack = int(position.configurations[0, 1])
        parser, arena = compiled._parser.arrays, compiled._arena
        viable_tokens_kernel(parser, arena.arrays, stack)
        found = []
        for terminal in range(int(parser.numbers[N_TERMINALS])):
            word, bit = divmod(terminal, WORD_BITS)
            is_viable = bool(int(arena.arrays.viable[stack, word]) >> bit & 1)
            while arena.num_nodes + 100 > len(arena.arrays.nodes):
                arena.grow()
            found.append(is_viable)
            assert is_viable == bool(act_kernel(parser, arena.arrays, stack, terminal))
        assert 0 < sum(found) < len(found)


def test_places_on_stacks_are_dropped_when_no_text_stands_on_them(monkeypatch):
    """Matchers, old and new ones, go on as if nothing had happened."""
    monkeypatch.setattr(module, "MANY_NODES", 200)
    text = 'start: "(" start ")" | "x" start | "y"\n%ignore " "'
    compiled = lark(text, parser="lalr").compile(BYTES)
    held = compiled.matcher()
    for byte in b"((x":
        held.advance(byte + 1)
    for depth in range(40):
        assert read(compiled, "(x" * depth + "y" + ")" * depth) is None
    assert compiled._arena.num_nodes < 1000
    assert next_bytes(held) == sorted(b" (xy")
    for byte in b" y))":
        held.advance(byte + 1)
    assert held.is_accepting
    held.rollback(3)
    assert next_bytes(held) == sorted(b" (xy")


def test_keyword_is_no_name_only_where_both_may_come():
    """As lark's contextual lexer has it: ``if`` is a name after a point."""
    text = 'start: "if" NAME | NAME "." NAME\nNAME: /[a-z]+/\n%ignore " "'
    compiled = lark(text, parser="lalr").compile(BYTES)
    assert read(compiled, "if x") is None
    assert read(compiled, "x.if") is None
    assert read(compiled, "if.x") == 2
    assert read(compiled, "ifx") is not None


def test_comments_to_the_end_of_a_line_need_one():
    """Where a line may not end, no comment may begin, because nothing could follow it."""
    text = 'start: "a" "b" _NL\n_NL: /(\\n[ ]*)+/\nCOMMENT: /#[^\\n]*/\n%ignore " "\n%ignore COMMENT\n'
    indenter = Indenter(newline="_NL", indent="_I", dedent="_D")
    compiled = lark(text + "%declare _I _D\n", indenter=indenter).compile(BYTES)
    assert read(compiled, "a b # c\n") is None
    assert read(compiled, "a # b") == 2
    assert complete(compiled, b"a b #") == b"a b #\n"


def test_what_stands_alone_is_refused_by_name():
    """A grammar of tokens is part of no other, and has no finite tables."""
    grammar = lark('start: "a"\n%ignore " "', parser="lalr")
    with pytest.raises(UnsupportedFeatureError, match="cannot be part of another grammar"):
        (grammar | "b").compile(BYTES)
    with pytest.raises(UnsupportedFeatureError, match="no finite tables"):
        grammar.compile(BYTES).freeze()
    with pytest.raises(GrammarError, match="expected 'earley' or 'lalr'"):
        lark('start: "a"', parser="cyk")


def test_masks_hold_the_end_where_a_text_may_end():
    """The end token is allowed exactly where the text is accepted."""
    vocabulary = Vocabulary([b"</s>", b"a", b"a a", b" "], eos_token_ids=[0])
    matcher = lark('start: "a" "a"\n%ignore " "', parser="lalr").compile(vocabulary).matcher()
    mask = allocate_token_bitmask(1, 4)
    rows = []
    for token in (1, 1, 3):
        matcher.advance(token)
        matcher.fill_next_token_bitmask(mask)
        rows.append(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist())
    assert rows == [[1, 3], [0, 3], [0, 3]]


def test_explanation_names_what_is_read_and_what_may_come():
    """Terminals by their names, by their text where they have none."""
    text = 'start: "if" NAME ("->" NAME)?\nNAME: /[a-z]+/\n%ignore " "'
    matcher = lark(text, parser="lalr").compile(BYTES).matcher()
    assert matcher.explain(ord("x") + 1).where == 'by the rules, IF or " " may come'
    for byte in b"if x":
        matcher.advance(byte + 1)
    assert matcher.explain(ord(".") + 1).where == 'by the rules, NAME is being read and "->" may come'
