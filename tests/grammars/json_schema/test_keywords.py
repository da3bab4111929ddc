"""Feed texts of a table byte by byte: each is taken or refused as the standard says, and the masks agree."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from fsm import Vocabulary, allocate_token_bitmask, is_allowed
from grammars import json_schema

_TABLE = Path(__file__).parents[2] / "data" / "json_schema.toml"
CASES = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["case"]
VOCABULARY = Vocabulary([*(bytes([byte]) for byte in range(256)), b"<end>"], eos_token_ids=[256])


def accepts(compiled: Any, text: str) -> bool:
    """Feed a text; every mask must say what ``try_advance`` then does."""
    matcher = compiled.matcher()
    mask = allocate_token_bitmask(1, VOCABULARY.size)
    for byte in text.encode():
        matcher.fill_next_token_bitmask(mask)
        taken = matcher.try_advance(byte)
        assert is_allowed(mask[0], byte) == taken, (text, bytes([byte]))
        if not taken:
            return False
    matcher.fill_next_token_bitmask(mask)
    assert is_allowed(mask[0], 256) == matcher.is_accepting, text
    assert mask.any(), text
    return bool(matcher.is_accepting)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_keyword_takes_what_fits_and_nothing_else(case: dict[str, Any]) -> None:
    """The table's texts fit or fail, in every spelling listed."""
    compiled = json_schema(json.loads(case["schema"]), key_order="any", whitespace="any").compile(VOCABULARY)
    assert [text for text in case["fits"] if not accepts(compiled, text)] == []
    assert [text for text in case["fails"] if accepts(compiled, text)] == []


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_keyword_agrees_with_the_slow_reading(case: dict[str, Any]) -> None:
    """A schema and the refusal of its refusal mean the same."""
    schema = json.loads(case["schema"])
    if "$ref" in schema or "$schema" in schema or "uniqueItems" in schema:
        pytest.skip("the schema is not moved as it is")
    compiled = json_schema({"not": {"not": schema}}, key_order="any", whitespace="any").compile(VOCABULARY)
    assert [text for text in case["fits"] if not accepts(compiled, text)] == []
    assert [text for text in case["fails"] if accepts(compiled, text)] == []


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_negation_takes_the_other_values(case: dict[str, Any]) -> None:
    """What a schema refuses as a value, its negation takes, and the other way round."""
    schema = json.loads(case["schema"])
    if "$ref" in schema or "$schema" in schema or "uniqueItems" in schema:
        pytest.skip("the schema is not moved as it is")
    fails = [text for text in case["fails"] if _is_json(text)]
    if not fails:
        pytest.skip("no value fails")
    compiled = json_schema({"not": schema}, key_order="any", whitespace="any").compile(VOCABULARY)
    assert [text for text in fails if not accepts(compiled, text)] == []
    assert [text for text in case["fits"] if accepts(compiled, text)] == []


def _is_json(text: str) -> bool:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=unique)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, AssertionError):
        return False
    return True
