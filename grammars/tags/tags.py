"""Be free text in which tags open constrained parts: free text, a trigger, what the tag asks for, free text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fsm.automata.dfa import Dfa
from fsm.distance import FAR, Distances
from fsm.errors import GrammarError
from fsm.layout import STATE_DEAD, STATE_POP
from fsm.network import Network
from fsm.parts.special_tokens import special_tokens_of
from grammars.algebra import concatenate, unite
from grammars.constructors import check_characters
from grammars.grammar import Grammar
from grammars.tags.content import as_content
from grammars.tags.dispatch import Dispatch
from grammars.tags.free_text import free_text
from grammars.tags.region import RegionGrammar, capture
from grammars.tags.special import SpecialToken
from grammars.tags.triggers import TriggerFreeDfa, TriggerMachine, check_triggers

__all__ = ["Tag", "TagsGrammar", "tags"]

Begin = str | SpecialToken


@dataclass(frozen=True, kw_only=True, eq=False)
class Tag:
    r"""Describe a constrained part of a text: its opening, what stands in it, its closing.

    Parameters
    ----------
    begin : the text, or the special token, that opens it.
    content : a grammar, a text or a type; None for any text up to ``end``.
    end : the text that closes it; a special token, or a grammar.
    name : what the content is captured as, a list of the values of all such tags; empty for not at all.
    max_tokens, temperature : those of the content, as in `capture`.

    Examples
    --------
    >>> Tag(begin="<call>", content=dict[str, int], end="</call>", name="calls").begin
    '<call>'
    """

    begin: Begin
    content: Any = None
    end: str | Grammar = ""
    name: str = ""
    max_tokens: int | None = None
    temperature: float | None = None

    def body(self) -> Grammar:
        """Return the grammar of what follows ``begin``.

        Raises
        ------
        GrammarError : there is neither content nor an end, or no grammar describes the content.
        """
        if self.content is None:
            if not isinstance(self.end, str) or not self.end:
                raise GrammarError(
                    f"tag {self.begin!r}: got no content and end={self.end!r}, expected a text to stop at; give end"
                )
            return self._captured(free_text(until=self.end))
        inside = self._captured(self.content)
        return inside if self.end == "" else concatenate(inside, self.end)

    def _captured(self, content: Any) -> Grammar:
        if isinstance(content, RegionGrammar) and not self.name:
            return content
        if not self.name and self.max_tokens is None and self.temperature is None:
            return as_content(content).grammar
        return capture(self.name, content, max_tokens=self.max_tokens, temperature=self.temperature, as_list=True)


class TagsGrammar(Grammar):
    """Be free text with tags in it; made by ``tags``.

    Parameters
    ----------
    openings : for each trigger what follows it.
    least, most : how many tags there are; None = no bound.
    is_end : whether nothing follows the last tag there may be.
    """

    __slots__ = ("is_end", "least", "most", "openings")

    def __init__(
        self, openings: tuple[tuple[Begin, Grammar], ...], *, least: int, most: int | None, is_end: bool = False
    ) -> None:
        self.openings = openings
        self.least = least
        self.most = most
        self.is_end = is_end

    def __repr__(self) -> str:
        shown = ", ".join(repr(trigger) for trigger, _ in self.openings)
        return f"tags([{shown}], at_least={self.least}, at_most={self.most})"

    def add_to(self, network: Network) -> int:
        """Lay the bodies, and the free text around them where it gets to."""
        bodies = [(trigger, body.add_to(network)) for trigger, body in self.openings]
        symbols = [trigger.add_to(network) if isinstance(trigger, SpecialToken) else 0 for trigger, _ in bodies]
        return _TagStates(network, self, bodies, symbols).state(network, 0, 0)


class _TagStates:
    """Own the states of the text around tags: each stands for the tags so far and how much of a trigger was written."""

    def __init__(
        self, network: Network, grammar: TagsGrammar, bodies: list[tuple[Begin, int]], symbols: list[int]
    ) -> None:
        self._bodies = bodies
        self._symbols = symbols
        self._least = grammar.least
        self._most = grammar.most
        self._is_end = grammar.is_end
        self._machine: TriggerMachine | None = None
        self._dfa: TriggerFreeDfa | None = None
        self._texts: list[int] = []
        self._specials: list[int] = []
        self._states: dict[tuple[int, int], int] = {}
        self._places: list[tuple[int, int]] = []
        self._distances = Distances(network)
        self._number = network.add_owner(self)

    def state(self, network: Network, count: int, place: int) -> int:
        """Return the state after ``count`` tags; counts that make no difference are one."""
        if self._is_end and count == self._most:
            return STATE_POP
        if self._most is None:
            count = min(count, self._least)
        known = self._states.get((count, place))
        if known is None:
            known = self._states[count, place] = network.add_stub(self._number, len(self._places))
            self._places.append((count, place))
        return known

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write what may follow: more text, a trigger, the end where there were enough tags."""
        count, place = self._places[argument]
        machine = self._open(network)
        may_open = self._most is None or count < self._most
        after = self.state(network, count + 1, 0) if may_open else 0
        edges = []
        for first, last, target in machine.edges(place):
            if target >= 0:
                edges.append((first, last, self.state(network, count, target)))
            else:
                body = self._bodies[self._texts[~target]][1]
                edges.append((first, last, network.add_call(body, after) if may_open else STATE_DEAD))
        ways = [STATE_POP] if count >= self._least else []
        if may_open:
            for index in self._specials:
                body = network.add_call(self._bodies[index][1], after)
                ways.append(network.add_call(self._symbols[index], body))
        network.write_raw(state, edges, close=network.add_fork(ways))

    def text_place(self, argument: int) -> tuple[Dfa, int]:
        """Return the automaton of the text before the next trigger, and its state here."""
        assert self._dfa is not None
        return self._dfa, self._places[argument][1] + 1

    def shortest(self, argument: int) -> int:
        """Return the bytes of the tags still owed."""
        count, place = self._places[argument]
        owed = self._least - count
        if owed <= 0:
            return 0
        machine = self._machine or self._open(self._distances.network)
        first = [machine.distance(place, k) + self._body(self._texts[k]) for k in range(len(self._texts))]
        other = [machine.distance(0, k) + self._body(self._texts[k]) for k in range(len(self._texts))]
        symbols = [self._distances.of_state(self._symbols[i]) + self._body(i) for i in self._specials]
        return min([*first, *symbols], default=FAR) + (owed - 1) * min([*other, *symbols], default=FAR)

    def release(self) -> None:
        """Let go of the network."""
        self._distances = Distances(Network())

    def _body(self, index: int) -> int:
        return self._distances.of_state(self._bodies[index][1])

    def _open(self, network: Network) -> TriggerMachine:
        """Return the machine over the triggers that are text in the vocabulary the network is compiled for."""
        if self._machine is None:
            owner = special_tokens_of(network)
            present = frozenset[str]() if owner is None else owner.present
            texts = []
            for index, (trigger, _) in enumerate(self._bodies):
                if isinstance(trigger, SpecialToken) and trigger.name in present:
                    self._specials.append(index)
                else:
                    self._texts.append(index)
                    texts.append(trigger if isinstance(trigger, str) else trigger.name)
            self._machine = TriggerMachine(tuple(texts))
            self._dfa = TriggerFreeDfa(self._machine)
        return self._machine


def tags(
    items: Iterable[Tag],
    *,
    triggers: Sequence[str] = (),
    at_least: int = 0,
    at_most: int | None = None,
    is_end: bool = False,
) -> TagsGrammar:
    """Return the grammar of free text with tags in it.

    The text is free until it has written a trigger; from there it is what one of the tags behind that trigger asks
    for; then it is free again. By default each tag's ``begin`` is its own trigger, and text that only resembles one
    stays free; with ``triggers=["<function="]`` whatever begins so must be one of the tags.

    Parameters
    ----------
    items : the tags.
    triggers : texts with which the tags' beginnings begin, each with one of them.
    at_least, at_most : how many tags the text has. After the last allowed one no trigger can be written.
    is_end : the last allowed tag also ends the text.

    Raises
    ------
    GrammarError : there is no tag; a trigger is empty, stands inside another, or begins no tag; or the counts clash.

    Examples
    --------
    >>> tags([Tag(begin="<n>", content=int, end="</n>", name="numbers")], at_least=1)
    tags(['<n>'], at_least=1, at_most=None)
    """
    listed = list(items)
    if not listed or not all(isinstance(item, Tag) for item in listed):
        raise GrammarError(f"tags: got {listed!r}, expected at least one Tag(begin=..., content=..., end=...)")
    if at_least < 0 or (at_most is not None and at_most < max(at_least, 1)):
        raise GrammarError(f"tags: got at_least={at_least} and at_most={at_most}, expected 0 <= at_least <= at_most")
    behind: dict[Any, list[tuple[str, Grammar]]] = {}
    for item in listed:
        key, rest = _split(item, tuple(triggers))
        behind.setdefault(key, []).append((rest, item.body()))
    openings = {key: _any_of(branches) for key, branches in behind.items()}
    unused = [trigger for trigger in triggers if trigger not in openings]
    if unused:
        raise GrammarError(f"tags: no tag begins with the trigger {unused[0]!r}; drop it or add the tag")
    texts = tuple(key if isinstance(key, str) else key[0] for key in openings)
    check_triggers(texts, "tags")
    check_characters("tags", texts)
    found = tuple((key if isinstance(key, str) else SpecialToken(key[0]), body) for key, body in openings.items())
    return TagsGrammar(found, least=at_least, most=at_most, is_end=is_end)


def _any_of(branches: list[tuple[str, Grammar]]) -> Grammar:
    """Return what follows a trigger: one of several rests of beginnings, with its body."""
    bodies: dict[str, Grammar] = {}
    for rest, body in branches:
        bodies[rest] = unite(bodies[rest], body) if rest in bodies else body
    if list(bodies) == [""]:
        return bodies[""]
    return Dispatch(tuple(bodies.items()))


def _split(item: Tag, triggers: tuple[str, ...]) -> tuple[Any, str]:
    """Return the trigger of a tag (a special token as a tuple of its name), and what follows it in ``begin``."""
    if isinstance(item.begin, SpecialToken):
        return (item.begin.name,), ""
    if not isinstance(item.begin, str):
        raise GrammarError(f"tag: got begin={item.begin!r}, expected a text or special(...)")
    if not triggers:
        return item.begin, ""
    found = [trigger for trigger in triggers if item.begin.startswith(trigger)]
    if not found:
        raise GrammarError(f"tags: {item.begin!r} begins with none of the triggers {list(triggers)!r}; add one")
    return found[0], item.begin[len(found[0]) :]
