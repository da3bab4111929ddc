"""GBNF and EBNF accept what a slow recogniser derives, refuse what they do not compile, and never end in a dead end."""

from __future__ import annotations

import itertools
import random

import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from fsm.errors import GrammarError, LimitError, UnsatisfiableError, UnsupportedFeatureError
from grammars import ebnf, gbnf
from grammars.gbnf.errors import PROBLEMS
from grammars.gbnf.parser import parse_notation
from tests.reference.masks import allowed_by_trying
from tests.reference.notation import derives

BYTES = Vocabulary([b"</s>", *[bytes([byte]) for byte in range(256)]], eos_token_ids=[0])
JSON = r"""
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
# Optional space
ws ::= | " " | "\n" [ \t]{0,20}
"""
CASES = [(name, *example) for name, problem in PROBLEMS.items() for example in problem.examples]
LEAVES = ['"a"', '"b"', "[ab]", '"ab"', '""', "root", "x", "y", "[^a]"]


def read(matcher, text: str) -> bool:
    """Read a text byte by byte; tell whether it is complete."""
    return all(matcher.try_advance(byte + 1) for byte in text.encode()) and matcher.is_accepting


def make_item(random_: random.Random, depth: int) -> str:
    """Return the right side of a rule."""
    kind = random_.random()
    if depth == 0 or kind < 0.4:
        return random_.choice(LEAVES)
    if kind < 0.6:
        return f"{make_item(random_, depth - 1)} {make_item(random_, depth - 1)}"
    if kind < 0.75:
        return f"({make_item(random_, depth - 1)} | {make_item(random_, depth - 1)})"
    return f"({make_item(random_, depth - 1)}){random_.choice(['?', '*', '+', '{2}', '{1,2}', '{0,1}', '{2,}'])}"


@pytest.mark.parametrize("seed", range(4))
def test_notation_accepts_what_is_derived(seed):
    """Random rules with recursion of every kind, against every short text."""
    random_ = random.Random(seed)
    texts = ["".join(text) for size in range(5) for text in itertools.product("ab", repeat=size)]
    tried = 0
    while tried < 12:
        text = "".join(
            [f"{name} ::= {make_item(random_, 2)} | {make_item(random_, 1)}\n" for name in ("root", "x", "y")]
        )
        nodes = parse_notation(text, "gbnf")
        expected = {one for one in texts if derives(nodes, "root", one)}
        try:
            compiled = gbnf(text).compile(BYTES)
            accepted = {one for one in texts if read(compiled.matcher(), one)}
        except UnsatisfiableError:
            accepted = set()
        except LimitError:
            continue  # side by side without end: too ambiguous
        assert accepted == expected, text
        tried += 1


def test_json_of_llama_cpp():
    """The grammar that every user of llama.cpp has used."""
    compiled = gbnf(JSON).compile(BYTES)
    for text in ['{"a": [1, -2.5e3, true, {"b": null}] }', "{}", '{"é":"\\u00e9 \\n"}', '{\n\t"a":1}']:
        assert read(compiled.matcher(), text), text
    for text in ['{"a" 1}', "{}  ", "[]", '{"a":01}', '{"a":"\n"}']:
        assert not read(compiled.matcher(), text), text
    assert compiled.matcher().shortest_completion() == 2


def test_both_notations_read_the_same_rules():
    """What both have means the same in both."""
    text = 'root ::= [a-c]{2,3} "\\u00e9" ("x" | root)? # done\n'
    for make in (gbnf, ebnf):
        compiled = make(text).compile(BYTES)
        assert read(compiled.matcher(), "abébcaéx")
        assert not read(compiled.matcher(), "aé")


def test_masks_equal_trying_every_token():
    """At every place of a text, on a vocabulary of pieces."""
    pieces = [
        '{"',
        '":',
        '"}',
        '", "',
        "tr",
        "ue",
        "é",
        'é"',
        " ",
        "\n",
        "\n\t",
        "12",
        ".5",
        "e-",
        "]}",
        '"a"',
        ': ["',
        "[[",
    ]
    tokens = [b"</s>", *[bytes([byte]) for byte in range(256)], *[piece.encode() for piece in pieces]]
    vocabulary = Vocabulary(tokens, eos_token_ids=[0])
    matcher = gbnf(JSON).compile(vocabulary).matcher()
    mask = allocate_token_bitmask(1, vocabulary.size)
    for byte in '{"é": [true, "a\\n", 1.5e-3], "b": {}} '.encode():
        matcher.fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0])) == allowed_by_trying(matcher)
        assert matcher.try_advance(byte + 1)


def test_random_walks_end():
    """Whatever the masks allow can be completed, in as many bytes as was promised, and is then derived."""
    nodes = parse_notation(JSON, "gbnf")
    compiled = gbnf(JSON).compile(BYTES)
    random_ = random.Random(5)
    for _ in range(12):
        matcher, text = compiled.matcher(), b""
        for step in range(200):
            allowed = sorted(allowed_by_trying(matcher) - {0})
            left = matcher.shortest_completion()
            if left == 0 and (not allowed or step > 12):
                break
            if step > 12:
                allowed = [one for one in allowed if shortest_after(matcher, one) < left][:1]
            token = random_.choice(allowed)
            matcher.advance(token)
            text += bytes([token - 1])
        assert matcher.is_accepting
        assert derives(nodes, "root", text.decode())


def shortest_after(matcher, token: int) -> int:
    """Return the fewest bytes still needed after a token."""
    after = matcher.fork()
    after.advance(token)
    return after.shortest_completion()


@pytest.mark.parametrize(("name", "notation", "text", "line", "column"), CASES)
def test_problem_is_reported_at_its_place(name, notation, text, line, column):
    """Line, column and caret point at the problem, and the message is the row's."""
    with pytest.raises(GrammarError) as caught:
        {"gbnf": gbnf, "ebnf": ebnf}[notation](text)
    problem = PROBLEMS[name]
    assert caught.value.where == f"{notation} grammar, line {line}, column {column}"
    first, _, caret = caught.value.message.rsplit("\n", 2)
    assert problem.message.partition("{got}")[0] in first
    assert caret == " " * (column + 1) + "^"
    assert isinstance(caught.value, UnsupportedFeatureError) is problem.is_unsupported


def test_grammar_without_a_text_is_refused():
    """A rule that never ends is found when the grammar is read."""
    with pytest.raises(UnsatisfiableError, match="no text can ever be complete"):
        gbnf('root ::= "a" root')
