"""What is no model is refused with the cure, before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

import guidance


@pytest.mark.parametrize(
    ("model", "cure"), [("embedded", r"guidance\.load\('embedded'\)"), (3, r"guidance\.Model\(network, tokenizer\)")]
)
def test_what_is_no_model_is_refused(model: Any, cure: str) -> None:
    """A name or a foreign object names what to call instead."""
    with pytest.raises(guidance.GuidanceError, match=cure):
        guidance.generate(model, "x")
    with pytest.raises(guidance.GuidanceError, match=cure):
        next(iter(guidance.stream(model, "x")))
