"""Show a verdict token by token, in colours."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Literal

from fsm import Vocabulary
from guidance.watermark.verdict import Verdict

__all__ = ["Colour", "colour_tokens", "to_ansi", "to_html"]

Colour = Literal["green", "red", "grey"]

_ANSI = {"green": "\x1b[32m", "red": "\x1b[31m", "grey": "\x1b[90m"}
_HTML = {"green": "#c7ecc7", "red": "#f6c9c9", "grey": "#e8e8e8"}
_RESET = "\x1b[0m"


def colour_tokens(verdict: Verdict, vocabulary: Vocabulary) -> Iterator[tuple[str, Colour]]:
    """Yield runs of text and their colour: above the mean of unmarked text, below it, or grey where nothing counted.

    Characters split over tokens take the colour of the token that ends them.
    """
    middle = 0.5 if verdict.values.max(initial=0.0) <= 1.0 else 1.0
    pending = b""
    for place, token_id in enumerate(verdict.token_ids):
        pending += vocabulary.decode([token_id])
        try:
            text = pending.decode("utf-8")
        except UnicodeDecodeError:
            if place + 1 < len(verdict.token_ids) and len(pending) < 4:
                continue
            text = pending.decode("utf-8", errors="replace")
        pending = b""
        if text:
            is_green = verdict.values[place] > middle
            yield text, "grey" if not verdict.scored[place] else "green" if is_green else "red"


def to_ansi(verdict: Verdict, vocabulary: Vocabulary) -> str:
    """Return the text coloured for a terminal."""
    return "".join(f"{_ANSI[colour]}{text}{_RESET}" for text, colour in colour_tokens(verdict, vocabulary))


def to_html(verdict: Verdict, vocabulary: Vocabulary) -> str:
    """Return the text as one HTML paragraph with coloured spans."""
    spans = (
        f'<span style="background:{_HTML[colour]}">{html.escape(text)}</span>'
        for text, colour in colour_tokens(verdict, vocabulary)
    )
    return f'<p style="white-space:pre-wrap">{"".join(spans)}</p>'
