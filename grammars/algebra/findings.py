"""Read what a grammar's source says about itself, kind by kind."""

from __future__ import annotations

from dataclasses import dataclass, field

from grammars.algebra.kinds import ComplementGrammar, RepeatGrammar, SequenceGrammar, UnionGrammar
from grammars.algebra.product import ProductGrammar
from grammars.algebra.schema_findings import read_schema
from grammars.algebra.texts import FEW, is_few, iterate_texts
from grammars.context_free.grammar import ContextFreeGrammar
from grammars.grammar import Grammar
from grammars.json_schema.grammar import JsonSchemaGrammar
from grammars.regular import RegularGrammar

__all__ = ["Findings", "findings_of"]


@dataclass(slots=True)
class Findings:
    """Collect lines under the headings of a report."""

    enforced: list[str] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    unbounded: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)

    def add(self, other: Findings, where: str) -> None:
        """Take over another grammar's lines, each with its place."""
        for name in ("enforced", "unreachable", "unbounded", "ambiguous"):
            getattr(self, name).extend(f"{where}: {line}" for line in getattr(other, name))


def findings_of(grammar: Grammar) -> Findings:
    """Return what is known without looking at states."""
    found = Findings()
    describe = getattr(grammar, "describe", None)
    if describe is not None:
        describe(found)
    elif isinstance(grammar, JsonSchemaGrammar):
        read_schema(grammar, found)
    elif isinstance(grammar, RegularGrammar):
        _read_regular(grammar, found)
    elif isinstance(grammar, ContextFreeGrammar):
        names = [terminal.name for terminal in grammar.analysis.terminals]
        found.enforced.append(f"{len(grammar.analysis.rules)} rules over {len(names)} terminals: {', '.join(names)}")
    elif isinstance(grammar, UnionGrammar | SequenceGrammar):
        name = "alternative" if isinstance(grammar, UnionGrammar) else "part"
        for number, part in enumerate(grammar.parts, 1):
            found.add(findings_of(part), f"{name} {number}")
            if isinstance(grammar, UnionGrammar) and part.is_empty():
                found.unreachable.append(f"{name} {number}: no text fits {part}")
    elif isinstance(grammar, RepeatGrammar):
        found.add(findings_of(grammar.part), "each time")
        found.enforced.append(
            f"{grammar.least} to {grammar.most if grammar.most is not None else 'any number of'} times"
        )
        if grammar.most is None:
            found.unbounded.append(f"any number of {grammar.part}")
    elif isinstance(grammar, ProductGrammar):
        found.add(findings_of(grammar.part), "on the one side")
        found.add(findings_of(grammar.regular), "and on the other")
        if grammar.dfa.start and grammar.dfa.longest(grammar.dfa.start) is not None:
            found.unbounded.clear()
    elif isinstance(grammar, ComplementGrammar):
        found.enforced.append(f"no text of {grammar.part}")
    return found


def _read_regular(grammar: RegularGrammar, found: Findings) -> None:
    dfa = grammar.dfa
    found.enforced.append(f"the whole text fits {grammar}")
    if not dfa.start:
        return
    longest = dfa.longest(dfa.start)
    bound = "no bound" if longest is None else str(longest)
    found.enforced.append(f"{dfa.shortest(dfa.start)} to {bound} characters")
    if longest is not None and longest <= 64 and is_few(dfa):
        found.enforced.append(f"{sum(1 for _ in iterate_texts(dfa))} texts (of at most {FEW} that are listed)")
