"""Draw the facts of a person, a product or an event, and write and judge their JSON.

A record's fields come in schema order. A fact is a field's JSON literal; a slot is the text that a
sentence shows for it, which may differ: ``12 March 2025`` for ``"2025-03-12"``, ``$5`` for ``5`` and ``"USD"``.
"""

from __future__ import annotations

import calendar
import datetime as dt
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from guidance.embedded.names import NamePool

__all__ = ["KINDS", "RECORD_TYPES", "Event", "Facts", "Person", "Product", "draw_facts", "is_right", "write_json"]

Kind = Literal["person", "product", "event"]
KINDS: tuple[Kind, ...] = ("person", "product", "event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who a sentence is about."""

    name: str
    age: int
    city: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What a sentence offers for sale."""

    name: str
    price: float
    currency: Literal["EUR", "USD", "GBP"]
    in_stock: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a sentence announces."""

    title: str
    date: dt.date
    place: str


RECORD_TYPES: Mapping[Kind, type[Person | Product | Event]] = {
    "person": Person,
    "product": Product,
    "event": Event,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Hold what one sentence says.

    fields : field name -> JSON literal, in schema order
    slots  : slot name -> text shown in the sentence
    """

    kind: Kind
    fields: Mapping[str, str]
    slots: Mapping[str, str]


def draw_facts(kind: Kind, names: NamePool, rng: random.Random) -> Facts:
    """Draw the facts of one record.

    Examples
    --------
    >>> from guidance.embedded.names import training_names
    >>> list(draw_facts("person", training_names(), random.Random(0)).fields)
    ['name', 'age', 'city']
    """
    return _DRAW[kind](names, rng)


def write_json(fields: Mapping[str, str]) -> str:
    """Write a record as ``json.dumps`` would, keeping each literal as it is.

    Examples
    --------
    >>> write_json({"name": '"Ada"', "age": "36"})
    '{"name": "Ada", "age": 36}'
    """
    return "{" + ", ".join(f'"{name}": {literal}' for name, literal in fields.items()) + "}"


def is_right(answer: str, fields: Mapping[str, str]) -> bool:
    """Say whether the answer is JSON with exactly these fields and values (``19.50`` equals ``19.5``).

    Examples
    --------
    >>> is_right('{"age":36}', {"age": "36"}), is_right('{"age":"36"}', {"age": "36"}), is_right("{", {})
    (True, False, False)
    """
    try:
        found = json.loads(answer)
    except ValueError:
        return False
    expected = {name: json.loads(literal) for name, literal in fields.items()}
    if not isinstance(found, dict) or found.keys() != expected.keys():
        return False
    return all(_is_same(found[name], value) for name, value in expected.items())


def _is_same(found: object, expected: object) -> bool:
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    return found == expected


def _draw_person(names: NamePool, rng: random.Random) -> Facts:
    name, city, age = names.person(rng), names.city(rng), str(rng.randint(1, 104))
    return Facts(
        kind="person",
        fields={"name": _quoted(name), "age": age, "city": _quoted(city)},
        slots={"name": name, "age": age, "city": city},
    )


def _draw_product(names: NamePool, rng: random.Random) -> Facts:
    name, amount = names.product(rng), _draw_amount(rng)
    currency = rng.choice(("EUR", "USD", "GBP"))
    in_stock = rng.random() < 0.5
    return Facts(
        kind="product",
        fields={
            "name": _quoted(name),
            "price": amount,
            "currency": _quoted(currency),
            "in_stock": "true" if in_stock else "false",
        },
        slots={
            "name": name,
            "price": rng.choice(PRICE_STYLES[currency]).replace("#", amount),
            "stock": rng.choice(STOCK_WORDS[in_stock]),
        },
    )


def _draw_event(names: NamePool, rng: random.Random) -> Facts:
    title, place = names.event(rng), names.venue(rng)
    day = dt.date.fromordinal(rng.randint(_FIRST_DAY, _LAST_DAY))
    return Facts(
        kind="event",
        fields={"title": _quoted(title), "date": _quoted(day.isoformat()), "place": _quoted(place)},
        slots={"title": title, "date": _write_date(day, rng), "place": place},
    )


_DRAW: Mapping[Kind, Callable[[NamePool, random.Random], Facts]] = {
    "person": _draw_person,
    "product": _draw_product,
    "event": _draw_event,
}

_FIRST_DAY = dt.date(1990, 1, 1).toordinal()
_LAST_DAY = dt.date(2049, 12, 31).toordinal()
PRICE_STYLES: Mapping[str, Sequence[str]] = {
    "EUR": ("# euros", "# euros", "€#", "# €", "EUR #", "# EUR"),
    "USD": ("# dollars", "# dollars", "$#", "$#", "USD #", "# USD"),
    "GBP": ("# pounds", "# pounds", "£#", "£#", "GBP #", "# GBP"),
}
STOCK_WORDS: Mapping[bool, Sequence[str]] = {
    True: ("in stock", "available", "available now", "ready to ship", "on the shelf", "still here", "in store"),
    False: ("out of stock", "sold out", "not available", "unavailable", "no longer for sale", "gone", "not in stock"),
}


def _draw_amount(rng: random.Random) -> str:
    whole = rng.randint(1, 10 ** rng.choice((1, 2, 2, 3, 4)) - 1)
    if rng.random() < 0.4:
        return str(whole)
    cents = rng.choice(("99", "50", "95", f"{rng.randint(1, 99):02d}"))
    return f"{whole}.{cents}"


def _write_date(day: dt.date, rng: random.Random) -> str:
    month = calendar.month_name[day.month]
    style = rng.random()
    if style < 0.15:
        return day.isoformat()
    if style < 0.5:
        return f"{day.day} {month} {day.year}"
    if style < 0.75:
        return f"{month} {day.day}, {day.year}"
    if style < 0.85:
        return f"{day.day} {month[:3]} {day.year}"
    if style < 0.93:
        return f"the {_ordinal(day.day)} of {month} {day.year}"
    return f"{calendar.day_name[day.weekday()]}, {day.day} {month} {day.year}"


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
