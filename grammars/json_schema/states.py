"""Write the network of JSON values: one stub per set of obligations, expanded when a text gets there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fsm.dfa import any_string
from fsm.dfa_states import ByteStates, CharStates
from fsm.errors import LimitError
from fsm.laid_states import LaidStates
from fsm.layout import STATE_POP, UNBOUNDED
from fsm.network import Edge, Network
from grammars.json_schema.array_plan import ArrayPlan
from grammars.json_schema.array_states import ArrayStates
from grammars.json_schema.branch import ARRAY, FALSE, NULL, NUMBER, OBJECT, STRING, TRUE, Branch
from grammars.json_schema.expand import Expander
from grammars.json_schema.framed_object import FramedObject
from grammars.json_schema.lengths import Lengths
from grammars.json_schema.name_trie import lay_names
from grammars.json_schema.numbers import NumberConstraint, NumberSpelling, number_dfa
from grammars.json_schema.object_states import ObjectStates
from grammars.json_schema.oracle import Obligations
from grammars.json_schema.prelude import Prelude
from grammars.json_schema.satisfiable import Satisfiability
from grammars.json_schema.shapes import KEYWORDS
from grammars.json_schema.spaces import Spaces
from grammars.json_schema.strings import CountedString, string_language
from grammars.json_schema.values import canonical

__all__ = ["ValueStates"]

_INTEGER = NumberConstraint.integer()
_TYPE = frozenset({"type"})

QUOTE, OPEN_BRACE, OPEN_BRACKET = 34, 123, 91


class ValueStates:
    """Own the stubs of values: each stands for a set of obligations.

    Parameters
    ----------
    network : where the states go; a copy of the prelude's template.
    expander, oracle : the algebra of the document.
    is_alone : whether nothing but JSON follows a value; else a number may be followed by more digits.
    """

    def __init__(
        self,
        network: Network,
        prelude: Prelude,
        *,
        expander: Expander,
        oracle: Satisfiability,
        spaces: Spaces,
        spelling: NumberSpelling,
        is_alone: bool = True,
    ) -> None:
        self.network = network
        self.prelude = prelude
        self.expander = expander
        self.oracle = oracle
        self.lengths = Lengths(oracle, spaces)
        self.spaces = spaces
        self.spelling = spelling
        self.is_alone = is_alone
        self.number = network.add_owner(self)
        self._states: dict[Obligations, int] = {}
        self._obligations: list[Obligations] = []
        self._strings: dict[Any, CharStates] = {}
        self._numbers: dict[NumberConstraint, tuple[Edge, ...]] = dict(prelude.numbers)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not enforced, with JSON pointers."""
        leniency = self.expander.leniency
        return () if leniency is None else leniency.warnings

    def state(self, obligations: Obligations) -> int:
        """Return the state in which a value with these obligations begins."""
        known = self._states.get(obligations)
        if known is None:
            known = self._plain_state(obligations)
            if not known:
                known = self.network.add_stub(self.number, len(self._obligations))
                self._obligations.append(obligations)
            self._states[obligations] = known
        return known

    def _plain_state(self, obligations: Obligations) -> int:
        """Return the state that every network has for values of one type; 0 where more, or something else, is asked."""
        if len(obligations) != 1:
            return 0
        ((node, holds),) = obligations
        if not holds or type(node.schema) is bool or KEYWORDS.intersection(node.schema) != _TYPE:
            return 0
        kind = node.schema["type"]
        return self.prelude.plain.get(kind, 0) if type(kind) is str else 0

    def release(self) -> None:
        """Take apart what holds one another: the states and their owners, the expander and its oracle."""
        self._strings.clear()
        self.expander.release()

    def shortest(self, argument: int) -> int:
        """Return the bytes of the shortest value."""
        return self.lengths.shortest(self._obligations[argument])

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write the first row of a value."""
        obligations = self._obligations[argument]
        branches = self.expander.branches(obligations)
        start = _Start()
        # A value that exists is of the only type of the only branch.
        start.is_sure = len(branches) == 1 and self.oracle.is_known(obligations)
        for branch in branches:
            if branch.candidates is not None:
                self._add_values(start, self.oracle.listed(branch, obligations))
            else:
                self._add_branch(start, branch)
        if start.texts:
            start.add(QUOTE, self._lay_literals(start.texts))
        if start.listed:
            self._add_number(start, NumberConstraint.one_of(start.listed))
        self._write(state, start)

    def _add_branch(self, start: _Start, branch: Branch) -> None:
        types, prelude = branch.types, self.prelude
        if types & NULL:
            start.add(ord("n"), prelude.null)
        if types & TRUE:
            start.add(ord("t"), prelude.true)
        if types & FALSE:
            start.add(ord("f"), prelude.false)
        if types & NUMBER:
            self._add_number(start, branch.number)
        if types & STRING:
            start.add(QUOTE, self._lay_string(string_language(branch.string)))
        if types & ARRAY:
            plan = ArrayPlan(branch.array, self.expander, self.oracle)
            if (start.is_sure and types == ARRAY) or self.oracle.has_array(plan):
                start.add(OPEN_BRACKET, ArrayStates(self, plan).open())
        if types & OBJECT:
            rules = self.oracle.object_plan(branch)
            if (start.is_sure and types == OBJECT) or self.oracle.has_object(rules):
                kind = FramedObject if FramedObject.fits(rules) else ObjectStates
                start.add(OPEN_BRACE, kind(self, rules).open())

    def _add_values(self, start: _Start, values: Iterable[Any]) -> None:
        """Add listed values, each once, whatever number of branches lists them."""
        for value in values:
            key = canonical(value)
            if key in start.values:
                continue
            start.values.add(key)
            if type(value) is str:
                start.texts.append(value)
            elif value is None:
                start.add(ord("n"), self.prelude.null)
            elif type(value) is bool:
                start.add(ord("t" if value else "f"), self.prelude.true if value else self.prelude.false)
            elif type(value) in (int, float):
                start.listed.append(value)
            else:
                start.num_containers += 1
                if start.num_containers > self.expander.limits.max_branches:
                    raise LimitError(
                        f"json schema: more than {start.num_containers - 1} arrays and objects listed at one place; "
                        "list fewer, or raise SchemaLimits(max_branches=...)"
                    )
                node = self.expander.references.synthetic(_exactly(value))
                for branch in self.expander.branches(frozenset([(node, True)])):
                    self._add_branch(start, branch)

    def _add_number(self, start: _Start, constraint: NumberConstraint) -> None:
        known = self._numbers.get(constraint)
        if known is None:
            dfa = number_dfa(constraint, self.spelling)
            is_common = self.is_alone and (constraint.is_unconstrained or constraint == _INTEGER)
            owner = ByteStates(self.network, dfa, is_common=is_common)
            known = tuple(owner.edges_of_start(self.network)) if dfa.start else ()
            self._numbers[constraint] = known
        if known:
            start.numbers.append(known)

    def _lay_string(self, language: CountedString) -> int:
        """Return the state after the opening quote."""
        if language.is_empty:
            return 0
        start = self.characters(language)
        if not language.is_counted:
            return start
        high = UNBOUNDED if language.high is None else min(language.high, UNBOUNDED - 1)
        return self.network.add_call(start, 0, low=min(language.low, UNBOUNDED - 1), high=high)

    def characters(self, language: CountedString) -> int:
        """Return the state inside a string, shared by all that have the same automaton; it returns when closed."""
        if language.dfa is any_string():
            return self.prelude.counted if language.is_counted else self.prelude.free
        key = (language.dfa.key, language.is_counted)
        owner = self._strings.get(key)
        if owner is None:
            if language.dfa.is_small and not language.is_counted:
                owner = LaidStates(self.network, language.dfa)
            else:
                owner = CharStates(self.network, language.dfa, counted=language.is_counted)
            self._strings[key] = owner
        return owner.start(self.network)

    def _lay_literals(self, texts: list[str]) -> int:
        return lay_names(self.network, texts, [STATE_POP] * len(texts))

    def _write(self, state: int, start: _Start) -> None:
        """Write the row, and where numbers of several kinds may begin, a fork."""
        network = self.network
        edges = [(byte, byte, network.add_fork(targets)) for byte, targets in start.targets.items()]
        if len(start.numbers) == 1:
            edges.extend(start.numbers[0])
            edges.sort()
            network.write_byte(state, edges)
            return
        edges.sort()
        if not start.numbers:
            network.write_byte(state, edges)
            return
        starts = [network.add_byte(edges)] if edges else []
        starts += [network.add_byte(list(numbers)) for numbers in start.numbers]
        network.write_fork(state, starts)


class _Start:
    """Collect what may begin a value: targets by first byte, number edges, listed strings.

    is_sure : whether the one branch it comes from is known to have a value.
    """

    __slots__ = ("is_sure", "listed", "num_containers", "numbers", "targets", "texts", "values")

    def __init__(self) -> None:
        self.targets: dict[int, list[int]] = {}
        self.numbers: list[tuple[Edge, ...]] = []
        self.listed: list[int | float] = []
        self.texts: list[str] = []
        self.values: set[Any] = set()
        self.num_containers = 0
        self.is_sure = False

    def add(self, byte: int, target: int) -> None:
        """Add a target behind a first byte."""
        if target:
            targets = self.targets.setdefault(byte, [])
            if target not in targets:
                targets.append(target)


def _exactly(value: Any) -> dict[str, Any]:
    """Return a schema without constants at its root that only an array or object value meets."""
    if type(value) is list:
        schema: dict[str, Any] = {"type": "array", "minItems": len(value), "maxItems": len(value)}
        if value:
            schema["prefixItems"] = [{"const": item} for item in value]
        return schema
    return {
        "type": "object",
        "properties": {name: {"const": item} for name, item in value.items()},
        "required": list(value),
        "additionalProperties": False,
    }
