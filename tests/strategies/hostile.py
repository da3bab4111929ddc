"""Grammars that ask for too much, by kind, and a program that asks each for a few masks and distances.

``python -m tests.strategies.hostile KIND`` prints one line of JSON for each: its name, what came of it, the longest
question in seconds of this process, and the megabytes it added. Time limits are a fifth of the usual ones, so that all
cases take seconds; what is within them here is within 2 seconds with the usual ones.
"""

from __future__ import annotations

import functools
import itertools
import json
import random
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import fsm.expansion_time
from fsm import GuidanceError, Vocabulary, allocate_token_bitmask
from fsm.mask import is_allowed
from grammars import Tag, choice, gbnf, json_schema, lark, regex, substring, tags
from grammars.grammar import Grammar

LIMIT = 0.3

Case = Callable[[], Grammar]


def nest(wrap: Callable[[Any], Any], times: int, inside: Any) -> Any:
    """Wrap something so many times."""
    return functools.reduce(lambda inner, _: wrap(inner), range(times), inside)


def members(count: int, prefix: str = "p") -> list[dict[str, Any]]:
    """List schemas each of which asks for a member of its own."""
    return [{"properties": {f"{prefix}{i}": {"const": 1}}, "required": [f"{prefix}{i}"]} for i in range(count)]


def names(count: int) -> list[str]:
    """List names."""
    return [f"p{i}" for i in range(count)]


PATTERNS = {
    "same_choice": "(a|a)*b",
    "nested_stars": "(a*)*",
    "nested_counts": "((a{1,100}){1,100}){1,100}",
    "nested_counts_of_any": r"(((.{1,20}\.){1,20};){1,20}x)",
    "far_back": "(a|b)*a(a|b){40}",
    "far_back_1000": ".*a.{1000}",
    "far_back_billion": ".*a.{1000000000}",
    "until_x": "[^x]*x.{20}",
    "billion": "a{1000000000}",
    "billion_pairs": "((a|b){0,1000000000}c){0,1000000000}",
    "twenty_looks": "".join(f"(?=.*{letter})" for letter in "abcdefghijklmnopqrst") + ".*",
    "counted_looks": "".join(f"(?=.*{letter}.{{{i}}})" for i, letter in enumerate("abcdefghijkl")) + ".*",
    "negative_looks": "".join(f"(?!.*{letter}.{{5}}{letter})" for letter in "abcdefgh") + ".*",
    "looks_in_counts": "((?=.{1,10}x)(?=.{1,20}y).){1,100}",
    "looks_in_stars": "((?!ab{1,20}c)(?!de{3,9}f).)*",
    "far_looks": r"(?!.*://)(?=.{1,255}$)((.{1,63}\.){1,127}(?![0-9]*$)[a-z0-9-]+\.?)",
    "host": r"(?=.{1,253}$)(?!.*--)(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.){1,8}[a-z]{2,63}",
    "looks_behind": ".*(?<=a.{15}).*(?<=b.{13})c",
    "looks_behind_in_counts": r"(.{1,63}(?<=[a-z]{3})\.){1,127}",
    "boundaries": r"(\b.{1,20}\b){1,50}",
    "many_dots": ".*a.*b.*c.*d.*e.*f.*g.*h.*i.*j.*",
    "optional": "(a?){50}a{50}",
    "optional_letters": "".join(f"{chr(97 + i % 26)}?" for i in range(200)),
    "alternatives": "|".join(f"{i}[a-z]+{i}" for i in range(4000)),
    "alternatives_by_length": "(" + "|".join(f".{{{i}}}a" for i in range(1, 40)) + ")*b",
    "alternatives_repeated": "(" + "|".join("".join(p) for p in itertools.permutations("abcdef")) + ")*",
    "classes": r"(\p{Lu}\p{Ll}*\P{L}?){1,100}",
    "large_class": "[" + "".join(chr(0x3400 + 2 * i) for i in range(5000)) + "]{1,9}",
    "nested_groups": "(" * 99 + "a" + ")*" * 99,
    "nested_optional_counts": "(" * 30 + "ab" + "){0,3}" * 30,
    "primes": "(" + "|".join(f"(a{{{p}}})*b" for p in (2, 3, 5, 7, 11, 13, 17, 19, 23)) + ")*",
    "no_letter_before_digit": "(?!.*[a-z].{20}[0-9]).{1,100}",
}

SCHEMAS: dict[str, Any] = {
    "objects": nest(lambda x: {"type": "object", "properties": {"a": x}, "required": ["a"]}, 190, {"type": "null"}),
    "arrays": nest(lambda x: {"type": "array", "items": x, "minItems": 2}, 190, {"type": "null"}),
    "twenty_thousand_levels": nest(lambda x: {"items": x}, 20_000, {"type": "null"}),
    "deep_constant": {"const": nest(lambda x: [x], 20_000, 1)},
    "deep_annotation": {"x-note": nest(lambda x: [x], 20_000, 1)},
    "any_of_powers": nest(lambda x: {"anyOf": [x, {"items": x}]}, 60, {"type": "string"}),
    "one_of_powers": nest(lambda x: {"oneOf": [x, {"items": x}]}, 40, {"type": "string"}),
    "not_powers": nest(lambda x: {"not": {"allOf": [x, {"items": x}]}}, 40, {"type": "string"}),
    "all_of_any_of": {"allOf": [{"anyOf": [{"required": [f"p{i}"]}, {"required": [f"q{i}"]}]} for i in range(16)]},
    "one_of_members": {"oneOf": members(200)},
    "one_of_squared": {"allOf": [{"oneOf": members(12)}, {"oneOf": members(12, "q")}]},
    "one_of_patterns": {"oneOf": [{"type": "string", "pattern": f"a.{{{i}}}b"} for i in range(20)]},
    "all_of_patterns": {"allOf": [{"type": "string", "pattern": f"a.{{{i}}}b"} for i in range(20)]},
    "no_patterns": {"type": "string", "allOf": [{"not": {"pattern": f"{c}.*{c}"}} for c in "abcdefghijklmnopqrst"]},
    "reference_chain": {
        "$defs": {**{f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(5000)}, "d5000": {"type": "string"}},
        "$ref": "#/$defs/d0",
    },
    "reference_tree": {
        "$defs": {
            **{
                f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"items": {"$ref": f"#/$defs/d{i + 1}"}}]}
                for i in range(60)
            },
            "d60": {"type": "string"},
        },
        "$ref": "#/$defs/d0",
    },
    "reference_clique": {
        "$defs": {
            f"n{i}": {
                "type": "object",
                "anyOf": [
                    *({"properties": {f"p{j}": {"$ref": f"#/$defs/n{j}"}}, "required": [f"p{j}"]} for j in range(20)),
                    {"maxProperties": 0},
                ],
            }
            for i in range(20)
        },
        "$ref": "#/$defs/n0",
    },
    "unevaluated": {"anyOf": members(24), "unevaluatedProperties": False},
    "unevaluated_nested": nest(
        lambda x: {"anyOf": [x, {"properties": {"z": x}}], "unevaluatedProperties": False, "unevaluatedItems": False},
        12,
        {"properties": {"a": {"type": "string"}}},
    ),
    "pattern_members": {"patternProperties": {f"^a.*{i}$": {"minimum": i} for i in range(40)}},
    "pattern_members_by_letter": {
        "type": "object",
        "patternProperties": {c: {"type": "string", "pattern": c} for c in "abcdefghijklmnopqrst"},
    },
    "unique": {"type": "array", "uniqueItems": True, "minItems": 10**9},
    "unique_of_a_thousand": {
        "type": "array",
        "uniqueItems": True,
        "items": {"enum": list(range(1000))},
        "minItems": 1000,
    },
    "contains": {"type": "array", "contains": {"const": 1}, "minContains": 10**6, "maxContains": 10**9},
    "contains_many": {
        "type": "array",
        "allOf": [{"contains": {"const": i}, "minContains": 3, "maxContains": 7} for i in range(12)],
    },
    "dependent_clique": {
        "dependentSchemas": {f"p{i}": {"required": [f"p{j}" for j in range(24) if j != i]} for i in range(24)}
    },
    "conditions": {
        "allOf": [{"if": {"required": [f"p{i}"]}, "then": {"required": [f"q{i}"]}} for i in range(30)],
    },
    "not_a_listed_value": {"not": {"enum": [*range(10_000), *names(10_000)]}},
    "shortest_billion": {"type": "string", "minLength": 10**9},
    "longest_billion": {"type": "string", "pattern": "^(abc|de)*$", "minLength": 10**9, "maxLength": 10**9},
    "items_billion": {"type": "array", "minItems": 10**9},
    "members_billion": {"type": "object", "minProperties": 10**9},
    "values": {"enum": [f"value {i}" for i in range(10_000)]},
    "value_of_a_megabyte": {"const": "x" * 1_000_000},
    "value_of_thousands": {"const": {f"k{i}": {"v": [i, str(i)]} for i in range(5000)}},
    "number_of_5000_digits": {"const": 10**5000},
    "name_of_100_kilobytes": {"type": "object", "properties": {"x" * 100_000: {}}, "required": ["x" * 100_000]},
    "ten_thousand_members": {"type": "object", "properties": {name: {"maxLength": 9} for name in names(10_000)}},
    "thousand_required": {"type": "object", "required": names(1000)},
    "alternatives": {"anyOf": [{"const": f"value {i}"} for i in range(10_000)]},
    "object_alternatives": {
        "oneOf": [{"type": "object", "properties": {"k": {"const": i}}, "required": ["k"]} for i in range(10_000)]
    },
    "multiple_tiny": {"type": "number", "multipleOf": 1e-300},
    "multiples": {"type": "number", "allOf": [{"multipleOf": n} for n in (997, 991, 983, 977, 971, 967, 953)]},
    "format_and_length": {"type": "string", "format": "idn-hostname", "minLength": 2, "maxLength": 100},
    "no_format": {"type": "string", "not": {"format": "regex"}, "pattern": "a.{3}b"},
}

LARK = {
    "ambiguous": 'start: start start start | start start | "a" | "b"?',
    "nullable_tree": "\n".join(["start: r1 r1", *(f"r{i}: r{i + 1} r{i + 1}" for i in range(1, 40)), 'r40: "a"?']),
    "options": "start: " + " ".join(f'"{chr(97 + i % 26)}"?' for i in range(300)),
    "nested_groups": "start: " + "(" * 5000 + '"a"' + ")" * 5000,
    "growing_template": 'start: t{"a"}\nt{x}: "b" | t{t{x}}',
    "repeated": 'start: ("a" | "b" "c")~1..1000000000',
    "far_terminals": "start: (T | U)+\nT: /[a-z]*x.{20}/\nU: /(.{1,63}\\.){1,127}/",
    "long": 'start: "' + "a" * 100_001 + '"',
    "alternatives": "start: " + " | ".join(f'"value {i}"' for i in range(2000)),
    "no_end": 'start: "a" start',
}

GBNF = {
    "ambiguous": 'root ::= root root | "a"',
    "nullable_tree": "\n".join(
        ["root ::= r1 r1", *(f"r{i} ::= r{i + 1} r{i + 1}" for i in range(1, 60)), 'r60 ::= "a"?']
    ),
    "nested_groups": "root ::= " + "(" * 3000 + '"a"' + ")" * 3000,
    "nested_counts": 'root ::= (([ab]{1,100} "c"){1,100} "d"){1,100}',
    "repeated": 'root ::= ("a" | "bc"){1,1000000000}',
    "far_back": 'root ::= [ab]* "a" [ab]{30}',
}


def join(grammars: list[Grammar], how: Callable[[Grammar, Grammar], Grammar]) -> Grammar:
    """Combine grammars one after the other."""
    return functools.reduce(how, grammars)


COMBINED: dict[str, Case] = {
    "choices": lambda: choice([f"value {i * 7919}" for i in range(10_000)]),
    "choices_of_megabytes": lambda: choice(["x" * 1_000_000, "y" * 1_000_000]),
    "choices_of_prefixes": lambda: choice(["a" * i for i in range(1, 3000)]),
    "far_and_far": lambda: regex("[ab]*a[ab]{20}") & regex("[ab]*b[ab]{21}"),
    "no_far": lambda: ~regex("[ab]*a[ab]{20}"),
    "periods": lambda: join([regex(f"([ab]{{{p}}})*c") for p in (2, 3, 5, 7, 11, 13, 17)], lambda a, b: a & b),
    "repeated": lambda: regex("a|bc").repeat(1, 100).repeat(1, 100).repeat(1, 100),
    "rules_and_pattern": lambda: lark('start: start start | "a" | "b"') & regex("(a|b)*a(a|b){12}"),
    "rules_and_length": lambda: lark('start: "(" start ")" start |') & regex(".{0,2000}"),
    "schema_and_length": lambda: json_schema({"type": "array", "items": {"type": "integer"}}) & regex(".{0,300}"),
    "unions": lambda: join([choice([f"k{i}"]) for i in range(1000)], lambda a, b: a | b),
    "sequences": lambda: join([regex(f"[a-z]?{i}") for i in range(1000)], lambda a, b: a + b),
    "quotes": lambda: substring("ab" * 100_000),
    "tags": lambda: tags(
        [Tag(begin=f"<t{i}>", content=regex(".{0,100}"), end=f"</t{i}>") for i in range(300)], triggers=["<t"]
    ),
}

CASES: dict[str, dict[str, Case]] = {
    "regex": {name: functools.partial(regex, pattern) for name, pattern in PATTERNS.items()},
    "pattern": {
        name: functools.partial(json_schema, {"type": "string", "pattern": f"^({pattern})$", "maxLength": 200})
        for name, pattern in PATTERNS.items()
    },
    "schema": {name: functools.partial(json_schema, schema) for name, schema in SCHEMAS.items()},
    "schema_any_order": {name: functools.partial(json_schema, s, key_order="any") for name, s in SCHEMAS.items()},
    "lark": {name: functools.partial(lark, text) for name, text in LARK.items()},
    "gbnf": {name: functools.partial(gbnf, text) for name, text in GBNF.items()},
    "combined": COMBINED,
}

WARM: list[Case] = [
    lambda: json_schema({"properties": {"a": {"oneOf": [{"const": 1}, {"pattern": "^[a-z]{1,5}$"}]}}}),
    lambda: regex("(a|b){1,20}c.*"),
    lambda: regex("(?=.*b)a.*"),
    lambda: choice(["ab", "ac"]),
    lambda: lark('start: (A | B)+ "c"?\nA: /a+/\nB: /[^a]+/'),
    lambda: gbnf("root ::= [ab]{1,5} root?"),
]


def make_vocabulary() -> Vocabulary:
    """Return a vocabulary with tokens of up to twenty bytes."""
    source = random.Random(8)
    words = {"".join(source.choices('ab01x. ,":{}[]-', k=source.randint(2, 20))).encode() for _ in range(3000)}
    tokens = [*(bytes([byte]) for byte in range(256)), *sorted(words)]
    return Vocabulary([*tokens, b"<end>"], eos_token_ids=[len(tokens)])


class Watch:
    """Time questions one after the other, the one in which an error ends them as well."""

    def __init__(self) -> None:
        self.longest, self.begun = 0.0, time.process_time()

    def next(self) -> None:
        """End a question and begin another one."""
        now = time.process_time()
        self.longest, self.begun = max(self.longest, now - self.begun), now


def ask(make: Case, vocabulary: Vocabulary, watch: Watch) -> None:
    """Ask a grammar for masks, moves and distances along a text."""
    matcher = make().compile(vocabulary).matcher()
    mask, source = allocate_token_bitmask(1, vocabulary.size), random.Random(9)
    matcher.fill_next_token_bitmask(mask)
    for _ in range(8):
        watch.next()
        matcher.fill_next_token_bitmask(mask)
        allowed = [token for token in range(vocabulary.size - 1) if is_allowed(mask[0], token)]
        watch.next()
        if not allowed:
            break
        matcher.advance(source.choice(allowed))
        matcher.shortest_completion()


def main(kind: str) -> None:
    """Ask every grammar of a kind."""
    vocabulary = make_vocabulary()
    for make in WARM:
        ask(make, vocabulary, Watch())
    fsm.expansion_time.MAX_EXPANSION_SECONDS = LIMIT
    for name, make in CASES[kind].items():
        say({"begin": name})
        before, watch, said = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, Watch(), "served"
        try:
            ask(make, vocabulary, watch)
        except GuidanceError as error:
            said = f"{type(error).__name__}: {error}"[:300]
        watch.next()
        added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        say({"name": name, "said": said, "seconds": watch.longest, "megabytes": added})


def say(line: dict[str, Any]) -> None:
    """Write a line that whoever waits reads at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
