"""Run every string of the official suite's format files through the automaton of its format."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import random
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import idna
import jsonschema
import pytest

from fsm.dfa import Dfa, shortest_string
from grammars.json_schema.formats import FORMATS, format_dfa
from grammars.regex import parse_regex

DRAFTS = ("draft7", "draft2020-12")

# Valid texts of the suite that the automata leave out: format, what they have in common, and why.
# Nothing invalid is ever accepted.
LEFT_OUT = [
    ("regex", r"\\k<", "a back-reference must name an existing group: names are not regular"),
    (
        "hostname",
        r"(?:^|\.)xn--",
        "Punycode must decode to an allowed name: no automaton of reasonable size checks that",
    ),
    ("idn-hostname", r"(?:^|\.)xn--", "the same"),
    ("idn-hostname", r"[\u0370-\u03ff]{14}", "long labels may not fit 63 octets in Punycode, so all are left out"),
]


def iterate_cases(directory: Path, draft: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (format, text, whether it is valid) for every string of the suite."""
    for path in sorted((directory / "json-schema-test-suite" / "tests" / draft / "optional" / "format").glob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            for case in group["tests"]:
                if isinstance(case["data"], str):
                    yield group["schema"]["format"], case["data"], case["valid"]


@pytest.mark.parametrize("draft", DRAFTS)
def test_formats_agree_with_the_official_suite(data_directory: Path, draft: str) -> None:
    """Every string is judged as the suite judges it, but for the listed ones."""
    wrong: list[str] = []
    compared = 0
    for name, text, is_valid in iterate_cases(data_directory, draft):
        dfa = format_dfa(name, draft)
        is_accepted = dfa is None or dfa.accepts(text)
        compared += 1
        if is_accepted is not is_valid and (is_accepted or not is_left_out(name, text)):
            wrong.append(f"{name}: {text!r} is {'valid' if is_valid else 'invalid'}")
    assert wrong == []
    assert compared > 300


def is_left_out(name: str, text: str) -> bool:
    """Tell whether a valid text is listed as left out."""
    return any(name == listed and re.search(pattern, text) for listed, pattern, _ in LEFT_OUT)


def walk(dfa: Dfa, source: random.Random, *, max_length: int) -> str:
    """Return a random accepted text."""
    state, text = dfa.start, ""
    while not dfa.is_accepting(state) or (source.random() < 0.8 and dfa.edges(state)):
        edges = dfa.edges(state)
        if len(text) > max_length:
            edges = tuple(edge for edge in edges if dfa.shortest(edge[2]) < dfa.shortest(state)) or edges
            if dfa.is_accepting(state):
                break
        first, last, state = source.choice(edges)
        text += chr(source.randint(first, min(last, first + 300)))
    return text


def check_pattern(text: str) -> None:
    """Raise if the pattern cannot be read."""
    parse_regex(text, "ecma")


def check_idn_hostname(text: str) -> None:
    """Raise if a label, or the name in Punycode, breaks a rule that idna checks."""
    idna.encode(text)


def check_by_jsonschema(name: str) -> Callable[[str], None]:
    """Return the check of the jsonschema package; it checks nothing where a library is missing."""
    return lambda text: jsonschema.Draft202012Validator.FORMAT_CHECKER.check(text, name)


ORACLES: dict[str, Callable[[str], object]] = {
    "date": dt.date.fromisoformat,
    "idn-hostname": check_idn_hostname,
    "iri": lambda text: check_by_jsonschema("iri")(re.sub("[\U00010000-\U0010ffff]", "\u00e9", text)),
    "iri-reference": lambda text: check_by_jsonschema("iri-reference")(
        re.sub("[\U00010000-\U0010ffff]", "\u00e9", text)
    ),
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "regex": check_pattern,
    # The libraries refuse valid texts: digits after a zero, names that start with "%", symbols above U+FFFF.
    "relative-json-pointer": re.compile(r"(0|[1-9]\d*)(#|(/([^/~]|~[01])*)*)", re.ASCII).fullmatch,
    "uri-template": lambda text: check_by_jsonschema("uri-template")(re.sub("%[0-9A-Fa-f]{2}", "x", text)),
    "uuid": uuid.UUID,
}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_random_texts_of_a_format_satisfy_another_implementation(name: str) -> None:
    """Walks through the automaton end in texts that a library, or the regex parser, accepts."""
    dfa = format_dfa(name)
    assert dfa is not None
    source = random.Random(8)
    oracle = ORACLES.get(name, check_by_jsonschema(name))
    for _ in range(200):
        text = walk(dfa, source, max_length=24)
        assert dfa.accepts(text)
        if ":60" not in text or name not in ("time", "date-time"):
            assert oracle(text) is not False


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_formats_have_an_example(name: str) -> None:
    """The shortest text is accepted."""
    dfa = format_dfa(name)
    assert dfa is not None
    shortest = shortest_string(dfa)
    assert shortest is not None
    assert dfa.accepts(shortest)


def test_leap_days_agree_with_the_calendar() -> None:
    """Every day of every year from 1 to 9999 at the end of February, and the ends of all months of four years."""
    dfa = format_dfa("date")
    assert dfa is not None
    for year in range(1, 10_000):
        is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        assert dfa.accepts(f"{year:04}-02-29") is is_leap
    for year in (1900, 2000, 2023, 2024):
        for month in range(1, 13):
            last = (dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)).day
            assert dfa.accepts(f"{year}-{month:02}-{last}")
            assert not dfa.accepts(f"{year}-{month:02}-{last + 1}")


def test_leap_seconds_are_at_2359_utc() -> None:
    """For every offset exactly the local minute that is 23:59 UTC may have a second 60."""
    dfa = format_dfa("time")
    assert dfa is not None
    source = random.Random(9)
    for offset in range(-1439, 1440, 7):
        sign, size = ("-", -offset) if offset < 0 else ("+", offset)
        zone = f"{sign}{size // 60:02}:{size % 60:02}"
        local = (1439 + offset) % 1440
        assert dfa.accepts(f"{local // 60:02}:{local % 60:02}:60{zone}")
        other = (local + source.randint(1, 1439)) % 1440
        assert not dfa.accepts(f"{other // 60:02}:{other % 60:02}:60{zone}")
        assert dfa.accepts(f"{other // 60:02}:{other % 60:02}:59.9{zone}")


def test_unknown_formats_are_annotations() -> None:
    """No automaton, so nothing is asserted."""
    assert format_dfa("colour") is None


def test_formats_are_shared() -> None:
    """Every schema with a format uses the same automaton."""
    assert format_dfa("uri") is format_dfa("uri")
