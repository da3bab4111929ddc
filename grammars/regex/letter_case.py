"""Close symbol sets under letter case, as Python's ``re.IGNORECASE`` and ECMA's ``i`` with ``u`` do."""

from __future__ import annotations

from functools import lru_cache

from fsm.automata.ranges import Ranges, union_ranges

__all__ = ["close_under_case"]

_BLOCKS = (
    range(0x41, 0x5B),
    range(0x61, 0x7B),
    range(0xB5, 0x590),
    range(0x10A0, 0x1400),
    range(0x1C80, 0x1CC0),
    range(0x1D79, 0x2000),
    range(0x2126, 0x2190),
    range(0x24B6, 0x24EA),
    range(0x2C00, 0x2E00),
    range(0xA640, 0xAC00),
    range(0xFB00, 0xFB18),
    range(0xFF21, 0xFF5B),
    range(0x10400, 0x10600),
    range(0x10C80, 0x10D90),
    range(0x118A0, 0x118E0),
    range(0x16E40, 0x16EE0),
    range(0x1E900, 0x1E944),
)


def close_under_case(ranges: Ranges, *, is_ecma: bool, is_ascii: bool = False) -> Ranges:
    """Return ``ranges`` and every symbol that differs from one of them only in case.

    Examples
    --------
    >>> close_under_case(((0x61, 0x61),), is_ecma=True)
    ((65, 65), (97, 97))
    """
    variants = _find_variants(is_ecma=is_ecma, is_ascii=is_ascii)
    if sum(last - first for first, last in ranges) < len(variants):
        members = [symbol for first, last in ranges for symbol in range(first, last + 1)]
        found = [code for symbol in members for code in variants.get(symbol, ())]
    else:
        found = [code for symbol, codes in variants.items() if _is_within(ranges, symbol) for code in codes]
    return union_ranges([*ranges, *[(code, code) for code in found]])


def _is_within(ranges: Ranges, symbol: int) -> bool:
    return any(first <= symbol <= last for first, last in ranges)


@lru_cache(maxsize=4)
def _find_variants(*, is_ecma: bool, is_ascii: bool) -> dict[int, tuple[int, ...]]:
    """Return, for each cased symbol, all symbols of its class. Cost: a few milliseconds, once."""
    blocks = _BLOCKS[:2] if is_ascii else _BLOCKS
    parents: dict[object, object] = {}
    for block in blocks:
        for code in block:
            for form in _find_forms(chr(code), is_ecma=is_ecma):
                _join(parents, code, form)
    classes: dict[object, list[int]] = {}
    for block in blocks:
        for code in block:
            classes.setdefault(_find_root(parents, code), []).append(code)
    return {code: tuple(codes) for codes in classes.values() if len(codes) > 1 for code in codes}


def _find_forms(symbol: str, *, is_ecma: bool) -> tuple[str, ...]:
    if is_ecma:
        return (symbol.casefold(),)
    # U+0130 is the one symbol whose simple lower case, which Python's re uses, str.lower() does not give.
    return ("i" if symbol == "\u0130" else symbol.lower(), f"upper {symbol.upper()}")


def _join(parents: dict[object, object], left: object, right: object) -> None:
    left, right = _find_root(parents, left), _find_root(parents, right)
    if left != right:
        parents[left] = right


def _find_root(parents: dict[object, object], item: object) -> object:
    while item in parents:
        item = parents[item]
    return item
