"""Parse GBNF (llama.cpp) and EBNF (xgrammar): rules ``name ::= ...`` of literals, classes, groups and repetitions.

Both notations share one reader; a rule ends where the next begins, so lines may be broken anywhere.
"""

from __future__ import annotations

import re
from typing import NoReturn

from fsm.automata.expression import ANY_SYMBOL, EMPTY, symbols
from fsm.automata.expression import text as literal
from fsm.automata.ranges import complement_ranges, union_ranges
from fsm.errors import LimitError
from grammars.gbnf.errors import make_notation_error
from grammars.gbnf.nodes import Choice, Leaf, Node, Reference, Repeat, Sequence

__all__ = ["MAX_NESTING", "parse_notation"]

MAX_NESTING = 100

_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
_NAME = re.compile(r"[A-Za-z_0-9][A-Za-z_0-9.\-]*")
_HEAD = re.compile(r"([A-Za-z_0-9][A-Za-z_0-9.\-]*)(?:\s|#[^\n]*)*::=")
_BOUNDS = re.compile(r"\{\s*(\d+)\s*(?:(,)\s*(\d+)?\s*)?\}")
_TOKEN = re.compile(r"!?<[^>\n]*>?")
_MACRO = re.compile(r"(?:TagDispatch|TokenTagDispatch|Token|ExcludeToken|EBNF)\(")
_LOOK = re.compile(r"\(=[^\n]*")
_ESCAPES = {
    "n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "0": "\0",
    "\\": "\\", '"': '"', "'": "'", "[": "[", "]": "]", "-": "-", "^": "^", "?": "?", "/": "/",
}  # fmt: skip
_HEX = {"x": 2, "u": 4, "U": 8}


def parse_notation(text: str, notation: str) -> dict[str, Node]:
    """Return the rules.

    Raises
    ------
    GrammarError : see `grammars.gbnf.errors.PROBLEMS`.
    """
    return _Parser(text, notation).parse()


class _Parser:
    """Hold the place in the text; owned by `parse_notation`."""

    def __init__(self, text: str, notation: str) -> None:
        self.text = text
        self.notation = notation
        self.place = 0
        self.depth = 0

    def parse(self) -> dict[str, Node]:
        rules: dict[str, Node] = {}
        self.skip()
        while self.place < len(self.text):
            head = _HEAD.match(self.text, self.place)
            if head is None:
                self.fail("rule_expected", self.place, self.text[self.place :].partition("\n")[0][:20])
            if head.group(1) in rules:
                self.fail("defined_twice", self.place, head.group(1))
            self.place = head.end()
            rules[head.group(1)] = self.parse_choice()
        return rules

    def parse_choice(self) -> Node:
        options = [self.parse_sequence()]
        while self.text.startswith("|", self.place):
            self.place += 1
            options.append(self.parse_sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def parse_sequence(self) -> Node:
        begin = self.place
        items: list[Node] = []
        self.skip()
        while self.place < len(self.text) and self.text[self.place] not in "|)":
            if _HEAD.match(self.text, self.place):
                break
            items.append(self.parse_repeat())
            self.skip()
        if not items and self.place < len(self.text) and self.text[self.place] not in "|)":
            self.fail("item_expected", begin, "")
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def parse_repeat(self) -> Node:
        node = self.parse_item()
        while True:
            self.skip()
            sign = self.text[self.place : self.place + 1]
            if sign and sign in "*+?":
                self.place += 1
                node = Repeat(node, 1 if sign == "+" else 0, 1 if sign == "?" else None)
            elif sign == "{":
                node = self.parse_bounds(node)
            else:
                return node

    def parse_bounds(self, node: Node) -> Node:
        match = _BOUNDS.match(self.text, self.place)
        if match is None:
            self.fail("bounds", self.place, self.text[self.place :].partition("}")[0].partition("\n")[0][:20] + "}")
        least = int(match.group(1))
        most = int(match.group(3)) if match.group(3) else None if match.group(2) else least
        if most is not None and most < least:
            self.fail("bounds", self.place, match.group())
        self.place = match.end()
        return Repeat(node, least, most)

    def parse_item(self) -> Node:
        begin = self.place
        sign = self.text[begin]
        if sign == '"':
            return self.parse_literal()
        if sign == "[":
            return self.parse_class()
        if sign == "(":
            return self.parse_group()
        if sign == ".":
            self.place += 1
            return Leaf(ANY_SYMBOL)
        self.refuse_unsupported()
        name = _NAME.match(self.text, begin)
        if name is None:
            self.fail("item_expected", begin, sign)
        self.place = name.end()
        return Reference(name.group(), begin)

    def refuse_unsupported(self) -> None:
        for name, pattern in (("token", _TOKEN), ("macro", _MACRO), ("look_ahead", _LOOK)):
            match = pattern.match(self.text, self.place)
            if match and (self.notation == "ebnf" or name == "token"):
                self.fail(name, self.place, match.group())

    def parse_group(self) -> Node:
        begin = self.place
        self.refuse_unsupported()
        self.place += 1
        self.depth += 1
        if self.depth > MAX_NESTING:
            line = self.text.count("\n", 0, begin) + 1
            raise LimitError(
                f"{self.notation} grammar, line {line}: groups are nested more than {MAX_NESTING} deep (limit "
                "MAX_NESTING); give inner groups rules of their own"
            )
        node = self.parse_choice()
        self.depth -= 1
        if not self.text.startswith(")", self.place):
            self.fail("group_open", begin)
        self.place += 1
        return node

    def parse_literal(self) -> Node:
        begin = self.place
        self.place += 1
        found: list[str] = []
        while not self.text.startswith('"', self.place):
            if self.place >= len(self.text) or self.text[self.place] == "\n":
                self.fail("literal_open", begin)
            found.append(chr(self.read_character()))
        self.place += 1
        return Leaf(literal("".join(found)) if found else EMPTY)

    def parse_class(self) -> Node:
        begin = self.place
        is_negative = self.text.startswith("[^", begin)
        self.place += 2 if is_negative else 1
        found: list[tuple[int, int]] = []
        while not self.text.startswith("]", self.place):
            if self.place >= len(self.text) or self.text[self.place] == "\n":
                self.fail("class_open", begin)
            found.append(self.read_range())
        self.place += 1
        ranges = union_ranges(found)
        if not ranges and not is_negative:
            self.fail("class_empty", begin, self.text[begin : self.place])
        return Leaf(symbols(complement_ranges(ranges) if is_negative else ranges))

    def read_range(self) -> tuple[int, int]:
        begin = self.place
        first = last = self.read_character()
        if self.text.startswith("-", self.place) and self.text[self.place + 1 : self.place + 2] not in ("]", "", "\n"):
            self.place += 1
            last = self.read_character()
        if last < first:
            self.fail("class_range", begin, self.text[begin : self.place])
        return first, last

    def read_character(self) -> int:
        begin = self.place
        sign = self.text[begin]
        self.place += 1
        if sign != "\\":
            return ord(sign)
        letter = self.text[self.place : self.place + 1]
        self.place += 1
        if letter in _HEX:
            return self.read_hexadecimal(begin, _HEX[letter])
        if letter not in _ESCAPES:
            self.fail("escape_unknown", begin, self.text[begin : self.place])
        return ord(_ESCAPES[letter])

    def read_hexadecimal(self, begin: int, size: int) -> int:
        digits = self.text[self.place : self.place + size]
        self.place += size
        code = int(digits, 16) if re.fullmatch(f"[0-9a-fA-F]{{{size}}}", digits) else -1
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            self.fail("escape_short", begin, self.text[begin : self.place])
        return code

    def skip(self) -> None:
        match = _SPACE.match(self.text, self.place)
        self.place = match.end() if match else self.place

    def fail(self, name: str, place: int, got: str = "") -> NoReturn:
        raise make_notation_error(name, self.notation, self.text, place=place, got=got)
