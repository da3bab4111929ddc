"""Check tags, tool calls and captures through whole generations, with special tokens among the tokens."""

from __future__ import annotations

import json

import pytest

import guidance
from grammars import ToolCall, capture, free_text, regex, special, tool_calls
from tests.guidance.conftest import make_network, make_tokenizer


@pytest.fixture(scope="module")
def chat() -> guidance.Model:
    """Return a random model whose tokenizer has special tokens for tool calls."""
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens(["[TOOL_CALLS]", "[ARGS]"])
    return guidance.Model(make_network(), tokenizer, name="chat")


def seats(vip: bool) -> None:
    """Book."""


@pytest.mark.parametrize("name", ["mistral", "mistral-v11"])
def test_special_tokens_are_generated_and_not_shown(chat, name):
    """The call is made of the vocabulary's own special tokens; texts and captures have none of their names."""
    grammar = tool_calls([seats], format=name, at_least=1, at_most=1, with_text=False)
    result = guidance.generate(chat, "Book!", grammar, max_tokens=100)
    assert result.stop_reason == "accepted"
    calls = chat.vocabulary.token_bytes.index(b"[TOOL_CALLS]")
    assert result.token_ids[0] == calls
    assert "TOOL_CALLS" not in result.text
    (call,) = result.captures["tool_calls"]
    assert call == ToolCall(name="seats", arguments={"vip": call.arguments["vip"]})
    shown = json.loads(result.text)[0]["arguments"] if name == "mistral" else json.loads(result.text[5:])
    assert shown["vip"] == call.arguments["vip"]


def test_text_around_special_tokens_is_free(chat):
    """A special token is drawn where the grammar has one, and text goes on around it."""
    grammar = capture("before", regex("[a-c]{3}")) + special("[ARGS]") + capture("after", regex("[a-c]{2}"))
    for seed in range(4):
        result = guidance.generate(chat, "x", grammar, sampling=guidance.Sampling(seed=seed), max_tokens=20)
        assert result.text == result.captures["before"] + result.captures["after"]
        assert result.token_ids[3] == chat.vocabulary.token_bytes.index(b"[ARGS]")
        assert len(result.token_ids) == 6


def test_stops_and_captures_go_together(chat):
    """A capture ends before its stop text, the whole text with it; the last occurrence stays unless a list is asked."""
    word = capture("word", free_text(until=[" ", "."]))
    result = guidance.generate(chat, "x", word + "!", sampling=guidance.Sampling(seed=3), max_tokens=40)
    assert result.text in {result.captures["word"] + " !", result.captures["word"] + ".!"}
    words = capture("word", regex("[ab]"), as_list=True) + "," + capture("word", regex("[ab]"), as_list=True)
    result = guidance.generate(chat, "x", words, max_tokens=10)
    assert result.captures["word"] == result.text.split(",")


def test_batches_and_streams_hold_captures(chat):
    """Every row has its own captures; a stream's last event has them."""
    grammar = "n=" + capture("n", regex("[0-9]{1,3}"), read=int) + ";"
    results = guidance.generate(chat, ["a", "b"], grammar, sampling=guidance.Sampling(seed=1, n=2), max_tokens=12)
    for result in (row for rows in results for row in rows):
        assert result.text == f"n={result.text[2:-1]};"
        assert result.captures == {"n": int(result.text[2:-1])}
    *_, last = guidance.stream(chat, "a", grammar, max_tokens=12)
    assert last.result.captures == {"n": int(last.result.text[2:-1])}
    assert guidance.generate(chat, "a", regex("[0-9]"), max_tokens=3).captures == {}
