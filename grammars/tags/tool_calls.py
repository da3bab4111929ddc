r"""Be a chat model's message with tool calls in it, in the notation the model was trained on.

==============  ====================================================================================================
format          how a call is written
==============  ====================================================================================================
hermes          ``<tool_call>\n{"name": "f", "arguments": {...}}\n</tool_call>`` (Hermes, Qwen 2.5 and 3)
llama3          ``{"name": "f", "parameters": {...}}``, the whole message, perhaps after ``<|python_tag|>``
llama3-tags     ``<function=f>{...}</function>`` (Llama 3.1's own notation for tools the prompt describes)
mistral         ``[TOOL_CALLS][{"name": "f", "arguments": {...}}]`` (tokenizers up to version 7)
mistral-v11     ``[TOOL_CALLS]f[ARGS]{...}``
deepseek        calls begin, call begin, ``function``, separator, ``f\n```json\n{...}\n``` ``, call end, calls end
                (V3, R1)
deepseek-v3.1   calls begin, call begin, ``f``, separator, ``{...}``, call end, calls end
json            ``{"name": "f", "arguments": {...}}``, the whole message; several as a list
==============  ====================================================================================================

What stands there in angle or square brackets, and DeepSeek's marks, are special tokens where the vocabulary has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from fsm.errors import GrammarError
from fsm.parts.regions import Region
from grammars.algebra import concatenate, unite
from grammars.constructors import regex
from grammars.grammar import Grammar
from grammars.tags.dispatch import Dispatch
from grammars.tags.region import RegionGrammar
from grammars.tags.special import SpecialToken, special
from grammars.tags.tags import Tag, tags
from grammars.tags.tools import Tool, ToolCall, read_tools

__all__ = ["FORMATS", "tool_calls"]

_Part = Grammar | str


def tool_calls(
    tools: Iterable[Any],
    *,
    format: str = "hermes",  # noqa: A002 - what every chat library calls it
    at_least: int = 0,
    at_most: int | None = None,
    with_text: bool = True,
    name: str = "tool_calls",
) -> Grammar:
    r"""Return the grammar of a message that may call tools; the calls are captured as a list of `ToolCall`.

    Parameters
    ----------
    tools : functions (their signatures), types, `Tool` values, or dictionaries as chat APIs take them.
    format : the notation; see the module's table.
    at_least, at_most : how many calls the message has; None = no bound.
    with_text : whether text may stand around the calls, or instead of them; otherwise the message is calls alone.
    name : what ``result.captures`` holds the calls as.

    Raises
    ------
    GrammarError : a tool or the format is not known, or the counts clash.

    Examples
    --------
    >>> def weather(city: str) -> str: ...
    >>> grammar = tool_calls([weather], format="json", at_least=1, with_text=False)
    >>> grammar.shortest()
    '{"name": "weather", "arguments": {"city": ""}}'
    """
    if format not in FORMATS:
        raise GrammarError(f"tool_calls: got format={format!r}, expected one of {', '.join(FORMATS)}")
    least = at_least if with_text else max(at_least, 1)
    if at_least < 0 or (at_most is not None and at_most < max(least, 1)):
        raise GrammarError(f"tool_calls: got at_least={at_least} and at_most={at_most}, expected 0 <= least <= most")
    calls = _Calls(read_tools(tools), least=least, most=at_most, with_text=with_text, name=name)
    return FORMATS[format](calls)


class _Calls:
    """Hold the tools and how often they may be called."""

    def __init__(self, tools: list[Tool], *, least: int, most: int | None, with_text: bool, name: str) -> None:
        self.tools = tools
        self.with_text = with_text
        self.least = least
        self.most = most
        self.name = name

    def arguments(self, tool: Tool) -> Grammar:
        """Return a tool's arguments, captured as a call of it."""
        return self._capture(tool.arguments(), lambda text: ToolCall(name=tool.name, arguments=tool.read(text)))

    def object(self, key: str) -> Grammar:
        """Return a JSON object with a tool's name, and its arguments under a key, captured as a call."""
        spelled = [
            (f'{json.dumps(tool.name, ensure_ascii=False)}, "{key}": ', _join(tool.arguments(), "}"))
            for tool in self.tools
        ]
        by_name = {tool.name: tool for tool in self.tools}
        return self._capture(
            _join('{"name": ', Dispatch(tuple(spelled))), lambda text: _read_object(text, key, by_name)
        )

    def repeat(self, call: Grammar, separator: _Part) -> Grammar:
        """Return as many calls as there may be, at least one."""
        most = None if self.most is None else self.most - 1
        if most == 0:
            return call
        return _join(call, _join(separator, call).repeat(max(self.least - 1, 0), most))

    def each(self, *after: _Part) -> Grammar:
        """Return a call of any of the tools: its name, what follows that, and its arguments."""
        return Dispatch(tuple((tool.name, _join(*after, self.arguments(tool))) for tool in self.tools))

    def around(self, begin: str, body: Grammar) -> Grammar:
        """Return all calls as one block behind a special token, perhaps after text; nothing follows it."""
        if not self.with_text:
            return _join(special(begin), body)
        tag = Tag(begin=special(begin), content=body)
        return tags([tag], at_least=min(self.least, 1), at_most=1, is_end=True)

    def alone(self, body: Grammar, no_text: str) -> Grammar:
        """Return all calls as the whole message, or any text that does not match how calls begin."""
        if self.least or not self.with_text:
            return body
        return unite(body, regex(f"(?s)(?!{no_text}).*"))

    def _capture(self, part: Grammar, read: Callable[[str], ToolCall]) -> Grammar:
        return RegionGrammar(part, Region(name=self.name, read=read, is_list=True))


def _read_object(text: str, key: str, tools: dict[str, Tool]) -> ToolCall:
    content = json.loads(text)
    tool = tools[content["name"]]
    arguments = text[text.index(f'"{key}": ') + len(key) + 4 : -1]
    return ToolCall(name=tool.name, arguments=tool.read(arguments))


def _join(*parts: _Part) -> Grammar:
    return reduce(concatenate, parts[1:], parts[0])  # type: ignore[return-value]


def _hermes(calls: _Calls) -> Grammar:
    body = _join("\n", calls.object("arguments"), "\n", special("</tool_call>"))
    if not calls.with_text:
        return calls.repeat(_join(special("<tool_call>"), body), "\n")
    tag = Tag(begin=special("<tool_call>"), content=body)
    return tags([tag], at_least=calls.least, at_most=calls.most)


def _llama3(calls: _Calls) -> Grammar:
    tag = special("<|python_tag|>")
    body = _join(unite(tag, ""), calls.repeat(calls.object("parameters"), "; "))
    return calls.alone(body, r"\s*\{|<\|python_tag\|>")


def _llama3_tags(calls: _Calls) -> Grammar:
    if not calls.with_text:
        return calls.repeat(_join("<function=", calls.each(">"), "</function>"), "\n")
    items = [
        Tag(begin=f"<function={tool.name}>", content=calls.arguments(tool), end="</function>") for tool in calls.tools
    ]
    return tags(items, triggers=["<function="], at_least=calls.least, at_most=calls.most)


def _mistral(calls: _Calls) -> Grammar:
    # SentencePiece models write a space here, Tekken models none.
    body = _join(regex(" ?"), "[", calls.repeat(calls.object("arguments"), ", "), "]")
    return calls.around("[TOOL_CALLS]", body)


def _mistral_v11(calls: _Calls) -> Grammar:
    call = calls.each(special("[ARGS]"))
    return calls.around("[TOOL_CALLS]", calls.repeat(call, special("[TOOL_CALLS]")))


def _mark(words: str) -> SpecialToken:
    """Return one of DeepSeek's marks: words between full-width bars, with U+2581 for spaces."""
    spelled = words.replace(" ", "\u2581")
    return special(f"<\uff5c{spelled}\uff5c>")


def _deepseek(calls: _Calls) -> Grammar:
    begin = _join(_mark("tool call begin"), "function", _mark("tool sep"))
    call = _join(begin, calls.each("\n```json\n"), "\n```", _mark("tool call end"))
    body = _join(calls.repeat(call, "\n"), _mark("tool calls end"))
    return calls.around(_mark("tool calls begin").name, body)


def _deepseek_v31(calls: _Calls) -> Grammar:
    call = _join(_mark("tool call begin"), calls.each(_mark("tool sep")), _mark("tool call end"))
    body = _join(calls.repeat(call, ""), _mark("tool calls end"))
    return calls.around(_mark("tool calls begin").name, body)


def _json(calls: _Calls) -> Grammar:
    call = calls.object("arguments")
    body = _join("[", calls.repeat(call, ", "), "]")
    if calls.least <= 1:
        body = call if calls.most == 1 else unite(call, body)
    return calls.alone(body, r"\s*[\[{]")


FORMATS: dict[str, Callable[[_Calls], Grammar]] = {
    "hermes": _hermes,
    "llama3": _llama3,
    "llama3-tags": _llama3_tags,
    "mistral": _mistral,
    "mistral-v11": _mistral_v11,
    "deepseek": _deepseek,
    "deepseek-v3.1": _deepseek_v31,
    "json": _json,
}
