"""Find the repetitions that a grammar writes as rules that call themselves first, and write them as repetitions.

``many: item | many item`` is one item and any number after it, and a rule with and without ``many`` at one place has
any number there. So every time round leads to one place, which has one row and one mask.
"""

from __future__ import annotations

from collections.abc import Iterable

from grammars.context_free.rewriting import find_left_recursive, find_nullable, is_nullable, unused_name
from grammars.context_free.symbols import Alternative, Rules, Star, Symbol

__all__ = ["fold_repetitions"]


def fold_repetitions(rules: Rules) -> dict[str, list[Alternative]]:
    """Return equivalent rules.

    Examples
    --------
    >>> rules = {"list": [("item",), ("item", "more")], "more": [("item",), ("more", "item")], "item": []}
    >>> fold_repetitions(rules)["list"]
    [('item', Star(name='more again'))]
    """
    again: dict[Symbol, str] = {}
    plain = {name for group in find_left_recursive(rules) if len(group) == 1 for name in group}
    nullable = find_nullable(rules) if plain else set()
    for name in plain:
        repeated = _repeated(name, rules[name])
        if repeated and not any(is_nullable(one, nullable) for one in repeated):
            again[name] = unused_name(f"{name} again", rules)
    if not again:
        return {name: list(alternatives) for name, alternatives in rules.items()}
    folded: dict[str, list[Alternative]] = {}
    for name, alternatives in rules.items():
        if name in again:
            folded[name] = [(again[name], Star(again[name]))]
            folded[again[name]] = _folded(_repeated(name, alternatives), again)
        else:
            folded[name] = _folded(alternatives, again)
    return folded


def _repeated(name: str, alternatives: Iterable[Alternative]) -> list[Alternative]:
    """Return what a rule repeats once or more often and does nothing else; empty where it is no such rule."""
    once = [one for one in alternatives if name not in one]
    further = [one[1:] for one in alternatives if name in one]
    is_first = all(one[0] == name and name not in one[1:] for one in alternatives if name in one)
    return once if further and is_first and set(once) == set(further) else []


def _folded(alternatives: Iterable[Alternative], again: dict[Symbol, str]) -> list[Alternative]:
    """Join alternatives that differ in one repetition, which is there or not."""
    left = dict.fromkeys(alternatives)
    size = len(left) + 1
    while len(left) < size:
        size = len(left)
        for one in list(left):
            for place in [place for place, symbol in enumerate(one) if symbol in again]:
                without = (*one[:place], *one[place + 1 :])
                if one in left and without in left:
                    del left[one], left[without]
                    left[*one[:place], Star(again[one[place]]), *one[place + 1 :]] = None
    return list(left)
