"""Name the patterns people ask for most; each is a grammar of plain text, made when first used.

    COUNTRY, COUNTRY_ALPHA_3        ISO 3166-1 codes, in capitals
    DATE, TIME, DATE_TIME, DURATION RFC 3339 (a date is one of the calendar: no 30th of February)
    EMAIL                           a mailbox in its everyday form: dot-atom, at most 64 characters, at a domain of at
                                    least two labels; the quoted and bracketed forms of RFC 5321 are left out
    HOSTNAME                        RFC 1123
    IPV4, IPV6, IP                  dotted decimal; RFC 4291's text forms; either
    ISBN, ISBN_10, ISBN_13          ISO 2108 with its check digit, without hyphens or with all of them
    SEMANTIC_VERSION                semver.org 2.0.0
    URL                             http and https (RFC 3986), without user information
    UUID                            RFC 9562, in either case

Examples
--------
>>> from grammars import patterns
>>> patterns.ISBN.dfa.accepts("978-0-306-40615-7"), patterns.ISBN.dfa.accepts("978-0-306-40615-8")
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from fsm.dfa import Dfa, intersect, literals, string_lengths, union
from grammars.check_digits import IsbnDfa
from grammars.country_codes import ALPHA_2, ALPHA_3
from grammars.json_schema.formats import format_dfa
from grammars.json_schema.formats_network import IPV4 as IPV4_PATTERN
from grammars.json_schema.formats_network import IPV6 as IPV6_PATTERN
from grammars.regex import regex_dfa
from grammars.regular import RegularGrammar

__all__ = [
    "COUNTRY",
    "COUNTRY_ALPHA_3",
    "DATE",
    "DATE_TIME",
    "DURATION",
    "EMAIL",
    "HOSTNAME",
    "IP",
    "IPV4",
    "IPV6",
    "ISBN",
    "ISBN_10",
    "ISBN_13",
    "SEMANTIC_VERSION",
    "TIME",
    "URL",
    "UUID",
]

COUNTRY: RegularGrammar
COUNTRY_ALPHA_3: RegularGrammar
DATE: RegularGrammar
DATE_TIME: RegularGrammar
DURATION: RegularGrammar
EMAIL: RegularGrammar
HOSTNAME: RegularGrammar
IP: RegularGrammar
IPV4: RegularGrammar
IPV6: RegularGrammar
ISBN: RegularGrammar
ISBN_10: RegularGrammar
ISBN_13: RegularGrammar
SEMANTIC_VERSION: RegularGrammar
TIME: RegularGrammar
URL: RegularGrammar
UUID: RegularGrammar

_LABEL = "[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_NUMBER = "(?:0|[1-9][0-9]*)"
_SYMBOL = "(?:[0-9A-Za-z._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"


def _format(name: str) -> Dfa:
    dfa = format_dfa(name)
    assert dfa is not None
    return dfa


def _email() -> Dfa:
    atom = "[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+"
    mailbox = regex_dfa(rf"{atom}(?:\.{atom})*@{_LABEL}(?:\.{_LABEL})*\.[A-Za-z](?:[0-9A-Za-z-]{{0,61}}[0-9A-Za-z])")
    return intersect(mailbox, regex_dfa("[ -~]{1,64}@[!-?A-~]{1,253}"), string_lengths(6, 254))


def _semantic_version() -> Dfa:
    part = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
    build = "[0-9A-Za-z-]+"
    return regex_dfa(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{part}(?:\.{part})*)?(?:\+{build}(?:\.{build})*)?")


def _url() -> Dfa:
    port = "(?::(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}|0))?"
    host = rf"(?:{_DOMAIN}|\[{IPV6_PATTERN}\])"
    rest = rf"(?:/{_SYMBOL}*)*(?:\?(?:[/?]|{_SYMBOL})*)?(?:#(?:[/?]|{_SYMBOL})*)?"
    return regex_dfa(f"https?://{host}{port}{rest}")


_MAKERS: dict[str, Callable[[], Dfa]] = {
    "COUNTRY": lambda: literals(ALPHA_2),
    "COUNTRY_ALPHA_3": lambda: literals(ALPHA_3),
    "DATE": lambda: _format("date"),
    "DATE_TIME": lambda: _format("date-time"),
    "DURATION": lambda: _format("duration"),
    "EMAIL": _email,
    "HOSTNAME": lambda: _format("hostname"),
    "IP": lambda: regex_dfa(f"{IPV4_PATTERN}|{IPV6_PATTERN}"),
    "IPV4": lambda: regex_dfa(IPV4_PATTERN),
    "IPV6": lambda: regex_dfa(IPV6_PATTERN),
    "ISBN": lambda: union(IsbnDfa(10), IsbnDfa(13)),
    "ISBN_10": lambda: IsbnDfa(10),
    "ISBN_13": lambda: IsbnDfa(13),
    "SEMANTIC_VERSION": _semantic_version,
    "TIME": lambda: _format("time"),
    "URL": _url,
    "UUID": lambda: _format("uuid"),
}


def __getattr__(name: str) -> RegularGrammar:
    """Make a pattern when it is first asked for."""
    if name not in _MAKERS:
        raise AttributeError(f"module 'grammars.patterns' has no pattern {name!r}; it offers {', '.join(__all__)}")
    return _make(name)


@lru_cache(maxsize=64)
def _make(name: str) -> RegularGrammar:
    return RegularGrammar(_MAKERS[name](), f"patterns.{name}")
