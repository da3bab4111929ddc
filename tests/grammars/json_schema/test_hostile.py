"""Serve or refuse hostile schemas within seconds: never a hang, never all the memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest

MAX_SECONDS = 2.0
MAX_BYTES = 500 * 2**20

_PROGRAM = """
import json, resource, sys, time
from fsm import GuidanceError, Vocabulary, allocate_token_bitmask
from grammars import json_schema

vocabulary = Vocabulary([*(bytes([byte]) for byte in range(256)), b"<end>"], eos_token_ids=[256])
mask = allocate_token_bitmask(1, 257)
warm = {{"type": "object", "properties": {{"a": {{"oneOf": [{{"const": 1}}, {{"type": "string"}}]}}}}}}
matcher = json_schema(warm).compile(vocabulary).matcher()
for byte in b'{{"a":"x"}}':
    matcher.fill_next_token_bitmask(mask)
    matcher.advance(byte)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
schema, text = ({schema}), ({text})
start = time.process_time()
try:
    matcher = json_schema(schema, key_order="any").compile(vocabulary).matcher()
    for byte in text.encode():
        matcher.fill_next_token_bitmask(mask)
        assert matcher.try_advance(byte), (text, byte)
    matcher.fill_next_token_bitmask(mask)
    said = "served"
except GuidanceError as error:
    said = type(error).__name__ + ": " + str(error)[:300]
print(json.dumps([said, time.process_time() - start,
                  (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024]))
"""

_SUBSETS = '[{"properties": {"p%d" % i: {"const": 1}}, "required": ["p%d" % i]} for i in range(24)]'
_FEW = _SUBSETS.replace("24", "12")
CASES: dict[str, tuple[str, str]] = {
    "nested_objects": (
        "__import__('functools').reduce(lambda inner, _: {'properties': {'a': inner}}, range(190), {'type': 'null'})",
        '\'{"a":{"a":\'',
    ),
    "nested_too_deep": (
        "__import__('functools').reduce(lambda inner, _: {'not': inner}, range(900), {'type': 'null'})",
        "'n'",
    ),
    "nested_not": (
        "__import__('functools').reduce(lambda inner, _: {'not': inner}, range(150), {'type': 'null'})",
        "'null'",
    ),
    "nested_arrays": (
        (
            "__import__('functools').reduce(lambda inner, _:"
            " {'items': inner, 'minItems': 1}, range(150), {'type': 'null'})"
        ),
        "'[[[['",
    ),
    "exponential_all_of_any_of": ("{'allOf': [{'anyOf': %s} for _ in range(12)]}" % _SUBSETS, "'{\"p1\":'"),
    "exponential_one_of": ("{'oneOf': %s}" % _SUBSETS, "'{\"p1\":'"),
    "exponential_one_of_squared": (
        "{'allOf': [{'oneOf': %s}, {'oneOf': %s}]}" % (_FEW, _FEW.replace("p%d", "q%d")),
        "'{'",
    ),
    "exponential_not": ("{'not': {'allOf': [{'not': {'anyOf': %s}} for _ in range(8)]}}" % _SUBSETS, "'{'"),
    "exponential_references": (
        (
            "{'$defs': {**{'d%d' % i: {'allOf': [{'$ref': '#/$defs/d%d' % (i + 1)}, {'$ref': '#/$defs/d%d' % (i + 1)}]}"
            " for i in range(60)}, 'd60': {'type': 'string'}}, '$ref': '#/$defs/d0'}"
        ),
        "'\"x\"'",
    ),
    "independent_conditions": (
        (
            "{'allOf': [{'if': {'properties': {'p%d' % i: {'const': 1}}, 'required': ['p%d' % i]},"
            " 'then': {'required': ['q%d' % i]}} for i in range(30)]}"
        ),
        "'{'",
    ),
    "unevaluated_any_of": ("{'anyOf': %s, 'unevaluatedProperties': False}" % _SUBSETS, "'{'"),
    "pattern_alternation": ("{'type': 'string', 'pattern': '^(a|a)*b$'}", "'\"aaaaaaaa'"),
    "pattern_nested_stars": ("{'type': 'string', 'pattern': '^(a*)*$'}", "'\"aaaaaaaa'"),
    "pattern_far_back": ("{'type': 'string', 'pattern': '(a|b)*a(a|b){40}$'}", "'\"abababab'"),
    "pattern_repeated": ("{'type': 'string', 'pattern': '^((a{1,100}){1,100}){1,100}$'}", "'\"aaa'"),
    "patterns_intersected": (
        "{'type': 'string', 'allOf': [{'pattern': '^(.{%d})*$' % n} for n in (2, 3, 5, 7, 11, 13, 17, 19)]}",
        "'\"'",
    ),
    "max_length": ("{'type': 'string', 'maxLength': 10**9}", "'\"abc\"'"),
    "max_length_pattern": ("{'type': 'string', 'pattern': '^(ab)*$', 'maxLength': 10**9}", "'\"abab\"'"),
    "min_length": ("{'type': 'string', 'minLength': 10**9}", "'\"abc'"),
    "max_items": ("{'type': 'array', 'maxItems': 10**9, 'contains': {'const': 1}, 'maxContains': 10**9}", "'[1,2]'"),
    "min_items": ("{'type': 'array', 'minItems': 10**9}", "'[1,2'"),
    "min_contains": ("{'type': 'array', 'contains': {'const': 1}, 'minContains': 10**6}", "'[1,2'"),
    "min_properties": ("{'type': 'object', 'minProperties': 10**9}", "'{\"a\":1'"),
    "unique_items": ("{'type': 'array', 'uniqueItems': True, 'minItems': 10**9}", "'[1,2'"),
    "multiple_of_tiny": ("{'type': 'number', 'multipleOf': 1e-300}", "'1'"),
    "multiple_of_huge": ("{'type': 'number', 'multipleOf': 1e300}", "'0'"),
    "multiples": (
        "{'type': 'number', 'allOf': [{'multipleOf': n} for n in (997, 991, 983, 977, 971, 967, 953)]}",
        "'0'",
    ),
    "not_multiples": (
        "{'type': 'integer', 'not': {'anyOf': [{'multipleOf': n} for n in (7, 11, 13, 17, 19, 23)]}}",
        "'1'",
    ),
    "bounds": ("{'type': 'number', 'minimum': 1e-300, 'maximum': 1e300}", "'1'"),
    "enum_texts": ("{'enum': ['value %d' % i for i in range(10_000)]}", "'\"value 77\"'"),
    "enum_numbers": ("{'enum': list(range(0, 70_000, 7))}", "'7'"),
    "enum_objects": ("{'enum': [{'a': i} for i in range(10_000)]}", "'{'"),
    "any_of_constants": ("{'anyOf': [{'const': 'value %d' % i} for i in range(10_000)]}", "'\"value 77\"'"),
    "one_of_constants": ("{'oneOf': [{'const': 'value %d' % i} for i in range(10_000)]}", "'\"value 77\"'"),
    "any_of_objects": (
        (
            "{'anyOf': [{'properties': {'kind': {'const': i}, 'v%d' % i: {'type': 'string'}}, 'required': ['kind']}"
            " for i in range(10_000)]}"
        ),
        "'{'",
    ),
    "one_of_objects": (
        (
            "{'oneOf': [{'type': 'object', 'properties': {'kind': {'const': 'k%d' % i}}, 'required': ['kind']}"
            " for i in range(10_000)]}"
        ),
        "'{'",
    ),
    "many_properties": ("{'properties': {'p%d' % i: {'type': 'string'} for i in range(10_000)}}", "'{\"p77\":'"),
    "many_required": (
        (
            "{'type': 'object', 'properties': {'p%d' % i: {'type': 'string'} for i in range(5_000)},"
            " 'required': ['p%d' % i for i in range(5_000)]}"
        ),
        "'{\"p77\":'",
    ),
    "many_pattern_properties": (
        "{'patternProperties': {'^a.*%d$' % i: {'minimum': i} for i in range(16)}}",
        "'{'",
    ),
    "dependencies": (
        "{'dependentSchemas': {'p%d' % i: {'required': ['q%d' % i], 'minProperties': i} for i in range(16)}}",
        "'{'",
    ),
    "recursion_mutual": (
        (
            "{'$defs': {'a': {'anyOf': [{'$ref': '#/$defs/b'}, {'items': {'$ref': '#/$defs/a'}}]},"
            " 'b': {'oneOf': [{'$ref': '#/$defs/a'}, {'type': 'null'}]}}, '$ref': '#/$defs/a'}"
        ),
        "'['",
    ),
    "reference_cycle": (
        "{'$defs': {'a': {'$ref': '#/$defs/b'}, 'b': {'$ref': '#/$defs/a'}}, '$ref': '#/$defs/a'}",
        "'1'",
    ),
    "negated_recursion": ("{'properties': {'a': {'not': {'$ref': '#'}}}}", "'{'"),
}


@pytest.mark.parametrize("name", CASES)
def test_hostile_schema_is_served_or_refused_in_time(name: str) -> None:
    """Two seconds of work and 500 MB are enough to serve a text's first tokens, or to say which limit was met."""
    schema, text = CASES[name]
    said, seconds, size = _run(schema, text)
    assert said == "served" or said.startswith(("LimitError", "UnsupportedFeatureError", "UnsatisfiableError")), said
    assert seconds < MAX_SECONDS, (said, seconds)
    assert size < MAX_BYTES, (said, size)


def _run(schema: str, text: str) -> Any:
    import json

    program = textwrap.dedent(_PROGRAM.format(schema=schema, text=text))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
