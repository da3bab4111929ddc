"""Choose the construction that serves two kinds of grammars; refuse what has none."""

from __future__ import annotations

from fsm import dfa as automata
from fsm.automata import rational
from fsm.automata.texts import ALL_TEXTS
from fsm.dfa import Dfa, literals
from fsm.errors import GrammarError, UnsupportedFeatureError
from grammars.algebra.kinds import ComplementGrammar, RepeatGrammar, SequenceGrammar, UnionGrammar
from grammars.algebra.probe import accepts
from grammars.algebra.product import ProductGrammar
from grammars.algebra.schemas import any_schema, both_schemas, first_schema_only, is_written_alike
from grammars.algebra.texts import is_few, iterate_texts
from grammars.grammar import Grammar
from grammars.json_schema.grammar import JsonSchemaGrammar
from grammars.regular import RegularGrammar

__all__ = ["as_grammar", "complement", "concatenate", "intersect", "repetition", "unite"]

Value = Grammar | str


def as_grammar(value: Value) -> Grammar:
    """Return a grammar as it is, a string as the grammar of itself.

    Raises
    ------
    GrammarError : it is neither.
    """
    if isinstance(value, Grammar):
        return value
    if not isinstance(value, str):
        raise GrammarError(f"grammar: got a {type(value).__name__}, expected a grammar or a string to combine with")
    return RegularGrammar(literals([value]), repr(value))


def unite(left: Value, right: Value) -> Grammar:
    """Return the texts of either: ``left | right``."""
    one, other = as_grammar(left), as_grammar(right)
    if isinstance(one, RegularGrammar) and isinstance(other, RegularGrammar):
        return _regular(automata.union(one.dfa, other.dfa), one, "|", other)
    if isinstance(one, JsonSchemaGrammar) and isinstance(other, JsonSchemaGrammar) and is_written_alike(one, other):
        return any_schema(one, other)
    return UnionGrammar((*_parts(one), *_parts(other)))


def concatenate(left: Value, right: Value) -> Grammar:
    """Return a text of one, then a text of the other: ``left + right``."""
    one, other = as_grammar(left), as_grammar(right)
    if isinstance(one, RegularGrammar) and isinstance(other, RegularGrammar):
        return _regular(rational.concatenate(one.dfa, other.dfa), one, "+", other)
    items = [item for part in (one, other) for item in (part.parts if isinstance(part, SequenceGrammar) else (part,))]
    return SequenceGrammar(tuple(items))


def repetition(part: Grammar, least: int, most: int | None) -> Grammar:
    """Return ``least`` to ``most`` texts one after the other: ``part.repeat(least, most)``.

    Raises
    ------
    GrammarError : not 0 <= least <= most.
    """
    if least < 0 or (most is not None and most < least):
        raise GrammarError(f"repeat: got {least} to {most} times, expected 0 <= least <= most")
    if isinstance(part, RegularGrammar):
        source = f"{part}.repeat({least}, {most})"
        return RegularGrammar(rational.repetition(part.dfa, least, most), source)
    return part if (least, most) == (1, 1) else RepeatGrammar(part, least, most)


def complement(value: Value) -> Grammar:
    """Return every other text: ``~value``. Of a grammar that is not regular it only serves inside ``&`` and ``-``."""
    grammar = as_grammar(value)
    if isinstance(grammar, RegularGrammar):
        return RegularGrammar(automata.intersect(automata.complement(grammar.dfa), ALL_TEXTS()), f"~{grammar}")
    if isinstance(grammar, ComplementGrammar):
        return grammar.part
    if isinstance(grammar, ProductGrammar):
        return UnionGrammar((complement(grammar.part), complement(grammar.regular)))
    return ComplementGrammar(grammar)


def intersect(left: Value, right: Value) -> Grammar:
    """Return the texts of both: ``left & right``.

    Raises
    ------
    UnsupportedFeatureError : no exact construction exists; the message says why.
    """
    one, other = as_grammar(left), as_grammar(right)
    if isinstance(one, RegularGrammar) and isinstance(other, RegularGrammar):
        return _regular(automata.intersect(one.dfa, other.dfa), one, "&", other)
    if isinstance(one, ComplementGrammar) and isinstance(other, ComplementGrammar):
        return ComplementGrammar(unite(one.part, other.part))
    if isinstance(one, UnionGrammar):
        return _united([intersect(part, other) for part in one.parts])
    if isinstance(other, UnionGrammar):
        return _united([intersect(one, part) for part in other.parts])
    if isinstance(one, ProductGrammar):
        return _narrowed(intersect(one.part, other), one.regular)
    if isinstance(other, ProductGrammar):
        return _narrowed(intersect(one, other.part), other.regular)
    if isinstance(other, ComplementGrammar):
        return _without(one, other.part)
    if isinstance(one, ComplementGrammar):
        return _without(other, one.part)
    return _meet(one, other)


def _meet(one: Grammar, other: Grammar) -> Grammar:
    if isinstance(other, RegularGrammar):
        return _narrowed(one, other)
    if isinstance(one, RegularGrammar):
        return _narrowed(other, one)
    if isinstance(one, JsonSchemaGrammar) and isinstance(other, JsonSchemaGrammar):
        return both_schemas(one, other)
    raise UnsupportedFeatureError(
        f"{_brief(one)} & {_brief(other)}: neither is regular, and whether two context-free languages have a text in "
        "common is undecidable; give one of them as a regular expression, or both as JSON Schemas"
    )


def _without(one: Grammar, other: Grammar) -> Grammar:
    """Return the texts of one that are none of a grammar's that is not regular."""
    if isinstance(other, UnionGrammar):
        for part in other.parts:
            one = intersect(one, complement(part))
        return one
    if isinstance(one, JsonSchemaGrammar) and isinstance(other, JsonSchemaGrammar):
        return first_schema_only(one, other)
    if isinstance(one, RegularGrammar) and is_few(one.dfa):
        kept = [text for text in iterate_texts(one.dfa) if not accepts(other, text)]
        return RegularGrammar(literals(kept), f"{one} - {other}")
    raise UnsupportedFeatureError(
        f"{_brief(one)} - {_brief(other)}: the complement of a grammar that is not regular is no grammar here; "
        "subtract a regular expression, subtract from a JSON Schema, or from finitely many texts"
    )


def _narrowed(part: Grammar, regular: RegularGrammar) -> Grammar:
    if isinstance(part, RegularGrammar):
        return _regular(automata.intersect(part.dfa, regular.dfa), part, "&", regular)
    if isinstance(part, UnionGrammar):
        return _united([_narrowed(inner, regular) for inner in part.parts])
    if isinstance(part, ProductGrammar):
        return ProductGrammar(
            part.part, _regular(automata.intersect(part.dfa, regular.dfa), part.regular, "&", regular)
        )
    if isinstance(part, ComplementGrammar):
        return _without(regular, part.part)
    return ProductGrammar(part, regular)


def _united(parts: list[Grammar]) -> Grammar:
    result = parts[0]
    for part in parts[1:]:
        result = unite(result, part)
    return result


def _parts(grammar: Grammar) -> tuple[Grammar, ...]:
    return grammar.parts if isinstance(grammar, UnionGrammar) else (grammar,)


def _regular(dfa: Dfa, one: Grammar, sign: str, other: Grammar) -> RegularGrammar:
    return RegularGrammar(dfa, f"({one} {sign} {other})")


def _brief(grammar: Grammar) -> str:
    text = repr(grammar)
    return text if len(text) <= 60 else f"{text[:57]}..."
