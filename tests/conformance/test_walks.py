"""Walk at random through the masks of real schemas: every text that the masks allow must be right."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.walks.oracle import Oracle, UndecidedError, read_json
from benchmarks.walks.walker import Ending, Walker
from fsm.errors import GrammarError, LimitError
from tests.conformance.acceptors import byte_vocabulary
from tests.conformance.suite import read_maskbench
from tests.strategies.json_text import mixed_vocabulary

_STRIDE = 30


@pytest.mark.parametrize("key_order", ["any", "schema"])
def test_walks_end_in_documents_the_schema_holds_for(key_order: str, data_directory: Path) -> None:
    """No dead end, no text that does not parse, no document that `jsonschema` rejects."""
    from grammars import json_schema

    walker, source = Walker(mixed_vocabulary()), random.Random(4)
    for case in islice(read_maskbench(data_directory), 0, None, _STRIDE):
        try:
            compiled = json_schema(case.schema, key_order=key_order).compile(mixed_vocabulary())
            walk = walker.walk(compiled, source, max_tokens=60)
        except (GrammarError, LimitError):
            continue
        assert walk.ending is Ending.FINISHED, (case.id, walk)
        try:
            assert Oracle(case.schema).find_fault(walk.text) is None, (case.id, walk.text)
        except UndecidedError:
            continue


@pytest.mark.parametrize(
    ("schema", "text", "fault"),
    [
        (True, b'{"a": 1}', None),
        (True, b'{"a": 1, "a": 1}', "duplicate key"),
        (True, b"{", "parse"),
        (True, b"NaN", "parse"),
        ({"type": "integer"}, b"1.0", None),
        ({"type": "integer"}, b"1e400", None),
        ({"type": "integer"}, b"1.5", "type"),
        ({"multipleOf": 0.1}, b"0.3", None),
        ({"multipleOf": 0.1}, b"0.35", "multipleOf"),
        ({"enum": [0.1]}, b"0.10", None),
        ({"format": "ipv4"}, b'"256.0.0.1"', "format ipv4"),
        ({"uniqueItems": True}, b"[1, 1.0]", "uniqueItems"),
    ],
)
def test_oracle_names_the_fault(schema: object, text: bytes, fault: str | None) -> None:
    """The judge of the walks is exact about numbers and strict about JSON."""
    found = Oracle(schema).find_fault(text)
    assert (None if found is None else found.keyword) == fault


def test_oracle_says_when_it_cannot_judge() -> None:
    """A pattern outside Python's dialect is no verdict."""
    with pytest.raises(UndecidedError):
        Oracle({"pattern": r"^\p{L}$"}).find_fault(b'"a"')


def test_read_json_keeps_decimals_exact() -> None:
    """Binary rounding would make 0.1 another number."""
    assert str(read_json("[0.1, 1e2]")) == "[Decimal('0.1'), Decimal('1E+2')]"


def test_walker_reports_a_dead_end() -> None:
    """A matcher whose mask is empty before the end is found out."""

    class Dead:
        def matcher(self) -> Dead:
            return self

        def fill_next_token_bitmask(self, mask: object) -> None:
            mask[:] = 0  # type: ignore[index]

    walk = Walker(byte_vocabulary()).walk(Dead(), random.Random(0), max_tokens=5)
    assert (walk.ending, walk.text) == (Ending.DEAD_END, b"")
