"""Compare acceptance with `jsonschema` on drawn schemas and documents, under every way to write a document."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from benchmarks.walks.oracle import Oracle, UndecidedError
from fsm.errors import GrammarError, LimitError, UnsatisfiableError
from tests.conformance.acceptors import feed
from tests.strategies.instances import guess
from tests.strategies.json_text import cut, mixed_vocabulary, spell
from tests.strategies.schemas import Schema, documents, schemas

RELAXED = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def compile_schema(schema: Schema) -> Any:
    """Compile with any key order and any white space; None where nothing can match, skipped where refused."""
    from grammars import json_schema

    try:
        compiled = json_schema(schema, key_order="any", whitespace="any").compile(mixed_vocabulary())
        compiled.matcher()
    except UnsatisfiableError:
        event("unsatisfiable")
        return None
    return compiled


@RELAXED
@given(schemas(), st.lists(documents, max_size=3), st.integers(0, 2**32))
def test_acceptance_agrees_with_jsonschema(schema: Schema, values: list[Any], seed: int) -> None:
    """A document is accepted exactly when the validator holds for it, however it is written and cut."""
    source, oracle = random.Random(seed), Oracle(schema)
    try:
        compiled = compile_schema(schema)
    except (GrammarError, LimitError) as error:
        event(f"refused: {type(error).__name__}")
        return
    for value in [*values, *(guess(schema, schema, source) for _ in range(10))]:
        text = spell(value, source).encode()
        try:
            expected = oracle.find_fault(text) is None
        except UndecidedError:
            continue
        event(f"valid: {expected}")
        got = compiled is not None and feed(compiled, cut(text, mixed_vocabulary(), source))
        assert got is expected, f"{text!r} under {json.dumps(schema)}"


@RELAXED
@given(documents, st.integers(0, 2**32))
def test_every_document_is_accepted_without_constraints(value: Any, seed: int) -> None:
    """``true`` accepts every document in every writing."""
    source = random.Random(seed)
    token_ids = cut(spell(value, source).encode(), mixed_vocabulary(), source)
    assert feed(compile_schema(schema=True), token_ids)


@pytest.mark.parametrize("schema", [True, {"properties": {"a": {}}}, {"additionalProperties": {"type": "integer"}}])
@pytest.mark.parametrize("text", [b'{"a":1,"a":1}', b'{"a":1,"\\u0061":1}', b'{"b":1,"a":2,"b":3}'])
def test_duplicate_keys_are_never_accepted(schema: Schema, text: bytes) -> None:
    """A key may appear once, however it is written."""
    assert not feed(compile_schema(schema), list(text))


BROKEN = [
    *(b"", b"[1,]", b"{,}", b'{"a"}', b"01", b"1.", b".5", b"+1", b"NaN", b"'a'", b"nul", b"[1 2]"),
    *(b'"\n"', b'"\\x"', b'"\\u12"', b'"\x80"', b'"\xc0\x80"', b'"\xed\xa0\x80"'),
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_not_json_is_never_accepted(text: bytes) -> None:
    """Malformed JSON and malformed UTF-8 are rejected by the loosest schema."""
    assert not feed(compile_schema(schema=True), list(text))
