"""Check tool calls against what chat servers do with them: find the notation with ``re``, read it with ``json``."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import pydantic
import pytest

from fsm import Vocabulary
from fsm.errors import GrammarError
from fsm.parts.captures import find_spans
from grammars import regex
from grammars.tags import Tool, ToolCall, reasoned, tool_calls
from grammars.tags.tool_calls import FORMATS
from tests.reference.walks import BYTES, walk


def weather(city: str, days: int = 1) -> str:
    """Look at the sky."""
    return city * days


class Booking(pydantic.BaseModel):
    """A tool that is a type."""

    seats: int = pydantic.Field(ge=1, le=9)


NOW = {
    "type": "object",
    "properties": {"zone": {"enum": ["utc", "cet"]}, "at": {"$ref": "#/$defs/at"}},
    "required": ["zone"],
    "additionalProperties": False,
    "$defs": {"at": {"type": "integer", "minimum": 0}},
}
TOOLS: list[Any] = [weather, Booking, {"type": "function", "function": {"name": "now", "parameters": NOW}}]
SCHEMAS = {
    "weather": {"required": ["city"], "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    "Booking": {"required": ["seats"], "properties": {"seats": {"minimum": 1, "maximum": 9}}},
    "now": NOW,
}


def _objects(pattern: str, key: str) -> Callable[[str], list[tuple[str, Any]]]:
    def read(text: str) -> list[tuple[str, Any]]:
        calls = [json.loads(found) for found in re.findall(pattern, text, re.DOTALL)]
        calls = [call for item in calls for call in (item if isinstance(item, list) else [item])]
        assert all(set(call) == {"name", key} for call in calls)
        return [(call["name"], call[key]) for call in calls]

    return read


def _pairs(pattern: str) -> Callable[[str], list[tuple[str, Any]]]:
    def read(text: str) -> list[tuple[str, Any]]:
        return [(name, json.loads(found)) for name, found in re.findall(pattern, text, re.DOTALL)]

    return read


def _split_objects(text: str) -> list[tuple[str, Any]]:
    decoder, calls = json.JSONDecoder(), []
    rest = text.removeprefix("<|python_tag|>")
    while rest.startswith("{"):
        call, end = decoder.raw_decode(rest)
        calls.append((call["name"], call["parameters"]))
        rest = rest[end:].removeprefix("; ")
    return calls


READERS: dict[str, Callable[[str], list[tuple[str, Any]]]] = {
    "hermes": _objects(r"<tool_call>\s*(.*?)\s*</tool_call>", "arguments"),
    "llama3": _split_objects,
    "llama3-tags": _pairs(r"<function=(\w+)>(.*?)</function>"),
    "mistral": _objects(r"\[TOOL_CALLS\] ?(\[.*\])$", "arguments"),
    "mistral-v11": _pairs(r"\[TOOL_CALLS\](\w+)\[ARGS\]((?:(?!\[TOOL_CALLS\]).)*)"),
    "deepseek": _pairs(r"<｜tool▁call▁begin｜>function<｜tool▁sep｜>(\w+)\n```json\n(.*?)\n```<｜tool▁call▁end｜>"),
    "deepseek-v3.1": _pairs(r"<｜tool▁call▁begin｜>(\w+)<｜tool▁sep｜>(.*?)<｜tool▁call▁end｜>"),
    "json": lambda text: _objects(r"(.+)", "arguments")(text.strip()) if text.lstrip()[:1] in {"{", "["} else [],
}
# A vocabulary that spells the notations in a few tokens, so that walks get to them.
PIECES = [
    *("<tool_call>", "</tool_call>", "<function=", "</function>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>"),
    *(
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁sep｜>",
        "<｜tool▁call▁end｜>",
        "<｜tool▁calls▁end｜>",
    ),
    *("\n", " ", '"', '{"', "{", "}", ":", ", ", "now", "weather", "name", "arguments", "<", ">", "1", "a", "; ", "["),
]
WIDE = Vocabulary([b"</s>", *(piece.encode() for piece in PIECES)] + [bytes([i]) for i in range(256)], [0])


@pytest.mark.parametrize("with_text", [True, False])
@pytest.mark.parametrize("name", FORMATS)
def test_walks_are_calls_that_servers_read(name: str, with_text: bool) -> None:
    """What a walk writes is read by the notation's own rules; arguments fit the tool, and captures say the same."""
    compiled = tool_calls(TOOLS, format=name, at_least=1, at_most=3, with_text=with_text).compile(WIDE)
    source = random.Random(name)
    for _ in range(5):
        text = walk(compiled.matcher(), source, num_free=40, num_checked=1)
        calls = READERS[name](text)
        assert 1 <= len(calls) <= 3, text
        for tool, arguments in calls:
            jsonschema.validate(arguments, {"type": "object", "additionalProperties": False, **SCHEMAS[tool]})
        data = text.encode()
        captured = [span.region.read(data[span.begin : span.end].decode()) for span in find_spans(compiled, data)]
        assert [call.name for call in captured] == [tool for tool, _ in calls]
        for call, (_, arguments) in zip(captured, calls, strict=True):
            value = call.arguments
            assert (value.model_dump() if isinstance(value, Booking) else value) == (
                {"days": 1, **arguments} if call.name == "weather" else arguments
            )


@pytest.mark.parametrize("name", FORMATS)
def test_text_without_calls_is_allowed_unless_asked(name: str) -> None:
    """A message without calls is right where none is required, wrong elsewhere; a call to no tool is always wrong."""
    free = tool_calls(TOOLS, format=name).compile(BYTES)
    bound = tool_calls(TOOLS, format=name, at_least=1).compile(BYTES)
    tokens = {piece: token for token, piece in enumerate(BYTES.token_bytes) if len(piece) == 1}

    def accepts(compiled: Any, text: str) -> bool:
        matcher = compiled.matcher()
        return all(matcher.try_advance(tokens[bytes([b])]) for b in text.encode()) and matcher.is_accepting

    assert accepts(free, "It is sunny: 1 < 2.")
    assert not accepts(bound, "It is sunny: 1 < 2.")
    call = tool_calls([Booking], format=name, at_least=1, with_text=False).shortest()
    assert call is not None
    assert READERS[name](call) == [("Booking", {"seats": 1})]
    assert accepts(free, call)
    assert accepts(bound, call)
    assert not accepts(free, call.replace("Booking", "Cooking"))
    assert not accepts(free, call.replace("1", "0"))


def test_tools_are_functions_types_and_dictionaries() -> None:
    """Arguments come back as what the tool is made from."""
    grammar = tool_calls([weather, Booking, Tool(name="raw", parameters={"type": "object"})], format="json")
    compiled = grammar.compile(BYTES)
    for text, expected in [
        ('{"name": "weather", "arguments": {"city": "Turin"}}', {"city": "Turin", "days": 1}),
        ('{"name": "Booking", "arguments": {"seats": 3}}', Booking(seats=3)),
        ('{"name": "raw", "arguments": {"a": [1]}}', {"a": [1]}),
    ]:
        (span,) = find_spans(compiled, text.encode())
        call = span.region.read(text)
        assert call == ToolCall(name=call.name, arguments=expected)


def test_reasoning_comes_first() -> None:
    """Reasoning is free up to its end; then comes the answer."""
    compiled = reasoned(regex("[0-9]+")).compile(BYTES)
    text = b"<think>2 < 3 </thin</think>\n\n12"
    spans = find_spans(compiled, text)
    assert [(span.region.name, text[span.begin : span.end]) for span in spans] == [
        ("reasoning", b"2 < 3 </thin</think>"),
        ("answer", b"12"),
    ]
    source = random.Random(5)
    for _ in range(5):
        assert re.fullmatch(r"(?s)<think>((?!</think>).)*</think>\n\n[0-9]+", walk(compiled.matcher(), source))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tool_calls([]), "at least one"),
        (lambda: tool_calls([3]), "a function, a type, or a dictionary"),
        (lambda: tool_calls([{"parameters": {}}]), "a dictionary with a name"),
        (lambda: tool_calls([weather, weather]), "two tools named 'weather'"),
        (lambda: tool_calls([weather], format="xml"), "expected one of hermes"),
        (lambda: tool_calls([weather], at_least=2, at_most=1), "least <= most"),
    ],
)
def test_what_is_no_tool_is_refused(make: Callable[[], object], message: str) -> None:
    """Each refusal names what was given and what was expected."""
    with pytest.raises(GrammarError, match=message):
        make()
