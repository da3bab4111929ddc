"""Write the format ``idn-hostname``: RFC 5890 names of U-labels, with the rules of RFC 5892 and RFC 5893.

Which code points are allowed is derived from the character database as RFC 5892 says. This is a subset; what it holds
is valid:

- labels in Punycode (``xn--...``) are left out, see ``formats_network.py``;
- a label must keep its Punycode form within 63 octets. That form depends on all characters at once, so labels are held
  to lengths that always fit (`_LABEL_SIZES`);
- a Katakana middle dot must stand beside a Hiragana, Katakana or Han character, not only in the same label;
- characters that may compose with the one before (NFC_Quick_Check=Maybe) are left out, so every name is in NFC.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from fsm.automata.expression import Expression, choice, repeat, sequence, symbols, text
from fsm.automata.expression_dfa import ExpressionDfa
from fsm.automata.ranges import Ranges, complement_ranges, subtract_ranges, union_ranges
from fsm.dfa import Dfa, complement, intersect, string_lengths, union
from grammars.regex import parse_regex, regex_dfa
from grammars.regex.properties import find_property

__all__ = ["find_valid_symbols", "make_idn_hostname"]

_DOTS = ".\u3002\uff0e\uff61"
_EXCEPTIONS_VALID = "\u00df\u03c2\u06fd\u06fe\u0f0b\u3007"
_CONTEXTUAL = "\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d" + "".join(
    chr(zero + digit) for zero in (0x0660, 0x06F0) for digit in range(10)
)
_DISALLOWED = "\u0640\u07fa\u302e\u302f\u3031\u3032\u3033\u3034\u3035\u303b"
_OLD_HANGUL = ((0x1100, 0x11FF), (0xA960, 0xA97C), (0xD7B0, 0xD7FB))
_IGNORABLE_BLOCKS = ((0x20D0, 0x20FF), (0x1D100, 0x1D1FF), (0x1D200, 0x1D24F))
_IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x20000, 0x2F7FF), (0x30000, 0x323AF))
_LAST_SEARCHED = 0x1FFFF
_JOINING = "[\u0628\u062a-\u062e\u0633-\u063a\u0641-\u0647\u0649\u064a\u0678-\u0687\u069a-\u06bf\u06cc]"
_JOINING_AFTER = "[\u0622-\u064a\u0671-\u06d3]"
# Sizes at which every label fits 63 octets in Punycode, where each other symbol takes at most 8 digits, or 4 within
# one small script: 4 ("xn--") + ASCII symbols + 1 + digits.
_LABEL_SIZES = "X{1,7}|A{0,13}N{1,4}A{0,13}|(?:A{0,6}N){1,4}A{0,2}|A{0,25}NA{0,25}"
_SMALL_SCRIPTS = "|".join(
    f"[{span}]{{1,13}}"
    for span in ("\u0370-\u03ff", "\u0400-\u047f", "\u0590-\u05ff", "\u0600-\u067f", "\u0e00-\u0e7f")
)


def make_idn_hostname() -> Dfa:
    """Return names of ASCII labels and U-labels, joined by any of the four dots."""
    return intersect(
        ExpressionDfa(_make_names()),
        complement(regex_dfa(_write_broken_context(), search=True)),
        _make_directions(),
        regex_dfa(_write_sizes()),
        string_lengths(1, 253),
    )


@lru_cache(maxsize=1)
def find_valid_symbols() -> Ranges:
    """Return the code points that RFC 5892 calls PVALID.

    Cost: about 0.1 s, once; ideographs are known to be stable and are not looked at one by one.
    """
    found = [*_IDEOGRAPHS]
    category, normalize = unicodedata.category, unicodedata.normalize
    ignorable = _expand("Default_Ignorable_Code_Point") | _expand("White_Space") | _expand("Noncharacter_Code_Point")
    for code in range(0x80, _LAST_SEARCHED):
        symbol = chr(code)
        if code in ignorable or category(symbol) not in ("Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc"):
            continue
        folded = normalize("NFKC", normalize("NFKC", symbol).casefold())
        if folded == symbol:
            found.append((code, code))
    assigned = subtract_ranges(union_ranges(found), find_property("Cn") or ())
    removed = [*_OLD_HANGUL, *_IGNORABLE_BLOCKS, *_singles(_DISALLOWED), *_singles(_CONTEXTUAL)]
    valid = subtract_ranges(assigned, union_ranges(removed))
    return union_ranges([*valid, *_singles(_EXCEPTIONS_VALID), (0x2D, 0x2D), (0x30, 0x39), (0x61, 0x7A)])


def _make_names() -> Expression:
    """Return labels of allowed symbols in canonical order that start with no mark and have hyphens only inside."""
    allowed = subtract_ranges(union_ranges([*find_valid_symbols(), *_singles(_CONTEXTUAL)]), _find_composing())
    marks = _find_combining()
    hyphen = ((0x2D, 0x2D),)
    starters = subtract_ranges(allowed, union_ranges([pair for ranges in marks.values() for pair in ranges]))
    all_marks = [find_property(name) or () for name in ("Mn", "Mc", "Me")]
    first = subtract_ranges(starters, union_ranges([*hyphen, *[pair for ranges in all_marks for pair in ranges]]))
    plain = subtract_ranges(starters, hyphen)
    in_order = sequence([repeat(symbols(ranges), 0, None) for _, ranges in sorted(marks.items())])
    cluster = sequence([symbols(plain), in_order])
    more = repeat(sequence([repeat(text("-"), 0, None), cluster]), 0, None)
    ascii_label = parse_regex("[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?")
    label = choice([sequence([symbols(first), in_order, more]), ascii_label])
    return sequence([label, repeat(sequence([parse_regex(f"[{_DOTS}]"), label]), 0, None)])


def _write_broken_context() -> str:
    """Return a pattern that finds a contextual symbol out of its context, or a reserved ``--``."""
    greek, hebrew = _write("Script=Greek"), _write("Script=Hebrew")
    kana = "".join([_write(f"Script={name}") for name in ("Hiragana", "Katakana", "Han")])
    virama = "".join([chr(code) for code, combining in _iterate_combining() if combining == 9])
    edge = f"[{_DOTS}]"
    return "|".join(
        [
            f"(?:^|{edge})[^{_DOTS}]{{2}}--",
            "(?:^|[^l])\u00b7|\u00b7(?:[^l]|$)",
            f"\u0375(?:[^{greek}]|$)",
            f"(?:^|[^{hebrew}])[\u05f3\u05f4]",
            f"(?:^|[^{kana}])\u30fb(?:[^{kana}]|$)",
            f"[\u0660-\u0669][^{_DOTS}]*[\u06f0-\u06f9]|[\u06f0-\u06f9][^{_DOTS}]*[\u0660-\u0669]",
            f"(?:^|[^{virama}])\u200d",
            f"(?:^|[^{virama}{_JOINING[1:-1]}])\u200c|{_JOINING}\u200c(?:[^{_JOINING_AFTER[1:-1]}]|$)",
        ]
    )


def _make_directions() -> Dfa:
    """Return the names that keep RFC 5893: none with right-to-left symbols, or all labels fit one direction each."""
    kinds = _find_directions()
    right = (*kinds["R"], *kinds["AL"])
    digits, arabic = kinds["EN"], kinds["AN"]
    neutral = [pair for name in ("ES", "CS", "ET", "ON", "BN") for pair in kinds.get(name, ())]
    options = [
        _make_direction(right, (*right, *digits), neutral, kinds["NSM"]),
        _make_direction(right, (*right, *arabic), neutral, kinds["NSM"]),
        _make_direction(kinds["L"], (*kinds["L"], *digits), neutral, kinds["NSM"]),
    ]
    label = choice(options)
    names = sequence([label, repeat(sequence([parse_regex(f"[{_DOTS}]"), label]), 0, None)])
    without = repeat(symbols(complement_ranges(union_ranges([*right, *arabic]))), 0, None)
    return union(ExpressionDfa(without), ExpressionDfa(names))


def _make_direction(first: Ranges, strong: Ranges, neutral: list[tuple[int, int]], marks: Ranges) -> Expression:
    """Return a label that starts with ``first`` and ends with ``strong``, then marks."""
    inside = repeat(symbols(union_ranges([*strong, *neutral, *marks])), 0, None)
    more = repeat(sequence([inside, symbols(union_ranges(strong))]), 0, 1)
    return sequence([symbols(union_ranges(first)), more, repeat(symbols(marks), 0, None)])


def _write_sizes() -> str:
    ascii_label = "[!-\\-/-~]{1,63}"
    sizes = _LABEL_SIZES.replace("A", "[!-\\-/-~]").replace("N", f"[^!-~{_DOTS}]").replace("X", f"[^{_DOTS}]")
    label = f"(?:{ascii_label}|{sizes}|{_SMALL_SCRIPTS})"
    short = f"[^{_DOTS}]{{1,7}}"
    dot = f"[{_DOTS}]"
    return "|".join(
        [
            f"{ascii_label}(?:{dot}{ascii_label})*",
            f"{label}(?:{dot}{label}){{0,2}}",
            f"{short}(?:{dot}{short}){{0,3}}",
        ]
    )


def _find_composing() -> Ranges:
    """Return the symbols that may compose with the one before."""
    return _find_canonical()[0]


def _find_combining() -> dict[int, Ranges]:
    """Return the allowed symbols of each combining class but 0."""
    allowed = subtract_ranges(find_valid_symbols(), _find_composing())
    found: dict[int, list[tuple[int, int]]] = {}
    for first, last in allowed:
        for code in range(first, last + 1):
            combining = unicodedata.combining(chr(code))
            if combining:
                found.setdefault(combining, []).append((code, code))
    return {combining: union_ranges(ranges) for combining, ranges in found.items()}


@lru_cache(maxsize=1)
def _find_canonical() -> tuple[Ranges, int]:
    found: list[tuple[int, int]] = []
    for code in range(0xC0, _LAST_SEARCHED):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            second = int(parts[1], 16)
            found.append((second, second))
    return union_ranges(found), len(found)


def _iterate_combining() -> list[tuple[int, int]]:
    return [
        (code, unicodedata.combining(chr(code)))
        for first, last in find_valid_symbols()
        if last - first < 0x1000
        for code in range(first, last + 1)
    ]


def _find_directions() -> dict[str, Ranges]:
    found: dict[str, list[tuple[int, int]]] = {}
    for first, last in union_ranges([*find_valid_symbols(), *_singles(_CONTEXTUAL), (0x41, 0x5A)]):
        if last - first >= 0x1000:
            found.setdefault("L", []).append((first, last))
            continue
        for code in range(first, last + 1):
            found.setdefault(unicodedata.bidirectional(chr(code)), []).append((code, code))
    return {name: union_ranges(ranges) for name, ranges in found.items()}


def _expand(name: str) -> set[int]:
    return {code for first, last in find_property(name) or () for code in range(first, last + 1)}


def _singles(members: str) -> list[tuple[int, int]]:
    return [(ord(member), ord(member)) for member in members]


def _write(name: str) -> str:
    return _write_ranges(find_property(name) or ())


def _write_ranges(ranges: Ranges) -> str:
    """Return ranges as the inside of a character class."""
    return "".join([f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges])
