"""Values made up for a schema are what it is likely to accept, and every schema has one."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm import Vocabulary
from fsm.ahead import fill_ahead
from fsm.errors import GuidanceError
from grammars import json_schema
from grammars.json_schema.formats import FORMATS, format_dfa
from grammars.json_schema.sample import FORMAT_EXAMPLES, sample_value
from tests.strategies.schemas import documents, schemas

BYTES = Vocabulary([b"</s>", *(bytes([byte]) for byte in range(256))], eos_token_ids=[0])

VALUES = [
    ({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}, {"a": "ab", "b": 12}),
    ({"required": ["x"], "additionalProperties": {"type": "boolean"}}, {"x": True}),
    ({"properties": {"a": False, "b": {"type": "null"}}}, {"b": None}),
    ({"items": {"const": 3}}, [3]),
    ({"type": "array", "items": {"const": 3}, "minItems": 2}, [3, 3]),
    ({"prefixItems": [{"const": 1}, {"const": 2}], "items": False}, [1, 2]),
    ({"items": [{"const": 1}], "additionalItems": {"const": 2}, "minItems": 2}, [1, 2]),
    ({"type": "array", "maxItems": 0}, []),
    ({"type": "number", "exclusiveMinimum": 0.5, "maximum": 0.9}, 0.9),
    ({"type": "integer", "minimum": 100}, 100),
    ({"type": "integer", "exclusiveMaximum": -3}, -4),
    ({"type": "integer", "multipleOf": 7}, 7),
    ({"minLength": 5}, "ababa"),
    ({"type": "string", "maxLength": 1}, "a"),
    ({"pattern": "^x{3}$"}, "xxx"),
    ({"pattern": "^[a-z]+@[.a-z]*$"}, "aa@a"),
    ({"pattern": "("}, "ab"),
    ({"format": "date"}, "2000-10-10"),
    ({"enum": [["z"], 1]}, ["z"]),
    ({"type": "string", "examples": ["zz"]}, "zz"),
    ({"type": ["null", "boolean"]}, True),
    ({"type": "null"}, None),
    ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
    ({"type": "object", "oneOf": [{"properties": {"a": {"const": 1}}}], "properties": {"b": {"const": 2}}},
     {"a": 1, "b": 2}),
    ({"allOf": [{"properties": {"a": {"const": 1}}}, {"$ref": "#/$defs/b"}],
      "$defs": {"b": {"properties": {"b": {"const": 2}}}}}, {"a": 1, "b": 2}),
    ({"$ref": "#/$defs/a~1b/0", "$defs": {"a/b": [{"const": 5}]}}, 5),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value"), VALUES, ids=lambda part: json.dumps(part)[:40])
def test_sample_value_follows_the_keywords(schema, value):
    """One keyword at a time."""
    assert sample_value(schema) == value


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_has_an_example(name):
    """It is a text of the format."""
    dfa = format_dfa(name)
    assert dfa is not None
    assert dfa.accepts(FORMAT_EXAMPLES[name])


def test_a_schema_that_contains_itself_has_a_value_that_ends():
    """Nesting is given up at a few levels."""
    tree: dict[str, Any] = {"properties": {"left": {"$ref": "#"}, "more": {"items": {"$ref": "#"}}}}
    assert len(json.dumps(sample_value(tree))) < 10_000
    assert sample_value({"$ref": "#"}) is not None


def test_a_large_schema_has_a_small_value():
    """Some hundred values are enough."""
    wide = {"properties": {f"k{i}": {"type": "string"} for i in range(5000)}}
    assert len(sample_value(wide)) < 300


def test_references_that_fan_out_are_followed_a_few_times(monkeypatch):
    """Ten at each of four levels lead ten thousand ways, of which some hundred are looked at."""
    levels: dict[str, Any] = {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 10} for i in range(4)}
    fan = {"$ref": "#/$defs/a0", "$defs": levels | {"a4": {"type": "string"}}}
    followed = []
    sampler = importlib.import_module("grammars.json_schema.sample")._Sampler
    follow = sampler._follow
    monkeypatch.setattr(
        sampler, "_follow", lambda self, reference: followed.append(reference) or follow(self, reference)
    )
    assert sample_value(fan) is not None
    assert 0 < len(followed) < 1000


@given(schemas())
def test_a_schema_is_compiled_ahead_if_it_is_compiled(schema):
    """No schema is refused for its sample's sake."""
    try:
        json_schema(schema).compile(BYTES)
    except GuidanceError:
        return
    json_schema(schema).compile_ahead(BYTES, seconds=0.01)


@given(st.dictionaries(st.sampled_from(["type", "items", "minItems", "required", "$ref", "properties"]), documents))
def test_sample_value_takes_any_json(schema):
    """What is no schema is refused elsewhere."""
    json.dumps(sample_value(schema))


def test_most_real_schemas_read_their_samples_to_the_end(data_directory):
    """Nine of ten, of one in forty."""
    path = data_directory / "maskbench" / "visible.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no schemas at {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        schemas_read = [json.loads(line)["schema"] for line in itertools.islice(lines, 0, None, 40)]
    outcomes = []
    for schema in schemas_read:
        with contextlib.suppress(GuidanceError):
            grammar = json_schema(schema)
            compiled = grammar.compile(BYTES)
            sample = grammar.sample(compiled)
            outcomes.append(fill_ahead(compiled, sample, until=math.inf) == len(sample))
    assert sum(outcomes) > 0.85 * len(outcomes) > 80
