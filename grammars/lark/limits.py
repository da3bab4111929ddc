"""Refuse Lark grammars that ``lark`` would write out into more alternatives than anybody can read.

``lark`` expands options, inner choices and short repetitions into alternatives before we see any rule: sixty optional
items in a row become 2 ** 60 of them, and a template that hands itself larger arguments never ends. Input: what
``lark`` loaded. Output: nothing, or `LimitError`. Cost: one visit per node.
"""

from __future__ import annotations

from typing import Any

from fsm.errors import LimitError

__all__ = ["MAX_ALTERNATIVES", "MAX_GRAMMAR_SIZE", "check_alternatives", "check_size", "make_depth_error"]

MAX_GRAMMAR_SIZE = 100_000
MAX_ALTERNATIVES = 10_000
_WRITTEN_OUT = 50
"""Shorter repetitions are written out by ``lark``."""


def check_size(text: str) -> None:
    """Refuse a text that takes long to read.

    Raises
    ------
    LimitError : it has more than ``MAX_GRAMMAR_SIZE`` characters.
    """
    if len(text) > MAX_GRAMMAR_SIZE:
        raise LimitError(
            f"lark: got {len(text)} characters, expected at most {MAX_GRAMMAR_SIZE} (limit MAX_GRAMMAR_SIZE of "
            "grammars.lark.limits); give long lists of texts as choice(texts), or raise the limit"
        )


def check_alternatives(rule_defs: list[Any]) -> None:
    """Refuse rules whose alternatives, written out, are too many, and templates that use themselves without end.

    rule_defs : name, parameters, tree and options of each rule.

    Raises
    ------
    LimitError : a rule has more than ``MAX_ALTERNATIVES``, or a template grows.
    """
    for name, _, tree, _ in rule_defs:
        count = _count(tree)
        if count > MAX_ALTERNATIVES:
            shown = count if count < 10**9 else "more than 10**9"
            raise LimitError(
                f"lark: rule {str(name)!r} stands for {shown} alternatives, expected at most {MAX_ALTERNATIVES} (limit "
                "MAX_ALTERNATIVES of grammars.lark.limits); give optional and repeated parts rules of their own"
            )
    _check_templates({str(name): tree for name, parameters, tree, _ in rule_defs if parameters})


def make_depth_error() -> LimitError:
    """Return the error for what is nested deeper than Python's stack allows."""
    return LimitError(
        "lark: the grammar is nested too deep for Python's stack; give inner parts rules of their own, or raise "
        "sys.setrecursionlimit"
    )


def _count(node: Any) -> int:
    """Count the alternatives of a part of a rule, as ``lark`` writes them out."""
    kind: str | None = getattr(node, "data", None)
    parts: Any = getattr(node, "children", ())
    if kind == "expansions":
        return sum(map(_count, parts))
    if kind == "expansion":
        product = 1
        for part in parts:
            product = min(product * _count(part), 10**9)
        return product
    if kind == "maybe":
        return _count(parts[0]) + 1
    if kind == "expr":
        body, operator, *bounds = parts
        return _count_repeated(body, operator, bounds)
    if kind in ("alias", "value"):
        return _count(parts[0])
    return 1


def _count_repeated(body: Any, operator: str, bounds: list[str]) -> int:
    if operator == "+":
        return 1
    if operator == "*":
        return 2
    inner = _count(body)
    if operator == "?":
        return inner + 1
    least, most = int(bounds[0]), int(bounds[-1])
    if most >= _WRITTEN_OUT:
        return inner
    total = 0
    for times in range(least, most + 1):
        total = min(total + inner**times, 10**9)
    return total


def _check_templates(trees: dict[str, Any]) -> None:
    """Refuse a circle of templates on which an argument grows: each round would make another template."""
    uses = {name: list(_uses(tree, set(trees))) for name, tree in trees.items()}
    for name, found in uses.items():
        for used, grows in found:
            if grows and name in _reached(used, uses):
                raise LimitError(
                    f"lark: template {name!r} uses itself with arguments that hold templates, which never ends; pass "
                    "its parameters on as they are"
                )


def _uses(node: Any, names: set[str]) -> list[tuple[str, bool]]:
    """List the templates that a tree uses, and whether with templates among the arguments."""
    found: list[tuple[str, bool]] = []
    for use in node.find_data("template_usage"):
        name = str(use.children[0].name)
        if name in names:
            arguments = use.children[1:]
            found.append((name, any(any(True for _ in one.find_data("template_usage")) for one in arguments)))
    return found


def _reached(start: str, uses: dict[str, list[tuple[str, bool]]]) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        for name, _ in uses[waiting.pop()]:
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached
