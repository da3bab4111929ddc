"""Intersect any network with an automaton: Bar-Hillel's construction, node by node.

Y. Bar-Hillel, M. Perles, E. Shamir, "On formal properties of simple phrase structure grammars" (1961): beside a call
runs the automaton, and which of its states the call returns in is guessed beforehand. ``Product`` first finds every
outcome that a place can really have, with the bytes it takes (a least fixpoint, as in tabled parsing); then only
guesses that come true are laid, so no text of the product runs into a dead end.

Input: two pushdown views, the automaton's without calls. Output: rows of a network that are plain BYTE and FORK states.
Cost: time and room in proportion to the pairs of places met, bounded by ``max_pairs``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from fsm.errors import LimitError
from fsm.expansion_time import ExpansionTime, check_expansion_time
from fsm.layout import STATE_POP
from fsm.network import Edge, Network
from fsm.pushdown import MAX_NODES, Pushdown

__all__ = ["END", "Outcome", "Product", "ProductStates", "Step"]

Outcome = tuple[int, int]
"""The automaton's place where a call returns, and the bytes that may follow in the grammar, as bits."""

Pair = tuple[int, int]
"""A place of the grammar and one of the automaton."""

END: Outcome | None = None
"""The outcome of the whole text: it ends where the automaton accepts, whatever bytes might follow."""

Item = tuple[Pair, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Step:
    """One way on: bytes, the pair they lead to, and the places to return to after it."""

    first: int
    last: int
    pair: Pair
    frames: tuple[int, ...]


@dataclass(slots=True)
class _Table:
    """What is known of one pair: the fewest bytes to each outcome, and who waits for them."""

    outcomes: dict[Outcome, int] = field(default_factory=dict)
    waiting: dict[Item, int] = field(default_factory=dict)


class Product:
    """Hold the pairs of places that a text can meet, and what each can come to.

    Parameters
    ----------
    grammar : any network's places; start : where its texts begin.
    automaton : the places of a network without calls; its start.

    Raises
    ------
    LimitError : more than ``max_pairs`` pairs are met.
    """

    def __init__(
        self, grammar: Pushdown, start: int, automaton: Pushdown, *, automaton_start: int, max_pairs: int = MAX_NODES
    ) -> None:
        self._grammar = grammar
        self._automaton = automaton
        self._max_pairs = max_pairs
        self._tables: dict[Pair, _Table] = {}
        self._steps: dict[Pair, list[Step]] = {}
        self._new: list[Pair] = []
        self._improved: deque[tuple[Pair, Outcome]] = deque()
        self.start: Pair = (start, automaton_start)
        with ExpansionTime(times=3):
            self._settle()

    @property
    def num_pairs(self) -> int:
        """Count the pairs met."""
        return len(self._tables)

    def steps(self, pair: Pair) -> list[Step]:
        """Return the ways on that both sides have."""
        found = self._steps.get(pair)
        if found is None:
            found = self._steps[pair] = []
            theirs = self._automaton.moves(pair[1])
            for first, last, node, frames in self._grammar.moves(pair[0]):
                for low, high, place, _ in theirs:
                    if low <= last and high >= first:
                        found.append(Step(max(first, low), min(last, high), (node, place), frames))
        return found

    def cost(self, pair: Pair, outcome: Outcome | None) -> int | None:
        """Return the fewest bytes from a pair to an outcome; None where it never comes to it."""
        outcomes = self._tables[pair].outcomes
        if outcome is not None:
            return outcomes.get(outcome)
        return min((cost for (place, _), cost in outcomes.items() if self._is_accepting(place)), default=None)

    def returns(self, pair: Pair, outcome: Outcome | None) -> bool:
        """Tell whether a text that stands here has come to the outcome."""
        leave = self._grammar.exit(pair[0])
        if leave is None:
            return False
        return self._is_accepting(pair[1]) if outcome is None else outcome == (pair[1], leave)

    def chains(self, step: Step, outcome: Outcome | None) -> list[tuple[tuple[Pair, Outcome | None], ...]]:
        """Return how a step can go on to the outcome: the calls to make one after the other, each with its outcome."""
        return self._chains(step.pair, step.frames, outcome)

    def _chains(
        self, pair: Pair, frames: tuple[int, ...], outcome: Outcome | None
    ) -> list[tuple[tuple[Pair, Outcome | None], ...]]:
        if not frames:
            return [((pair, outcome),)] if self.cost(pair, outcome) is not None else []
        found: list[tuple[tuple[Pair, Outcome | None], ...]] = []
        for guess in self._tables[pair].outcomes:
            following = (self._grammar.filtered(frames[0], guess[1]), guess[0])
            found += [((pair, guess), *rest) for rest in self._chains(following, frames[1:], outcome)]
        return found

    def _is_accepting(self, place: int) -> bool:
        return self._automaton.exit(place) is not None

    # -- the fixpoint ----------------------------------------------------------------------------------------------

    def _table(self, pair: Pair) -> _Table:
        table = self._tables.get(pair)
        if table is None:
            if len(self._tables) >= self._max_pairs:
                raise LimitError(
                    f"intersection: more than {self._max_pairs} pairs of places are met (limit max_pairs); "
                    "make the grammar or the pattern smaller: shorten repetitions and length bounds"
                )
            table = self._tables[pair] = _Table()
            self._new.append(pair)
        return table

    def _settle(self) -> None:
        """Look at pairs and pass on what they come to until nothing new is found."""
        self._table(self.start)
        while self._new or self._improved:
            check_expansion_time()
            if self._new:
                self._look(self._new.pop())
            else:
                pair, outcome = self._improved.popleft()
                table = self._tables[pair]
                for item, cost in list(table.waiting.items()):
                    self._go_on(item, cost + table.outcomes[outcome], outcome)

    def _look(self, pair: Pair) -> None:
        leave = self._grammar.exit(pair[0])
        if leave is not None:
            self._improve(pair, (pair[1], leave), 0)
        for step in self.steps(pair):
            self._wait(step.pair, (pair, step.frames), 1)

    def _wait(self, pair: Pair, item: Item, cost: int) -> None:
        """Note that whatever ``pair`` comes to goes on at ``item``, which took ``cost`` bytes so far."""
        table = self._table(pair)
        if cost < table.waiting.get(item, 1 << 60):
            table.waiting[item] = cost
            for outcome, rest in list(table.outcomes.items()):
                self._go_on(item, cost + rest, outcome)

    def _go_on(self, item: Item, cost: int, outcome: Outcome) -> None:
        pair, frames = item
        if frames:
            self._wait((self._grammar.filtered(frames[0], outcome[1]), outcome[0]), (pair, frames[1:]), cost)
        else:
            self._improve(pair, outcome, cost)

    def _improve(self, pair: Pair, outcome: Outcome, cost: int) -> None:
        outcomes = self._tables[pair].outcomes
        if cost < outcomes.get(outcome, 1 << 60):
            outcomes[outcome] = cost
            self._improved.append((pair, outcome))


class ProductStates:
    """Lay a product into a network, each place with the outcome it must come to; owns those stubs."""

    __slots__ = ("_keys", "_number", "_states", "product")

    def __init__(self, network: Network, product: Product) -> None:
        self.product = product
        self._keys: list[tuple[Pair, Outcome | None]] = []
        self._states: dict[tuple[Pair, Outcome | None], int] = {}
        self._number = network.add_owner(self)

    def start(self, network: Network) -> int:
        """Return the state in which a text begins, 0 where no text fits."""
        start = (self.product.start, END)
        return 0 if self.product.cost(*start) is None else self.state(network, start)

    def state(self, network: Network, key: tuple[Pair, Outcome | None]) -> int:
        """Return the state of a place with its outcome, a stub at first."""
        known = self._states.get(key)
        if known is None:
            known = self._states[key] = network.add_stub(self._number, len(self._keys))
            self._keys.append(key)
        return known

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write the bytes that go on, and where the outcome is reached, the way out."""
        pair, outcome = self._keys[argument]
        edges = self._edges(network, pair, outcome)
        if not self.product.returns(pair, outcome):
            network.write_byte(state, edges)
        elif edges:
            network.write_fork(state, [network.add_byte(edges), STATE_POP])
        else:
            network.write_fork(state, [STATE_POP])

    def shortest(self, argument: int) -> int:
        """Return the bytes to the outcome."""
        cost = self.product.cost(*self._keys[argument])
        assert cost is not None
        return cost

    def _edges(self, network: Network, pair: Pair, outcome: Outcome | None) -> list[Edge]:
        ways: list[tuple[int, int, int]] = []
        for step in self.product.steps(pair):
            ways += [(step.first, step.last, self._chain(network, c)) for c in self.product.chains(step, outcome)]
        return _disjoint(network, ways)

    def _chain(self, network: Network, chain: tuple[tuple[Pair, Outcome | None], ...]) -> int:
        state = self.state(network, chain[-1])
        for key in reversed(chain[:-1]):
            state = network.add_call(self.state(network, key), state)
        return state


def _disjoint(network: Network, ways: list[tuple[int, int, int]]) -> list[Edge]:
    """Return edges that do not overlap; where several ways share a byte they go on side by side."""
    by_byte: dict[int, tuple[int, ...]] = {}
    for first, last, target in ways:
        for byte in range(first, last + 1):
            before = by_byte.get(byte, ())
            by_byte[byte] = before if target in before else (*before, target)
    forks: dict[tuple[int, ...], int] = {}
    edges: list[Edge] = []
    for byte in sorted(by_byte):
        targets = by_byte[byte]
        if targets not in forks:
            forks[targets] = network.add_fork(targets)
        target = forks[targets]
        if edges and edges[-1][1] == byte - 1 and edges[-1][2] == target:
            edges[-1] = (edges[-1][0], byte, target)
        else:
            edges.append((byte, byte, target))
    return edges
