"""Save grammars as frozen tables, and load them without reading the grammar again.

What is saved are the tables of ``fsm.freezing.frozen``: a program that loads them masks its first text at full speed,
where one that compiles fills each mask when it first meets it. Grammars without finite tables (recursion, numbers of
any size) compile lazily in less time than a file takes to read; saving them is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from fsm.compiled import Compiled
from fsm.errors import SavedFileError, UnsupportedFeatureError
from fsm.explanation import remember_source
from fsm.freezing.frozen import MAX_FROZEN_STATES, freeze
from fsm.freezing.frozen_compiled import FrozenCompiled
from fsm.freezing.saving import load_tables, save_tables
from fsm.vocabulary import Vocabulary
from grammars.algebra.kinds import ComplementGrammar, RepeatGrammar, SequenceGrammar, UnionGrammar
from grammars.algebra.product import ProductGrammar
from grammars.grammar import Grammar
from grammars.json_schema.grammar import JsonSchemaGrammar
from grammars.regular import RegularGrammar

__all__ = ["compile_cached", "fingerprint", "load", "save"]


def save(
    grammar: Grammar, vocabulary: Vocabulary, path: str | os.PathLike[str], *, max_states: int = MAX_FROZEN_STATES
) -> None:
    """Write a grammar's tables for a vocabulary to a file, whole or not at all.

    Raises
    ------
    LimitError : the grammar has more states than tables should; it needs no saving.
    UnsupportedFeatureError : it remembers what was read, or its kind has no fingerprint.
    """
    save_tables(freeze(grammar.compile(vocabulary), max_states=max_states), path, key=fingerprint(grammar))


def load(path: str | os.PathLike[str], vocabulary: Vocabulary, *, grammar: Grammar | None = None) -> Compiled:
    """Return the compiled grammar in a file.

    grammar : the one it must be; None takes any. With it, explanations name places in its source.

    Raises
    ------
    SavedFileError : no such file, damaged, another version's, or of another grammar or vocabulary.
    """
    tables = load_tables(path, vocabulary, key=None if grammar is None else fingerprint(grammar))
    compiled = FrozenCompiled(tables)
    if isinstance(grammar, RegularGrammar | JsonSchemaGrammar):
        remember_source(compiled, grammar.describe_place)
    return compiled


def compile_cached(grammar: Grammar, vocabulary: Vocabulary, folder: str | os.PathLike[str]) -> Compiled:
    """Return a compiled grammar from a folder of saved ones, where it is put when it is not there yet."""
    path = Path(folder) / f"{fingerprint(grammar)}-{vocabulary.fingerprint}.tables"
    if path.exists():
        try:
            return load(path, vocabulary, grammar=grammar)
        except SavedFileError:
            pass  # of another version, or damaged: written anew below
    path.parent.mkdir(parents=True, exist_ok=True)
    save(grammar, vocabulary, path)
    return load(path, vocabulary, grammar=grammar)


def fingerprint(grammar: Grammar) -> str:
    """Identify a grammar by its source: equal sources give an equal hexadecimal digest, also in other processes.

    Raises
    ------
    UnsupportedFeatureError : the kind of grammar does not say what it was made from.

    Examples
    --------
    >>> from grammars import regex
    >>> fingerprint(regex("a") + "b") == fingerprint(regex("a") + "b")
    True
    """
    return hashlib.blake2b(json.dumps(_describe(grammar)).encode(), digest_size=16).hexdigest()


def _describe(grammar: Grammar) -> list[object]:
    """Return what a grammar was made from, as JSON."""
    if isinstance(grammar, RegularGrammar):
        return ["regular", grammar.source]
    if isinstance(grammar, JsonSchemaGrammar):
        registry = None
        if grammar.registry is not None:
            registry = sorted((uri, json.dumps(grammar.registry.contents(uri))) for uri in grammar.registry)
        written = [repr(grammar.spaces), grammar.is_ordered, grammar.draft, grammar.lenient, repr(grammar.limits)]
        return ["json schema", grammar.schema, registry, *written]
    if isinstance(grammar, UnionGrammar | SequenceGrammar):
        return [type(grammar).__name__, *map(_describe, grammar.parts)]
    if isinstance(grammar, RepeatGrammar):
        return ["repeat", _describe(grammar.part), grammar.least, grammar.most]
    if isinstance(grammar, ProductGrammar):
        return ["product", _describe(grammar.part), _describe(grammar.regular)]
    if isinstance(grammar, ComplementGrammar):
        return ["complement", _describe(grammar.part)]
    raise UnsupportedFeatureError(
        f"{type(grammar).__name__}: got a kind of grammar without a fingerprint, expected patterns, choices, JSON "
        "Schemas and what is made of them; compile it where it is used"
    )
