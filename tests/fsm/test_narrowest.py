"""What an expression tells of its shortest texts is what a search finds."""

from __future__ import annotations

import random
import re

import pytest

from fsm.automata.dfa import Dfa
from fsm.automata.expression import sequence, text
from fsm.automata.expression_dfa import ExpressionDfa
from fsm.automata.rational import write_expression
from fsm.dfa import intersect
from fsm.text_widths import TextWidths, written_width
from grammars.regex import regex_dfa
from tests.reference.regex_samples import draw_pattern

LEAVES = ("a", "é", '"', "日", "[a日]", "😀", "[é-日]", "b", "")


class SearchedWidths(TextWidths):
    """The slow twin: every way, the narrowest first."""

    def shortest(self, state: int) -> int:
        """Return the fewest bytes from a state to acceptance."""
        best, todo = {state: 0}, [state]
        while todo:
            here = todo.pop()
            for width, target in self._ways(here):
                if best[here] + width < best.get(target, 1 << 40):
                    best[target] = best[here] + width
                    todo.append(target)
        return min(width for here, width in best.items() if self._dfa.is_accepting(here))


def test_widths_from_the_expression_are_those_of_a_search() -> None:
    """From every state near the start of random patterns."""
    source, compared = random.Random(7), 0
    while compared < 300:
        pattern = draw_pattern(source, source.randint(1, 4), leaves=LEAVES)
        try:
            re.compile(pattern)
        except re.error:
            continue
        dfa = regex_dfa(pattern)
        if not isinstance(dfa, ExpressionDfa) or not dfa.start:
            continue
        for state in {dfa.start, *(edge[2] for edge in dfa.edges(dfa.start))}:
            assert TextWidths(dfa).shortest(state) == SearchedWidths(dfa).shortest(state), pattern
        compared += 1


def test_parts_that_are_not_built_yet_are_searched() -> None:
    """An automaton written as an expression is not opened all the way to measure it."""
    inner: Dfa = intersect(regex_dfa("(é|bbb)日*a"), regex_dfa("[^c]*"))
    dfa = ExpressionDfa(sequence([text("x"), write_expression(inner)]))
    assert dfa.narrowest(dfa.start, len) is None
    assert TextWidths(dfa).shortest(dfa.start) == written_width("xéa")


@pytest.mark.parametrize(
    "pattern", [".{1000000000}", "[ab]*a[ab]{40}", "(é|ab){3}.*a.{100000}", "a{5}(b|cc){900000000,}"]
)
def test_far_ends_are_known_at_once(pattern: str) -> None:
    """No walk to the end, which may be further than any text is."""
    dfa = regex_dfa(pattern)
    TextWidths(dfa).shortest(dfa.start)
    assert dfa.work < 100
