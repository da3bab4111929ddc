"""Decide whether some value meets a set of obligations.

A memoised least fixpoint over the same expansion as the automata: recursion that never ends has no value. "Yes" is kept
however it was found; "no" only where it did not lean on a question still open. Cost: nothing for subschemas that
certainly have a value; else branches are opened until the first that has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fsm.errors import LimitError
from fsm.expansion_time import check_expansion_time
from grammars.json_schema.array_plan import ArrayPlan
from grammars.json_schema.branch import ARRAY, BOOLEAN, NULL, NUMBER, OBJECT, STRING, Branch, Obligation, type_of
from grammars.json_schema.certainty import Certainty
from grammars.json_schema.evaluate import Evaluator
from grammars.json_schema.expand import Expander
from grammars.json_schema.numbers import NumberSpelling, number_dfa
from grammars.json_schema.object_plan import ObjectPlan
from grammars.json_schema.oracle import Obligations
from grammars.json_schema.references import Subschema
from grammars.json_schema.shapes import KEYWORDS, JsonSchema
from grammars.json_schema.strings import string_language

__all__ = ["Satisfiability", "too_deep"]

NEVER = 1 << 60
MAX_OPEN = 12
_LISTING = frozenset({"enum", "type"})


def too_deep(obligations: Obligations) -> LimitError:
    """Return the error for values that must stand inside one another too often."""
    pointer = min((node.pointer for node, _ in obligations), default="#")
    return LimitError(
        f"json schema at {pointer}: got values that must nest deeper than Python's stack is, expected at most some 90 "
        "levels; nest less, make the innermost optional, or raise sys.setrecursionlimit"
    )


class Satisfiability:
    """Answer for every set of obligations of one document whether a value meets it.

    Parameters
    ----------
    expander, evaluator : the document's.
    spelling : how numbers may be written.
    is_ordered : whether members come in the order of the schema.
    """

    def __init__(self, expander: Expander, evaluator: Evaluator, spelling: NumberSpelling, *, is_ordered: bool) -> None:
        self.expander = expander
        self.evaluator = evaluator
        self.spelling = spelling
        self.is_ordered = is_ordered
        self.certainty = Certainty(expander)
        expander.oracle = self
        self._known: dict[Obligations, bool] = {frozenset(): True}
        self._open: dict[Obligations, int] = {}
        self._lowest = NEVER

    @property
    def is_busy(self) -> bool:
        """Tell whether questions are open so deep that another one should not be asked on the way."""
        return len(self._open) > MAX_OPEN

    def is_certain(self, parent: Subschema, schema: JsonSchema) -> bool:
        """Tell whether a subschema below another certainly has a value; False says nothing."""
        return self.certainty.holds_below(parent, schema)

    def take_certain(self, obligation: Obligation) -> Obligations:
        """Return the set of one obligation that some value is certain to meet, and remember that."""
        found = frozenset([obligation] if obligation[0].schema is not True else [])
        self._known[found] = True
        return found

    def listed(self, branch: Branch, obligations: Obligations) -> Iterator[Any]:
        """Yield the values that a branch lists and that meet all obligations."""
        candidates, types = branch.candidates or [], branch.types
        if len(obligations) == 1 and not types & NUMBER:  # whether 1.5 is an integer is asked of numbers only
            ((node, holds),) = obligations
            if holds and type(node.schema) is dict and KEYWORDS.intersection(node.schema) <= _LISTING:
                return (value for value in candidates if type_of(value) & types)
        return (value for value in candidates if self.evaluator.meets_all(obligations, value))

    def meets_all(self, obligations: Obligations, value: object) -> bool:
        """Tell whether a value meets all obligations."""
        return self.evaluator.meets_all(obligations, value)

    def is_known(self, obligations: Obligations) -> bool:
        """Tell whether some value was found to meet all obligations already."""
        return self._known.get(obligations, False)

    def is_satisfiable(self, obligations: Obligations) -> bool:
        """Tell whether some value meets all obligations."""
        known = self._known.get(obligations)
        if known is not None:
            return known
        if len(obligations) == 1:
            ((node, holds),) = obligations
            if type(node.schema) is bool:
                return node.schema is holds
            if holds and self.certainty.holds(node):
                self._known[obligations] = True
                return True
        depth = self._open.get(obligations)
        if depth is not None:  # a smallest value never contains itself
            self._lowest = min(self._lowest, depth)
            return False
        check_expansion_time()
        return self._decide(obligations)

    def _decide(self, obligations: Obligations) -> bool:
        here = len(self._open)
        outer, self._lowest = self._lowest if here else NEVER, NEVER
        try:
            self._open[obligations] = here
            found = any(self._has_value(branch, obligations) for branch in self.expander.iterate(obligations))
        except RecursionError as error:
            if here:
                raise
            raise too_deep(obligations) from error
        finally:
            self._open.pop(obligations, None)
            lowest, self._lowest = self._lowest, outer
        if found or lowest >= here:
            self._known[obligations] = found
        else:
            self._lowest = min(outer, lowest)
        return found

    def _has_value(self, branch: Branch, obligations: Obligations) -> bool:
        if branch.candidates is not None:
            return any(True for _ in self.listed(branch, obligations))
        types = branch.types
        return bool(
            types & (NULL | BOOLEAN)
            or (types & NUMBER and number_dfa(branch.number, self.spelling).start)
            or (types & STRING and not string_language(branch.string).is_empty)
            or (types & ARRAY and self.has_array(ArrayPlan(branch.array, self.expander, self)))
            or (types & OBJECT and self._has_object(branch))
        )

    def _has_object(self, branch: Branch) -> bool:
        plan = self._make_object_plan(branch)
        found = self.has_object(plan)
        if self._lowest == NEVER:  # what the plan remembers leans on no question still open
            branch.plan = plan
        return found

    def object_plan(self, branch: Branch) -> ObjectPlan:
        """Return the one plan of a branch's objects; not to be asked while a question is open."""
        plan: ObjectPlan | None = branch.plan
        if plan is None:
            plan = branch.plan = self._make_object_plan(branch)
        return plan

    def _make_object_plan(self, branch: Branch) -> ObjectPlan:
        return ObjectPlan(branch.object, self.expander, self, is_ordered=self.is_ordered)

    def has_array(self, plan: ArrayPlan) -> bool:
        """Tell whether some array follows a plan."""
        return plan.is_plain() or plan.is_alive(plan.start)

    def has_object(self, plan: ObjectPlan) -> bool:
        """Tell whether some object follows a plan."""
        return plan.is_plain() or plan.can_complete(plan.start)
