"""Check the named patterns against outside judges: the standard library, jsonschema's formats, pycountry, checksums."""

from __future__ import annotations

import datetime as dt
import email.errors
import email.headerregistry
import ipaddress
import random
import re
import urllib.parse
import uuid
from collections.abc import Callable

import jsonschema
import pytest

from grammars import patterns
from tests.reference.walks import BYTES, walk


def _is_ip(version: int) -> Callable[[str], bool]:
    def judge(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version == version
        except ValueError:
            return False

    return judge


def _is_isbn(text: str) -> bool:
    """Follow ISO 2108's own rule for check digits."""
    digits = text.replace("-", "")
    if len(digits) == 10:
        values = [10 if digit == "X" else int(digit) for digit in digits]
        return sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True)) % 11 == 0
    return digits[:3] in {"978", "979"} and sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10 == 0


def _is_email(text: str) -> bool:
    try:
        address = email.headerregistry.Address(addr_spec=text)
    except (email.errors.HeaderParseError, ValueError):
        return False
    return address.addr_spec == text and "." in address.domain


def _is_url(text: str) -> bool:
    jsonschema.validate(text, {"format": "uri"}, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    parts = urllib.parse.urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 0) < 65536


def _is_format(name: str) -> Callable[[str], bool]:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return lambda text: checker.conforms(text, name)


# The expression that semver.org itself suggests.
_SEMANTIC_VERSION = re.compile(
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$",
    re.ASCII,
)

JUDGES: dict[str, Callable[[str], bool]] = {
    "DATE": lambda text: text[:4] == "0000" or bool(dt.date.fromisoformat(text)),
    # The judge knows neither small letters nor leap seconds, which RFC 3339 has.
    "DATE_TIME": lambda text: _is_format("date-time")(text.upper().replace(":60", ":59")),
    "EMAIL": _is_email,
    "HOSTNAME": _is_format("hostname"),
    "IP": lambda text: _is_ip(4)(text) or _is_ip(6)(text),
    "IPV4": _is_ip(4),
    "IPV6": _is_ip(6),
    "ISBN": _is_isbn,
    "ISBN_10": _is_isbn,
    "ISBN_13": _is_isbn,
    "SEMANTIC_VERSION": lambda text: bool(_SEMANTIC_VERSION.match(text)),
    "TIME": lambda text: _is_format("time")(text.upper().replace(":60", ":59")),
    "URL": _is_url,
    "UUID": lambda text: bool(uuid.UUID(text)),
}


@pytest.mark.parametrize("name", patterns.__all__)
def test_walks_meet_the_outside_judge(name: str) -> None:
    """Random walks have no dead end, and what they write is what the pattern's name says."""
    compiled = getattr(patterns, name).compile(BYTES)
    source = random.Random(name)
    for _ in range(6):
        text = walk(compiled.matcher(), source, num_checked=1)
        if name in JUDGES:
            assert JUDGES[name](text), text


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("EMAIL", "a@b.co first.last+tag@mail.example.org x_y@1a.net", "a@b @b.co a@.co a.@b.co a..b@c.de a@b.c "
         + "x" * 65 + "@b.co a@-b.co"),
        ("URL", "http://a https://example.org/a%20b?q=1&r#top http://[::1]:8080/ http://1.2.3.4",
         "ftp://a http:// http://a:65536 http://a/b%2 http://a_b http://[::1 //a http://-a"),
        ("ISBN", "9780306406157 978-0-306-40615-7 0306406152 0-306-40615-2 080442957X",
         "9780306406158 978-0306406157 977-0-306-40615-7 978-0-306-4061-57 0-306406152 08044295X7 -9780306406157"),
        ("COUNTRY", "DE US ZW AX", "DD de EU XX D UK"),
        ("COUNTRY_ALPHA_3", "DEU ZWE", "GER DE"),
        ("SEMANTIC_VERSION", "0.0.4 1.2.3-alpha.1+b.01 1.0.0--- 1.0.0+0 1.1.2-0a",
         "1 1.2 01.1.1 1.2.3-01 1.2.3- 1.2.3+ v1.2.3 1.2.3-a..b"),
        ("IPV4", "0.0.0.0 255.255.255.255", "256.0.0.1 1.2.3 1.2.3.4.5 01.2.3.4"),
        ("IPV6", ":: ::1 1::8 1:2:3:4:5:6:7:8 ::ffff:1.2.3.4", "1::2::3 :1 1:2:3:4:5:6:7 12345::"),
        ("IP", "1.2.3.4 ::1", "1.2.3 :::1"),
        ("UUID", "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"),
        ("DATE", "2024-02-29", "2023-02-29 2024-13-01 24-1-1"),
        ("TIME", "12:00:00Z 23:59:59.9+01:30", "24:00:00Z 12:00"),
        ("DATE_TIME", "2024-02-29T12:00:00Z", "2024-02-30T12:00:00Z"),
        ("DURATION", "P1D PT36H P4Y3M", "1D P PT"),
        ("HOSTNAME", "a a-b.c", "-a a_b a..b"),
    ],
)  # fmt: skip
def test_named_texts_are_told_apart(name: str, right: str, wrong: str) -> None:
    """Texts known to be right are accepted, texts known to be wrong are not."""
    dfa = getattr(patterns, name).dfa
    assert [text for text in right.split(" ") if not dfa.accepts(text)] == []
    assert [text for text in wrong.split(" ") if dfa.accepts(text)] == []


def test_isbn_accepts_one_check_digit_of_ten() -> None:
    """Of all ways to end a book's number, exactly one is accepted, the one that the checksum gives."""
    source = random.Random(0)
    for _ in range(300):
        body = "".join(source.choices("0123456789", k=9))
        assert [c for c in "0123456789X" if patterns.ISBN_10.dfa.accepts(body + c)] == [
            c for c in "0123456789X" if _is_isbn(body + c)
        ]
        body = source.choice(["978", "979"]) + body
        assert [c for c in "0123456789" if patterns.ISBN_13.dfa.accepts(body + c)] == [
            c for c in "0123456789" if _is_isbn(body + c)
        ]


def test_country_codes_are_those_of_the_register() -> None:
    """The codes are what pycountry lists."""
    pycountry = pytest.importorskip("pycountry", reason="pycountry comes with mistral-common")
    known = {country.alpha_2 for country in pycountry.countries}
    letters = [chr(code) for code in range(65, 91)]
    assert {a + b for a in letters for b in letters if patterns.COUNTRY.dfa.accepts(a + b)} == known
    assert all(patterns.COUNTRY_ALPHA_3.dfa.accepts(country.alpha_3) for country in pycountry.countries)


def test_an_unknown_pattern_is_named() -> None:
    """What there is is listed where a name is wrong."""
    with pytest.raises(AttributeError, match=r"no pattern 'MAIL'; it offers COUNTRY.*EMAIL"):
        _ = patterns.MAIL
