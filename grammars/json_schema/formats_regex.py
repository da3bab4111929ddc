r"""Write the format ``regex``: ECMA-262 patterns with the ``u`` flag, as far as a finite automaton can tell.

The grammar of patterns nests and compares numbers and names, so this is a subset, and every member of it is valid:

- groups nest at most `MAX_DEPTH` deep;
- at most one group has a name; there are no back-references (which must name an existing group);
- in a class, ranges join two printable ASCII characters (``[a-z]``) or two hexadecimal escapes whose first digits
  differ; the least count of ``{m,n}`` is below 100, or has fewer digits than the most;
- ``\p{...}`` takes general categories and a few scripts; there is no ``\0``, which no digit may follow.
"""

from __future__ import annotations

import re
from functools import lru_cache

from fsm.automata.expression import NOTHING, Expression, choice, repeat, sequence, text
from grammars.regex import parse_regex

__all__ = ["MAX_DEPTH", "make_regex"]

MAX_DEPTH = 12

_CATEGORIES = "(?:C[cfnos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)"
_SCRIPTS = "(?:Arabic|Cyrillic|Greek|Han|Hangul|Hebrew|Hiragana|Katakana|Latin|Thai)"
_HEX_CODE = r"u[0-9A-Fa-f]{4}|u\{0*(?:[0-9A-Fa-f]{1,5}|10[0-9A-Fa-f]{4})\}|x[0-9A-Fa-f]{2}"
_ESCAPE = (
    rf"\\(?:[dDwWsStnvfr^$\\.*+?()\[\]{{}}|/]|c[A-Za-z]|{_HEX_CODE}"
    rf"|[pP]\{{(?:{_CATEGORIES}|(?:gc|General_Category)={_CATEGORIES}|(?:sc|Script|scx|Script_Extensions)={_SCRIPTS})\}})"
)
_PRINTABLE = [symbol for symbol in map(chr, range(0x20, 0x7F)) if symbol not in "\\]-["]


def make_regex() -> Expression:
    """Return the valid patterns described at the top of this module."""
    plain, named = NOTHING, NOTHING
    for _ in range(MAX_DEPTH + 1):
        plain, named = _nest(plain, named)
    return choice([plain, named])


def _nest(plain: Expression, named: Expression) -> tuple[Expression, Expression]:
    """Return patterns one group deeper: those without a named group, and those with exactly one."""
    close = text(")")
    quantifier = repeat(_make_quantifier(), 0, 1)
    group, look = parse_regex(r"\((?:\?:)?"), parse_regex(r"\(\?(?:<?[=!])")
    name = parse_regex(r"\(\?<[A-Za-z_$][0-9A-Za-z_$]*>")
    term = choice(
        [
            sequence([_make_atom(), quantifier]),
            parse_regex(r"\^|\$|\\[bB]"),
            sequence([group, plain, close, quantifier]),
            sequence([look, plain, close]),
        ]
    )
    named_term = choice(
        [
            sequence([name, plain, close, quantifier]),
            sequence([group, named, close, quantifier]),
            sequence([look, named, close]),
        ]
    )
    any_terms = repeat(term, 0, None)
    more = repeat(sequence([text("|"), any_terms]), 0, None)
    without = sequence([any_terms, more])
    before = repeat(sequence([any_terms, text("|")]), 0, None)
    return without, sequence([before, any_terms, named_term, without])


@lru_cache(maxsize=1)
def _make_atom() -> Expression:
    """Return one character, escape or class."""
    first = r"[^\\^$.*+?()\[\]{}|/\ud800-\udfff]|[./]"
    return choice([parse_regex(first), _make_escape(), _make_class()])


@lru_cache(maxsize=1)
def _make_escape() -> Expression:
    return parse_regex(_ESCAPE)


@lru_cache(maxsize=1)
def _make_class() -> Expression:
    ranges = choice(
        [
            sequence([text(first), text("-"), parse_regex(_write_class(_PRINTABLE[place:]))])
            for place, first in enumerate(_PRINTABLE)
        ]
        + [parse_regex(_write_hex_range(nibble)) for nibble in range(15)]
    )
    single = choice([parse_regex(r"[^\\\]\[\-\ud800-\udfff]|\\-"), _make_escape()])
    # After a range, "-" stands for itself, unless a second one would make it the start of a range.
    member = choice([ranges, sequence([ranges, text("-"), choice([single, ranges])]), single])
    return sequence([parse_regex(r"\[\^?-?"), repeat(member, 0, None), parse_regex("-?]")])


def _write_hex_range(nibble: int) -> str:
    r"""Return a pattern of ranges of two ``\xHH``, or two ``\uHHHH``, whose first digits are in order."""
    digit, low, high = "[0-9A-Fa-f]", f"[{nibble:x}{nibble:X}]", "".join([f"{n:x}{n:X}" for n in range(nibble + 1, 16)])
    two = rf"\\x{low}{digit}-\\x[{high}]{digit}"
    if nibble == 0xD:
        return two
    # Surrogates would join with a neighbour into one symbol.
    return rf"{two}|\\u{low}{digit}{{3}}-\\u[{high.replace('dD', '')}]{digit}{{3}}"


def _write_class(members: list[str]) -> str:
    return "[" + "".join(map(re.escape, members)) + "]"


@lru_cache(maxsize=1)
def _make_quantifier() -> Expression:
    bounded = [parse_regex(f"{least},{_write_at_least(least)}") for least in range(100)]
    longer = [parse_regex(f"[1-9][0-9]{{{size - 1}}},[1-9][0-9]{{{size},7}}") for size in (3, 4)]
    counts = choice([parse_regex("(?:0|[1-9][0-9]*),?"), *bounded, *longer])
    return sequence([choice([parse_regex("[*+?]"), sequence([text("{"), counts, text("}")])]), parse_regex(r"\??")])


def _write_at_least(least: int) -> str:
    """Return a pattern of the numbers from ``least`` (below 100) to 99999999."""
    options = ["[1-9][0-9]{2,7}"]
    tens, units = divmod(least, 10)
    if tens == 0:
        options += [f"[{units}-9]", "[1-9][0-9]"]
    else:
        options.append(f"{tens}[{units}-9]")
        if tens < 9:
            options.append(f"[{tens + 1}-9][0-9]")
    return f"(?:{'|'.join(options)})"
