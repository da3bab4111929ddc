"""Check what stands for a model: a model, or a name that is loaded once; anything else is refused with the cure."""

from __future__ import annotations

from typing import Any

import pytest

import guidance
from guidance.loading import as_model


@pytest.mark.parametrize(
    ("model", "cure"),
    [("embedded/bas", "check the spelling"), (3, r"guidance\.Model\(network, tokenizer\)")],
)
def test_what_is_no_model_is_refused(model: Any, cure: str) -> None:
    """A misspelled name or a foreign object names what to do instead."""
    with pytest.raises(guidance.GuidanceError, match=cure):
        guidance.generate(model, "x")
    with pytest.raises(guidance.GuidanceError, match=cure):
        next(iter(guidance.stream(model, "x")))


def test_names_stand_for_models_everywhere() -> None:
    """Generate and stream take the names that structured takes, and load each once."""
    result = guidance.generate("embedded", "Ada", max_tokens=2)
    *_, last = guidance.stream("embedded", "Ada", max_tokens=2)
    assert last.result.token_ids == result.token_ids
    assert as_model("embedded") is as_model("embedded")


def test_unknown_options_are_refused_everywhere() -> None:
    """A misspelled keyword is named, with those there are."""
    misspelled: Any = {"max_token": 3}
    with pytest.raises(TypeError, match=r"generate: got the keyword 'max_token'.*max_tokens"):
        guidance.generate("embedded", "x", **misspelled)
    with pytest.raises(TypeError, match="stream: got the keyword"):
        guidance.stream("embedded", "x", **misspelled)
    with pytest.raises(TypeError, match="structured: got the keyword"):
        guidance.structured(**misspelled)
