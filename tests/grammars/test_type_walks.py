"""Check types against their own validators: every text that a type's grammar allows is a value of the type."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import ipaddress
import pathlib
import random
import typing
import uuid
from decimal import Decimal

import annotated_types
import pydantic
import pytest

from fsm.errors import GrammarError
from grammars import from_type
from grammars.python_types import TypeReader
from tests.reference.walks import BYTES, walk


class Level(enum.IntEnum):
    """Integers with names."""

    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    """Values of several types."""

    TEXT = "a"
    NUMBER = 2
    NOTHING = None


class Flag(enum.StrEnum):
    """Strings with names."""

    ON = enum.auto()


@dataclasses.dataclass(frozen=True)
class Size:
    """A dataclass with bounds and a default."""

    width: typing.Annotated[int, annotated_types.Gt(0), annotated_types.Le(9)]
    unit: typing.Literal["cm", "in"] = "cm"


class Pair(typing.NamedTuple):
    """A named tuple."""

    first: int
    second: str = "x"


class Shape(pydantic.BaseModel):
    """A model with a discriminated union and an alias."""

    model_config = pydantic.ConfigDict(populate_by_name=True)
    kind: typing.Literal["shape"]
    size: Size | None = pydantic.Field(None, alias="theSize")


class Dot(pydantic.BaseModel):
    """The other member of the union."""

    kind: typing.Literal["dot"]


def book(seats: typing.Annotated[int, pydantic.Field(ge=1, le=9)], *, when: dt.date, notes: list[str] | None = None):
    """Take arguments."""


TYPES = [
    *(int, float, bool, str, bytes, None, Decimal, uuid.UUID, dt.date, dt.datetime, dt.time, dt.timedelta),
    *(Level, Mixed, Flag, Size, Pair, Shape, book, pathlib.PurePosixPath, ipaddress.IPv4Address, ipaddress.IPv6Address),
    *(pydantic.AwareDatetime, pydantic.PositiveInt, pydantic.conlist(int, max_length=2)),
    typing.Literal["a", 1, True] | None,
    typing.Annotated[str, pydantic.StringConstraints(pattern="^[a-c]+$", max_length=4)],
    typing.Annotated[str, annotated_types.Len(2, 3)],
    typing.Annotated[float, annotated_types.Interval(gt=0.5, le=1.5)],
    typing.Annotated[int, annotated_types.MultipleOf(7)],
    typing.Annotated[Decimal, pydantic.Field(max_digits=4, decimal_places=2)],
    typing.Annotated[Decimal, pydantic.Field(ge=1, lt=3)],
    typing.Annotated[Shape | Dot, pydantic.Field(discriminator="kind")],
    typing.Annotated[list[int], annotated_types.Len(1, 3)],
    *(list[Level], dict[str, float], dict[int, bool], set[int], frozenset[Flag], tuple[int, str], tuple[int, ...]),
    *(dict[float, int], dict[bool, int], dict[dt.date, int], dict[typing.Literal["a", "b"], int]),
    dict[typing.Annotated[str, pydantic.StringConstraints(pattern="^a", max_length=3)], int],
    typing.Annotated[Decimal, pydantic.Field(max_digits=3)],
    typing.Annotated[Decimal, pydantic.Field(decimal_places=1, gt=0, lt=1)],
    *(dict[Flag, int], dict[uuid.UUID, int], collections.OrderedDict[str, int], collections.deque[int]),
    int | str | None,
    typing.TypedDict("Card", {"number": int, "note": typing.NotRequired[str]}),
]  # fmt: skip


@pytest.mark.parametrize("annotation", TYPES, ids=lambda kind: str(getattr(kind, "__name__", kind))[:40])
def test_walks_are_values_of_the_type(annotation) -> None:
    """Random walks have no dead end, and the type's own validator takes what they write."""
    reader = TypeReader(annotation)
    compiled = from_type(annotation).compile(BYTES)
    source = random.Random(str(annotation))
    for _ in range(5):
        text = walk(compiled.matcher(), source, num_free=24, num_checked=1)
        reader.parse(text)


@pytest.mark.parametrize("annotation", [object(), lambda *rest: None, type("Opaque", (), {})])
def test_what_has_no_json_is_refused(annotation) -> None:
    """Types without a JSON form, and functions without named parameters, are named."""
    with pytest.raises(GrammarError):
        from_type(annotation)
