"""Intersect, unite, complement and subtract automata lazily.

However operations are nested, the result is one product of the leaf automata with one formula over their states, so a
leaf that occurs twice is walked once, and liveness is searched for the whole formula only.
"""

from __future__ import annotations

from fsm.automata.dfa import DEAD, LAST_SYMBOL, Dfa, Edge, Lengths, shared_lengths
from fsm.automata.expression import NOTHING
from fsm.automata.expression_dfa import MAX_EXPRESSION_STATES, ExpressionDfa, any_string
from fsm.automata.formula import And, Formula, Leaf, Not, Or, States
from fsm.automata.kept import KeptEdges, count_automata, keep_automata
from fsm.automata.literals import LiteralsDfa, literals
from fsm.automata.needs import are_at_odds
from fsm.automata.search import MAX_SEARCH_WORK, SearchedDfa
from fsm.errors import LimitError
from fsm.expansion_time import ExpansionTime, check_expansion_time

__all__ = ["BooleanDfa", "complement", "difference", "intersect", "union"]

MAX_LESS = 256


class BooleanDfa(SearchedDfa):
    """Recognise the texts for which a formula over other automata holds.

    Parameters
    ----------
    leaves : the automata, no two with the same key.
    formula : over their places in ``leaves``.
    max_work : how much one search may do before `LimitError` is raised.
    """

    def __init__(self, leaves: tuple[Dfa, ...], formula: Formula, *, max_work: int = MAX_SEARCH_WORK) -> None:
        super().__init__("boolean", max_work=max_work)
        self.leaves = leaves
        self.formula = formula
        self._needed = formula.needed()
        self._tuples: list[States] = [()]
        self._difference = _difference_of(formula)
        count_automata(self)
        self._numbers: dict[States, int] = {}
        self._lengths: dict[int, Lengths] = {DEAD: Lengths(1, 0)}
        self._all_edges = KeptEdges()
        start = self._number(tuple([leaf.start for leaf in leaves]))
        with ExpansionTime():
            self.start = start if self.is_live(start) else DEAD

    @property
    def num_states(self) -> int:
        """Count the states made."""
        return len(self._tuples)

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        return state != DEAD and self.formula.accepts(self._tuples[state])

    def lengths(self, state: int) -> Lengths:
        """Return what is known without a search about the lengths accepted from ``state``."""
        return self._lengths[state]

    def rank(self, state: int) -> int:
        """Return the fewest symbols that all parts need, one after the other: ways that have met more parts come first.

        Their maximum says little where each of twenty parts needs another letter.
        """
        states = self._tuples[state]
        return sum([self.leaves[place].lengths(states[place]).shortest for place in self._needed])

    def less_texts(self, state: int) -> tuple[Dfa, int, LiteralsDfa, int] | None:
        """Return a state of another automaton, and one of texts, such that this one is the former less the texts.

        They lead on alike: wherever the former can be completed, so can this one. None where that is not shown quickly.
        """
        if self._difference is None:
            return None
        whole, taken = [self.leaves[place] for place in self._difference]
        whole_state, taken_state = [self._tuples[state][place] for place in self._difference]
        assert isinstance(taken, LiteralsDfa)
        rests = taken.rests(taken_state) if taken_state != DEAD else []
        if len(rests) > MAX_LESS or not all(_has_others(whole, whole_state, rest, len(rests)) for rest in rests):
            return None
        return whole, whole_state, taken, taken_state

    def is_hopeless(self, state: int) -> bool:
        """Tell whether some part must read a symbol that another part cannot read any more."""
        states = self._tuples[state]
        return are_at_odds([self.leaves[place].need(states[place]) for place in self._needed])

    def all_edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges, also those to states from which nothing is accepted."""
        found = self._all_edges.get(state)
        if found is None:
            check_expansion_time()
            found = self._all_edges.keep(state, self._expand(state))
        return found

    def _expand(self, state: int) -> tuple[Edge, ...]:
        if _accepts_every_text(self._lengths[state]):
            return ((0, LAST_SYMBOL, state),)
        if len(self._needed) == len(self.leaves) == 2:
            return self._expand_both(*self._tuples[state])
        current = [DEAD] * len(self.leaves)
        missing = len(self._needed)
        merged: list[Edge] = []
        begin = 0
        for cut, place, target in self._cuts(state):
            if cut > begin:
                if not missing:
                    self._append(merged, (begin, cut - 1, self._number(tuple(current))))
                begin = cut
            if place in self._needed:
                missing += (target == DEAD) - (current[place] == DEAD)
            current[place] = target
        return tuple(merged)

    def _expand_both(self, left: int, right: int) -> tuple[Edge, ...]:
        """Do the same where two leaves must both go on: walk their edges side by side."""
        one, other = self.leaves
        before = one.work + other.work
        edges, others = one.edges(left), other.edges(right)
        self.work += len(edges) + len(others) + one.work + other.work - before
        merged: list[Edge] = []
        i = j = 0
        while i < len(edges) and j < len(others):
            first, last, target = edges[i]
            other_first, other_last, other_target = others[j]
            if other_last <= last:
                j += 1
            if last <= other_last:
                i += 1
            first, last = max(first, other_first), min(last, other_last)
            if first <= last:
                self._append(merged, (first, last, self._number((target, other_target))))
        return tuple(merged)

    def _cuts(self, state: int) -> list[tuple[int, int, int]]:
        """Return sorted (symbol, place, target of that leaf from this symbol on), and the end of the alphabet."""
        cuts = [(LAST_SYMBOL + 1, 0, DEAD)]
        before = sum([leaf.work for leaf in self.leaves])
        for place, (leaf, inner) in enumerate(zip(self.leaves, self._tuples[state], strict=True)):
            if inner != DEAD:
                for first, last, target in leaf.edges(inner):
                    cuts.append((first, place, target))
                    cuts.append((last + 1, place, DEAD))
        # An end sorts before a beginning at the same symbol because DEAD is the least target.
        cuts.sort()
        self.work += len(cuts) + sum([leaf.work for leaf in self.leaves]) - before
        return cuts

    @staticmethod
    def _append(merged: list[Edge], edge: Edge) -> None:
        if edge[2] == DEAD:
            return
        if merged and merged[-1][1] + 1 == edge[0] and merged[-1][2] == edge[2]:
            merged[-1] = (merged[-1][0], edge[1], edge[2])
        else:
            merged.append(edge)

    def _number(self, states: States) -> int:
        number = self._numbers.get(states)
        if number is None:
            number = self._numbers[states] = self._add(states)
        return number

    def _add(self, states: States) -> int:
        lengths = self.formula.lengths(states)
        if lengths.longest is not None and lengths.longest < lengths.shortest:
            return DEAD
        number = len(self._tuples)
        known_as = () if _accepts_every_text(lengths) else states  # one state for all that accept every text
        if known_as in self._numbers:
            return self._numbers[known_as]
        if number > MAX_EXPRESSION_STATES:
            raise LimitError(
                f"boolean automaton: more than {MAX_EXPRESSION_STATES} states are needed "
                "(limit MAX_EXPRESSION_STATES); shorten repetitions or combine fewer patterns"
            )
        # What is written last makes the state known, so that an interruption leaves nothing half made.
        self._lengths[number] = shared_lengths(lengths)
        self._tuples.append(states)
        self._numbers[known_as] = number
        return number


def intersect(*dfas: Dfa) -> Dfa:
    """Return the automaton of the texts that all of ``dfas`` accept; of every text when there is none.

    Examples
    --------
    >>> from fsm.dfa import literals
    >>> intersect(literals(["a", "b"]), literals(["b", "c"])).accepts("b")
    True
    """
    parts = _distinct(dfas)
    if not parts:
        return any_string()
    return parts[0] if len(parts) == 1 else _intersect(parts)


def union(*dfas: Dfa) -> Dfa:
    """Return the automaton of the texts that some of ``dfas`` accept; of no text when there is none."""
    parts = _distinct(dfas)
    if not parts:
        return ExpressionDfa(NOTHING)
    if len(parts) > 1 and all(isinstance(part, LiteralsDfa) for part in parts):
        return literals([text for part in parts if isinstance(part, LiteralsDfa) for text in part.texts])
    return parts[0] if len(parts) == 1 else _unite(parts)


@keep_automata(512)
def complement(dfa: Dfa) -> Dfa:
    """Return the automaton of the texts that ``dfa`` rejects."""
    leaves, formula = _open(dfa)
    return _simplify(BooleanDfa(leaves, formula.part if type(formula) is Not else Not(formula)))


@keep_automata(512)
def difference(left: Dfa, right: Dfa) -> Dfa:
    """Return the automaton of the texts that ``left`` accepts and ``right`` rejects."""
    return intersect(left, complement(right))


@keep_automata(512)
def _intersect(dfas: tuple[Dfa, ...]) -> Dfa:
    leaves, formulas = _join(dfas)
    if _has_opposites(formulas):
        return ExpressionDfa(NOTHING)
    return _simplify(BooleanDfa(leaves, And(_flatten(And, formulas))))


@keep_automata(512)
def _unite(dfas: tuple[Dfa, ...]) -> Dfa:
    leaves, formulas = _join(dfas)
    return any_string() if _has_opposites(formulas) else _simplify(BooleanDfa(leaves, Or(_flatten(Or, formulas))))


def _join(dfas: tuple[Dfa, ...]) -> tuple[tuple[Dfa, ...], tuple[Formula, ...]]:
    places: dict[object, int] = {}
    leaves: list[Dfa] = []
    formulas: list[Formula] = []
    for dfa in dfas:
        inner, formula = _open(dfa)
        for leaf in inner:
            if leaf.key not in places:
                places[leaf.key] = len(leaves)
                leaves.append(leaf)
        formulas.append(formula.moved(tuple([places[leaf.key] for leaf in inner])))
    return tuple(leaves), tuple(formulas)


def _flatten(kind: type[And | Or], formulas: tuple[Formula, ...]) -> tuple[Formula, ...]:
    """Return the formulas with the parts of those of one kind in their place, so that long chains do not nest."""
    return tuple(
        [part for formula in formulas for part in (formula.parts if isinstance(formula, kind) else (formula,))]
    )


def _has_opposites(formulas: tuple[Formula, ...]) -> bool:
    found = frozenset(formulas)
    return any(type(formula) is Not and formula.part in found for formula in formulas)


def _open(dfa: Dfa) -> tuple[tuple[Dfa, ...], Formula]:
    if isinstance(dfa, BooleanDfa):
        return dfa.leaves, dfa.formula
    return (dfa,), Leaf(0, dfa)


def _simplify(dfa: BooleanDfa) -> Dfa:
    """Return the one automaton of all texts for a formula that always holds, so that equal keys are met more often."""
    return any_string() if _accepts_every_text(dfa.lengths(dfa.start)) else dfa


def _distinct(dfas: tuple[Dfa, ...]) -> tuple[Dfa, ...]:
    return tuple({dfa.key: dfa for dfa in dfas}.values())


def _difference_of(formula: Formula) -> tuple[int, int] | None:
    """Return the places of an automaton and of the texts that are left out of it, where a formula says just that."""
    if type(formula) is not And or len(formula.parts) != 2:
        return None
    whole, taken = sorted(formula.parts, key=lambda part: type(part) is Not)
    if type(whole) is not Leaf or type(taken) is not Not or type(taken.part) is not Leaf:
        return None
    return (whole.place, taken.part.place) if isinstance(taken.part.dfa, LiteralsDfa) else None


def _has_others(dfa: Dfa, state: int, text: str, count: int) -> bool:
    """Tell whether all along a text more than ``count`` lengths complete it, so that some other text does."""
    for symbol in [*map(ord, text), None]:
        least, most, is_gapless, _ = dfa.lengths(state)
        if not is_gapless or (most is not None and most - least < count):
            return False
        state = DEAD if symbol is None else dfa.step(state, symbol)
        if state == DEAD:
            break
    return True


def _accepts_every_text(lengths: Lengths) -> bool:
    return lengths.is_every and lengths.is_gapless and lengths.shortest == 0 and lengths.longest is None
