"""Check templates against ``re``: the same fixed text, and values that Python's own readers give for the holes."""

from __future__ import annotations

import datetime as dt
import enum
import json
import random
import re
import typing
import uuid
from decimal import Decimal

import pydantic
import pytest

from fsm.errors import GrammarError
from grammars import choice, patterns, regex, template
from guidance.captures import read_captures
from tests.reference.walks import BYTES, walk


class Mood(enum.Enum):
    """Values that are no strings."""

    GOOD = 1
    BAD = 2


class Point(pydantic.BaseModel):
    """A type with parts."""

    x: int


Code = typing.Annotated[str, pydantic.StringConstraints(pattern="^[A-Z]+$", max_length=3, min_length=1)]


def _load(text: str) -> typing.Any:
    return json.loads(text, parse_float=Decimal)


# Template, types beside it, a pattern of the whole text, and how each hole's text is read.
CASES = [
    ("a={a:int};", {}, r"a=(-?\d+);", [int]),
    ("{a:float} {b:decimal}", {}, r"(\S+) (\S+)", [float, Decimal]),
    ("{{{a:bool}}}", {}, r"\{(true|false)\}", [lambda text: text == "true"]),
    ("<{a:date} {b:time} {c:datetime}>", {}, r"<(\S+) (\S+) (\S+)>",
     [dt.date.fromisoformat, pydantic.TypeAdapter(dt.time).validate_python,
      pydantic.TypeAdapter(dt.datetime).validate_python]),
    ("{a:uuid}{b:timedelta}", {}, r"(.{36})(.*)", [uuid.UUID, pydantic.TypeAdapter(dt.timedelta).validate_python]),
    ("{a:red|green|}!", {}, r"(red|green|)!", [str]),
    ("{a:/[A-Z]{2}/}{b:email}", {}, r"([A-Z]{2})(.*)", [str, str]),
    ("{a}, {b}", {"a": Mood, "b": typing.Literal["x", 3]}, r"(1|2), (x|3)",
     [lambda text: Mood(int(text)), lambda text: 3 if text == "3" else text]),
    ("{a} {b}", {"a": Point, "b": list[int]}, r"(\{.*\}) (\[.*\])",
     [lambda text: Point(x=int(_load(text)["x"])), lambda text: [int(item) for item in _load(text)]]),
    ("{a}{b}.", {"a": Code, "b": choice(["1", "2"])}, r"([A-Z]{1,3})([12])\.", [str, str]),
    ("to: {a}\nby: {b:str}\n\n", {}, r"(?s)to: ((?:(?!\nby: ).)*)\nby: ((?:(?!\n\n).)*)\n\n", [str, str]),
    ("{a:str}", {}, r"(?s)(.*)", [str]),
    ("{a} and {b}", {"a": patterns.ISBN, "b": regex("[ab]+") + "c"}, r"(\S+) and ([ab]+c)", [str, str]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "types", "pattern", "readers"), CASES, ids=[case[0] for case in CASES])
def test_walks_fit_the_text_and_give_its_values(text, types, pattern, readers) -> None:
    """Random walks match the pattern; captures are what Python reads in its groups."""
    form = template(text, **types)
    compiled = form.compile(BYTES)
    source = random.Random(text)
    for _ in range(6):
        matcher = compiled.matcher()
        written = walk(matcher, source, num_checked=1)
        match = re.fullmatch(pattern, written)
        assert match is not None, written
        expected = [read(group) for read, group in zip(readers, match.groups(), strict=True)]
        captures = read_captures(compiled, (), head=written.encode())
        assert [captures[name] for name in form.names] == expected
        assert form.read_value(captures) == dict(zip(form.names, expected, strict=True))


def test_a_name_that_repeats_holds_a_list() -> None:
    """Holes of one name are captured together."""
    form = template("{n:int} {n:int} {m:int}")
    captures = read_captures(form.compile(BYTES), (), head=b"1 22 3")
    assert form.read_value(captures) == {"n": [1, 22], "m": 3}


def test_a_text_cut_short_has_the_values_so_far() -> None:
    """Holes that the text ends in hold their text, later ones nothing."""
    form = template("{a:int}, {b:date}, {c:str}")
    captures = read_captures(form.compile(BYTES), (), head=b"12, 2024-0")
    assert form.read_partial(captures) == {"a": 12, "b": "2024-0", "c": None}


@pytest.mark.parametrize(
    ("text", "types", "message"),
    [
        ("plain", {}, "which has no hole"),
        ("{a", {}, "write literal braces twice"),
        ("{}", {}, "expected a name and a type"),
        ("{a!r}", {}, "expected a name and a type"),
        ("{a:nonsense}", {}, r"type 'nonsense' of the hole 'a', expected one of bool, .*email"),
        ("{a:int}", {"a": int}, "drop one"),
        ("{a:int}", {"b": int}, "no hole is named 'b'"),
        ("{a}{b}", {}, "nothing stands between the free texts 'a' and 'b'"),
        ("{a:int}\ud800", {}, "lone surrogate"),
        ("{a}", {"a": typing.Literal["1", 1]}, "two values written '1'"),
        (3, {}, "expected a string with holes"),
    ],
)
def test_what_is_no_template_is_refused(text, types, message) -> None:
    """Each refusal names what was given and what was expected."""
    with pytest.raises(GrammarError, match=message):
        template(text, **types)
