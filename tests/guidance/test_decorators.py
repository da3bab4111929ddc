"""Check that a decorated function is its signature, its docstring and its return type."""

from __future__ import annotations

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
