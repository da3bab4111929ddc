"""List the grammars that are measured, each as every engine takes it, with texts that it accepts."""

from __future__ import annotations

import json
import random
import string
from dataclasses import dataclass
from typing import Any

from benchmarks.maskbench.corpus import Case, Instance, Tokenizer

__all__ = ["Source", "grammar_cases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One grammar: ``kind`` is ``regex``, ``choice``, ``json`` or ``lark``; ``text`` what that kind takes."""

    kind: str
    text: Any


def grammar_cases(tokenizer: Tokenizer, *, only: str = "") -> list[Case]:
    """Return the cases whose names hold ``only``; texts are fixed by a seed."""
    cases = []
    for name, (kind, source, texts) in _rows().items():
        if only in name:
            instances = tuple(Instance(is_valid=True, token_ids=tuple(tokenizer.encode(text))) for text in texts)
            cases.append(Case(id=name, schema=Source(kind=kind, text=source), instances=instances))
    return cases


_PROSE = (
    "The quick brown fox jumps over the lazy dog, again and again; nobody knows why. In 1843 she wrote notes on an "
    "engine that was never built, and they outlived it by far: naïve café, 東京, and 42 more."
)
_ROW = '{"name": "Ada Lovelace", "age": 36, "email": "ada@example.org", "tags": ["maths", "art"], "born": "1815-12-10"}'


def _rows() -> dict[str, tuple[str, Any, list[str]]]:
    chance = random.Random(4)
    words = sorted({"".join(chance.choices(string.ascii_lowercase, k=chance.randint(3, 12))) for _ in range(11_000)})
    few, many = chance.sample(words, 200), chance.sample(words, 10_000)
    names = [f"{a} {b}".title() for a, b in zip(chance.sample(words, 10_000), many, strict=True)]
    date = r"(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    email = r"[a-z0-9._%+-]{1,64}@([a-z0-9-]{1,63}\.){1,4}[a-z]{2,10}"
    return {
        "date": ("regex", date, ["2024-02-29", "1999-12-31", "2001-01-01"]),
        "date_time": ("regex", date + r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)",
                      ["2024-02-29T12:00:59.25Z", "1999-12-31T23:59:59+01:00"]),
        "email": ("regex", email, ["ada.lovelace@example.org", "x@a-b.co.uk", "some_long-name+tag@mail.server.info"]),
        "phone": ("regex", r"\+?[0-9]{1,3}[ -]?\(?[0-9]{3}\)?[ -]?[0-9]{3}[ -]?[0-9]{4}", ["+1 (555) 123-4567"]),
        "ipv4": ("regex", r"((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)", ["192.168.0.1", "255.1.2.3"]),
        "uuid": ("regex", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ["123e4567-e89b-12d3-a456-426614174000"]),
        "any_text": ("regex", r"(.|\n)*", [_PROSE]),
        "any_10000": ("regex", r".{0,10000}", [_PROSE, _PROSE[::-1]]),
        "any_100": ("regex", r".{0,100}", [_PROSE[:90], "short"]),
        "words_1000": ("regex", r"([A-Za-z]{1,20} ?){1,1000}", ["the quick brown fox jumps over the lazy dog"]),
        "sentence": ("regex", r"[A-Z][^.!?\n]{10,300}[.!?]", [_PROSE[:70].replace(".", "") + "."]),
        "quoted": ("regex", r'Answer: "([^"\\]|\\.){0,500}"', ['Answer: "forty-two, \\"more\\" or less"']),
        "not_then": ("regex", r"[^<]*<b>[^<]*</b>[^<]*", ["some text <b>bold</b> and after it"]),
        "alternatives_200": ("regex", "|".join(few), few[:20]),
        "alternatives_200_loop": ("regex", f"({'|'.join(few)})(, ({'|'.join(few)}))*", [", ".join(few[:20])]),
        "choice_10000": ("choice", names, names[:20]),
        "json_person": ("json", _PERSON, [_ROW, json.dumps(json.loads(_ROW), separators=(",", ":"))]),
        "json_any": ("json", {}, [_ROW, json.dumps([_PROSE, {"a": [1, 2.5, None]}], ensure_ascii=False)]),
        "json_strings": ("json", {"type": "array", "items": {"type": "string", "maxLength": 400}},
                         [json.dumps([_PROSE, "x"], ensure_ascii=False)]),
        "lark_arithmetic": ("lark", _ARITHMETIC, ["(1+2)*3-4/5", "12 * (3 + 45) - 6"]),
        "lark_json": ("lark", _JSON, [_ROW]),
        "lark_sql": ("lark", _SQL, ["SELECT name, age FROM people WHERE age > 30 AND city = 'London' LIMIT 10"]),
    }  # fmt: skip


_PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "email": {"type": "string", "pattern": "^[a-z.]+@[a-z.]+$"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "born": {"type": "string", "format": "date"},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}

_ARITHMETIC = r"""
start: sum
sum: product (("+" | "-") product)*
product: atom (("*" | "/") atom)*
atom: NUMBER | "-" atom | "(" sum ")"
NUMBER: /[0-9]+(\.[0-9]+)?/
WS: /[ \t]+/
%ignore WS
"""

_JSON = r"""
start: value
value: object | array | STRING | NUMBER | "true" | "false" | "null"
object: "{" (pair ("," pair)*)? "}"
pair: STRING ":" value
array: "[" (value ("," value)*)? "]"
STRING: /"([^"\\\x00-\x1f]|\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/
NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/
WS: /[ \t\r\n]+/
%ignore WS
"""

_SQL = r"""
start: "SELECT" columns "FROM" NAME ("WHERE" condition)? ("LIMIT" NUMBER)?
columns: "*" | NAME ("," NAME)*
condition: comparison (("AND" | "OR") comparison)*
comparison: NAME ("=" | "<" | ">" | "<=" | ">=" | "<>") operand
operand: NAME | NUMBER | TEXT
NAME: /[a-z_][a-z0-9_]*/
NUMBER: /[0-9]+/
TEXT: /'[^'\n]*'/
WS: /[ \t\r\n]+/
%ignore WS
"""
