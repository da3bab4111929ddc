"""Turn look-aheads into boolean operations where the whole rest of the text is known, so that no promise is kept.

Outside repetitions what follows a look-ahead is one language to the end of the text. ``(?=a)b`` is then what both ``a``
and any text, and ``b``, accept; ``(?!a)b`` is what is left of ``b`` without the former. The automaton of the two is
written back as an expression, so the result is plain, and the subset construction over continuations with its counters
serves it. Looks elsewhere are left to `fsm.automata.assertive_dfa`.

Cost: one product per look; its states are made when a text gets there.
"""

from __future__ import annotations

from fsm.automata.boolean_dfa import complement, intersect, union
from fsm.automata.dfa import Dfa
from fsm.automata.expression import (
    ANY_TEXT,
    EMPTY,
    END,
    NOTHING,
    START,
    Choice,
    Expression,
    Look,
    Repeat,
    Sequence,
    choice,
    sequence,
)
from fsm.automata.expression_dfa import ExpressionDfa, any_string
from fsm.automata.rational import write_expression

__all__ = ["resolve_looks"]


def resolve_looks(expression: Expression) -> Dfa | None:
    """Return the automaton of an expression with look-aheads; None where some look needs what a state cannot know.

    Examples
    --------
    >>> from fsm.automata.expression import look, text
    >>> ahead = look(text("ab"), is_ahead=True, is_negative=True)
    >>> resolve_looks(sequence([ahead, text("a"), ANY_TEXT])).accepts("ac")
    True
    """
    try:
        return _resolve(expression, _Rest(EMPTY), _Before(is_start=True)).dfa
    except _UnresolvedError:
        return None


class _UnresolvedError(Exception):
    """A look stands in a repetition, or looks back."""


class _Rest:
    """Hold a language that reaches to the end of the text, as an expression, as an automaton, or as both."""

    __slots__ = ("_dfa", "_expression")

    def __init__(self, language: Expression | Dfa) -> None:
        self._expression = language if isinstance(language, Expression) else None
        self._dfa = language if isinstance(language, Dfa) else None

    @property
    def expression(self) -> Expression:
        """Return the language as a plain expression."""
        if self._expression is None:
            assert self._dfa is not None
            self._expression = write_expression(self._dfa)
        return self._expression

    @property
    def dfa(self) -> Dfa:
        """Return the language as an automaton."""
        if self._dfa is None:
            self._dfa = any_string() if self._expression is ANY_TEXT else ExpressionDfa(self.expression)
        return self._dfa

    @property
    def is_nullable(self) -> bool:
        """Tell whether the text may end here."""
        if self._expression is not None:
            return self._expression.is_nullable
        return self.dfa.start != 0 and self.dfa.is_accepting(self.dfa.start)


class _Before:
    """Say what is known about where a part begins: ``is_start``: no text comes before; ``is_inside``: some does."""

    __slots__ = ("is_inside", "is_start")

    def __init__(self, *, is_start: bool = False, is_inside: bool = False) -> None:
        self.is_start = is_start
        self.is_inside = is_inside

    def after(self, item: Expression) -> _Before:
        """Return what is known behind ``item``."""
        if item.longest == 0:
            return self
        return _Before(is_inside=self.is_inside or item.shortest > 0)


def _resolve(node: Expression, rest: _Rest, before: _Before) -> _Rest:  # noqa: PLR0911 - one for each kind
    """Return the language of ``node`` and then ``rest``."""
    if node.is_plain:
        return _Rest(sequence([node, rest.expression]))
    if node is END:
        return _Rest(EMPTY if rest.is_nullable else NOTHING)
    if node is START:
        return _resolve_start(rest, before)
    if type(node) is Look:
        return _resolve_look(node, rest, before)
    if type(node) is Sequence:
        return _resolve_sequence(node, rest, before)
    if type(node) is Choice:
        return _resolve_choice(node, rest, before)
    if type(node) is Repeat and node.most == 1:
        once = _resolve(node.body, rest, before)
        return once if node.least else _unite([rest, once], before)
    raise _UnresolvedError


def _resolve_start(rest: _Rest, before: _Before) -> _Rest:
    if before.is_start:
        return rest
    if before.is_inside:
        return _Rest(NOTHING)
    raise _UnresolvedError


def _resolve_look(node: Look, rest: _Rest, before: _Before) -> _Rest:
    if not node.is_ahead:
        if before.is_start and node.body.is_plain:  # nothing comes before, and the body is not empty
            return rest if node.is_negative else _Rest(NOTHING)
        raise _UnresolvedError
    seen = _resolve(node.body, _Rest(ANY_TEXT), before).dfa
    return _Rest(intersect(rest.dfa, complement(seen) if node.is_negative else seen))


def _resolve_sequence(node: Sequence, rest: _Rest, before: _Before) -> _Rest:
    places = [before]
    for item in node.items[:-1]:
        places.append(places[-1].after(item))
    for item, place in zip(reversed(node.items), reversed(places), strict=True):
        rest = _resolve(item, rest, place)
    return rest


def _resolve_choice(node: Choice, rest: _Rest, before: _Before) -> _Rest:
    plain = choice([option for option in node.options if option.is_plain])
    found = [_resolve(option, rest, before) for option in node.options if not option.is_plain]
    return _unite(found if plain is NOTHING else [*found, _resolve(plain, rest, before)], before)


def _unite(parts: list[_Rest], before: _Before) -> _Rest:
    """Unite languages: as a product where the text starts and nothing comes before, as expressions elsewhere."""
    if before.is_start:
        return _Rest(union(*[part.dfa for part in parts]))
    return _Rest(choice([part.expression for part in parts]))
