"""Check that a decorated function is its signature, its docstring and its return type."""

from __future__ import annotations

import dataclasses
import re

import pytest

import guidance
from guidance.errors import PromptError


def make(model, function, **settings):
    """Decorate a function."""
    return guidance.structured(model=model, **settings)(function)


def complete(text: str, *, tone: str = "plain") -> str:
    """Write on, {tone}: {text}"""  # noqa: D400 - the docstring is a prompt


def test_structured_fills_the_template_with_the_arguments(model):
    """Defaults take part."""
    function = make(model, complete)
    assert function.prompt("one") == "Write on, plain: one"
    assert function.prompt("one", tone="loud") == "Write on, loud: one"
    assert function.__name__ == "complete"


def test_structured_returns_what_generate_returns(model):
    """Calls, batches and streams agree with each other."""
    function = make(model, complete, max_tokens=6)
    expected = guidance.generate(model, "Write on, plain: one", max_tokens=6).text
    assert function("one") == expected
    assert function.result("one").value == expected
    *_, last = function.stream("one")
    assert last.result.value == expected
    assert function.batch(["one", ("one",), {"text": "one"}]) == [expected] * 3


def test_structured_reads_the_embedded_model_by_name():
    """A name is loaded at the first call, not at decoration."""
    function = make("embedded/nonsense", complete)
    with pytest.raises(guidance.GuidanceError, match="nonsense"):
        function("one")


def test_structured_refuses_a_missing_docstring(model):
    """Without a template there is no prompt."""

    def silent(text: str) -> str:
        return text

    with pytest.raises(PromptError, match="docstring"):
        make(model, silent)


def test_structured_refuses_an_unknown_field(model):
    """A field that is not a parameter is found at decoration."""

    def wrong(text: str) -> str:
        """Read {sentence}"""  # noqa: D400 - the docstring is a prompt

    with pytest.raises(PromptError, match=r"\{sentence\}.*'text'"):
        make(model, wrong)


def test_structured_refuses_broken_braces(model):
    """A single brace is not a template."""

    def wrong(text: str) -> str:
        """Read {text} as {"""  # noqa: D400 - the docstring is a prompt

    with pytest.raises(PromptError, match="literal braces twice"):
        make(model, wrong)


def test_structured_refuses_several_outputs(model):
    """A call returns one value."""
    with pytest.raises(PromptError, match="n=1"):
        make(model, complete, sampling=guidance.Sampling(n=2))


@dataclasses.dataclass
class Card:
    """What the form below fills."""

    name: str
    age: int


def test_structured_fills_the_holes_of_its_docstring(model):
    """Fields that are no parameters are holes: they are written with the model, and make the return value."""

    def describe(text: str, number: int = 1) -> Card:
        """Who is described? {{x}}

        {text}

        Card {number}. Name: {name:/[A-Z][a-z]{2,4}/} Age: {age}.
        """  # noqa: D400 - the docstring is a prompt

    function = make(model, describe, max_tokens=60)
    assert function.prompt("Ada") == "Who is described? {x}\n\nAda\n\n"
    result = function.result("Ada", 7)
    match = re.fullmatch(r"Card 7\. Name: ([A-Z][a-z]{2,4}) Age: (-?\d{1,18})\.", result.text)
    assert match is not None
    assert result.value == Card(match[1], int(match[2]))
    assert result.captures == {"name": match[1], "age": int(match[2])}
    assert function.batch(["Ada", ("Ada", 7)])[1] == result.value
    *_, last = function.stream("Ada", 7)
    assert last.result.value == result.value


def test_structured_returns_the_only_hole(model):
    """Where the return type has no fields, the value is that of the hole."""

    def mood(text: str) -> str:
        """{text}

        Mood: {mood:good|bad}
        """  # noqa: D400 - the docstring is a prompt

    function = make(model, mood, max_tokens=20)
    assert function("Fine.") in {"good", "bad"}
    assert function.batch(["Fine.", "Fine."]) == [function("Fine.")] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{text} {a:int} {b:int}", "expected a dictionary or a class"),
        ("{text} {a:nonsense}", "type 'nonsense'"),
        ("{text} {a}", "give the hole a type"),
    ],
)
def test_structured_refuses_holes_that_make_no_value(model, text, message):
    """What is wrong with a hole is found at decoration."""

    def wrong(text: str) -> int:
        return len(text)

    wrong.__doc__ = text
    with pytest.raises(PromptError, match=message):
        make(model, wrong)
