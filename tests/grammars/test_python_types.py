"""Check that types become the schemas they mean, and that texts come back as their values."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json
import typing
import uuid

import jsonschema
import pydantic
import pytest

from fsm.errors import GrammarError
from grammars.python_types import TypeReader, schema_of


class Colour(enum.Enum):
    """An enumeration of strings."""

    RED = "red"
    BLUE = "blue"


class Person(pydantic.BaseModel):
    """A model with a default, an optional field and a list."""

    name: str
    age: int = pydantic.Field(ge=0)
    city: str | None = None
    tags: list[str] = []


@dataclasses.dataclass(frozen=True)
class Point:
    """A dataclass that holds a model."""

    x: float
    owner: Person | None = None


class Card(typing.TypedDict, total=False):
    """A TypedDict of the standard library, with a required key and a nested one."""

    number: typing.Required[int]
    people: list[Person]


class Deck(typing.TypedDict):
    """A TypedDict inside a TypedDict."""

    cards: list[Card]


class Node(pydantic.BaseModel):
    """A recursive model."""

    value: int
    children: list[Node] = []


def function(count: int, label: str = "x", *, people: list[Person]) -> int:
    """Take arguments of several kinds."""
    return count


ADA = {"name": "Ada", "age": 36}

CASES = [
    (int, "36", 36),
    (float, "1.5", 1.5),
    (bool, "true", True),
    (None, "null", None),
    (Colour, '"red"', Colour.RED),
    (typing.Literal["yes", 1] | None, "1", 1),
    (list[int], "[1, 2]", [1, 2]),
    (dict[str, float], '{"a": 1}', {"a": 1.0}),
    (tuple[int, str], '[1, "a"]', (1, "a")),
    (tuple[int, ...], "[1, 2, 3]", (1, 2, 3)),
    (set[int], "[1, 2]", {1, 2}),
    (typing.Union[int, Colour], '"blue"', Colour.BLUE),  # noqa: UP007 - the old spelling is tested too
    (typing.Optional[int], "null", None),  # noqa: UP045 - the same
    (typing.Annotated[int, pydantic.Field(ge=3)], "3", 3),
    (dt.date, '"2020-02-29"', dt.date(2020, 2, 29)),
    (dt.datetime, '"2020-02-29T12:00:00Z"', dt.datetime(2020, 2, 29, 12, tzinfo=dt.UTC)),
    (dt.time, '"12:30:00Z"', dt.time(12, 30, tzinfo=dt.UTC)),
    (dt.timedelta, '"PT90S"', dt.timedelta(seconds=90)),
    (uuid.UUID, '"00000000-0000-0000-0000-000000000001"', uuid.UUID(int=1)),
    (decimal.Decimal, "1.10", decimal.Decimal("1.1")),
    (Person, json.dumps(ADA), Person(**ADA)),
    (Point, json.dumps({"x": 1, "owner": ADA}), Point(1.0, Person(**ADA))),
    (Card, json.dumps({"number": 1, "people": [ADA]}), {"number": 1, "people": [Person(**ADA)]}),
    (Deck, '{"cards": [{"number": 1}]}', {"cards": [{"number": 1}]}),
    (list[Card], '[{"number": 1}]', [{"number": 1}]),
    (Node, '{"value": 1, "children": [{"value": 2}]}', Node(value=1, children=[Node(value=2)])),
    (function, json.dumps({"count": 1, "people": []}), {"count": 1, "label": "x", "people": []}),
    ({"type": "array", "items": {"type": "integer"}}, "[1]", [1]),
]
NAMES = [getattr(case[0], "__name__", str(case[0])) for case in CASES]


@pytest.mark.parametrize(("annotation", "text", "value"), CASES, ids=NAMES)
def test_text_of_a_type_is_valid_and_comes_back_as_its_value(annotation, text, value):
    """The schema admits the text and the reader returns the typed value."""
    jsonschema.Draft202012Validator(schema_of(annotation)).validate(json.loads(text))
    parsed = TypeReader(annotation).parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


INTEGERS = [
    (int, "1e2", 100),
    (int, "3.0", 3),
    (int, "2178e278", 2178 * 10**278),
    (int, "9007199254740993.0", 9007199254740993),
    (int, "-0.0", 0),
    (list[int], "[12.50e1, 4]", [125, 4]),
    (float, "1e300", 1e300),
    (float, "2.5e-3", 0.0025),
    (decimal.Decimal, "-499E837", decimal.Decimal("-499E837")),
    (dict[str, str], '{"1e2": "3.0 \\" 4e1"}', {"1e2": '3.0 " 4e1'}),
]


@pytest.mark.parametrize(("annotation", "text", "value"), INTEGERS)
def test_numbers_are_read_exactly_however_they_are_written(annotation, text, value):
    """JSON Schema calls 1e2 and 3.0 integers; strings are left alone."""
    assert TypeReader(annotation).parse(text) == value


REFUSED_BY_PYDANTIC = [
    (dt.date, '"0000-01-01"'),
    (dt.datetime, '"0000-01-01T00:00:00Z"'),
    (dt.datetime, '"2016-12-31T23:59:60Z"'),
    (dt.time, '"23:59:60Z"'),
    (dt.timedelta, '"P99999999999Y"'),
    (decimal.Decimal, '"many"'),
]


@pytest.mark.parametrize(("annotation", "text"), REFUSED_BY_PYDANTIC)
def test_schema_refuses_what_the_validator_refuses(annotation, text):
    """JSON Schema's formats are wider than Python's types; the schema says what the type holds."""
    with pytest.raises(ValueError, match=r"\S"):
        TypeReader(annotation).parse(text)
    assert not jsonschema.Draft202012Validator(schema_of(annotation)).is_valid(json.loads(text))


@pytest.mark.parametrize("annotation", [Person, Point, Card, Deck, Node, function])
def test_objects_are_closed(annotation):
    """A model must not invent keys, at any depth."""
    schema = schema_of(annotation)
    objects = [schema, *schema.get("$defs", {}).values()]
    assert all(part["additionalProperties"] is False for part in objects if part.get("type") == "object")


def test_open_objects_stay_open_where_the_type_says_so():
    """``extra="allow"`` and mappings keep their additional properties."""

    class Open(pydantic.BaseModel, extra="allow"):
        """Accept more."""

        name: str

    assert schema_of(Open)["additionalProperties"] is True
    assert schema_of(dict[str, int])["additionalProperties"] == {"type": "integer"}


class Unknown:
    """A class without fields."""


@pytest.mark.parametrize("annotation", [Unknown, "Unknown", 3, lambda *rest: rest, typing.Callable])
def test_types_without_a_schema_are_refused(annotation):
    """One error says what was given, what was expected and the cure."""
    with pytest.raises(GrammarError, match="expected"):
        schema_of(annotation)


PREFIXES = [
    (Person, "", None),
    (Person, "{", Person.model_construct(name=None, age=None, city=None, tags=[])),
    (Person, '{"name": "Ad', Person.model_construct(name="Ad", age=None, city=None, tags=[])),
    (Person, '{"name": "Ada", "age": 36', Person.model_construct(name="Ada", age=36, city=None, tags=[])),
    (
        Point,
        '{"x": 2.5, "owner": {"name": "A',
        Point(2.5, Person.model_construct(name="A", age=None, city=None, tags=[])),
    ),
    (list[Card], '[{"number": 1}, {"num', [{"number": 1}, {}]),
    (dict[str, Colour], '{"a": "red", "b": "bl', {"a": Colour.RED, "b": "bl"}),
    (int, "3", 3),
    ({"type": "object"}, '{"a": [1, 2', {"a": [1, 2]}),
]


@pytest.mark.parametrize(("annotation", "text", "expected"), PREFIXES)
def test_partial_values_hold_what_the_prefix_tells(annotation, text, expected):
    """Missing fields are None or their default; the last string may be cut short."""
    assert TypeReader(annotation).parse_partial(text) == expected


def test_every_prefix_gives_a_partial_value_of_the_type():
    """No prefix fails, and the last one is the whole value."""
    text = Person(name='A "q"', age=36, city="x", tags=["a", "b"]).model_dump_json()
    reader = TypeReader(Person)
    for end in range(1, len(text) + 1):
        assert isinstance(reader.parse_partial(text[:end]), Person)
    assert reader.parse_partial(text) == reader.parse(text)
