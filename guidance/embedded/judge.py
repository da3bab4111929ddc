"""Judge the sentiment and the register of a message, by the generator's own words and not by a model.

Sentiment: words of praise less words of blame; a negation before a word turns it round. Register: marks of casual
writing less marks of formal writing. A text that says neither gets no judgement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Literal

from guidance.embedded.names import load_text

__all__ = ["Register", "Sentiment", "judge_register", "judge_sentiment"]

Sentiment = Literal["positive", "negative"]
Register = Literal["formal", "casual"]


def judge_sentiment(text: str) -> Sentiment | None:
    """Say whether a text praises or blames; None where it does neither, or both alike.

    Examples
    --------
    >>> judge_sentiment("it's not bad at all"), judge_sentiment("The view is awful."), judge_sentiment("A view.")
    ('positive', 'negative', None)
    """
    score = 0
    for match in _opinions().finditer(text):
        praises = 1 if match.group("positive") else -1
        score += -praises if match.group("flip") else praises
    return None if score == 0 else "positive" if score > 0 else "negative"


def judge_register(text: str) -> Register | None:
    """Say whether a text is formal or casual; None where it bears no mark, or as many of both.

    Examples
    --------
    >>> judge_register("Dear colleagues, it is splendid."), judge_register("hey, it's great"), judge_register("Great.")
    ('formal', 'casual', None)
    """
    score = sum(1 for _ in _marks("formal").finditer(text)) - sum(1 for _ in _marks("casual").finditer(text))
    return None if score == 0 else "formal" if score > 0 else "casual"


@cache
def _opinions() -> re.Pattern[str]:
    text = load_text("message")
    words = {
        name: _any_of([*text[name]["quality"], *text[name]["feel"], *text["judge"][name]])
        for name in ("positive", "negative")
    }
    flip = _any_of(text["judge"]["flips"])
    return re.compile(
        rf"\b(?P<flip>(?:{flip}) (?:\w+ )?)?(?:(?P<positive>{words['positive']})|(?:{words['negative']}))\b",
        re.IGNORECASE,
    )


@cache
def _marks(register: str) -> re.Pattern[str]:
    """Return the marks of a register; a lone ``i`` is casual only in lower case, so case counts at the first letter."""
    marks: list[str] = load_text("message")["judge"][register]
    if register == "formal":
        marks = [spelling for mark in marks for spelling in {mark, mark[0].upper() + mark[1:]}]
    return re.compile(rf"(?<![\w'])(?:{_any_of(marks)})(?![\w'])")


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=lambda word: (-len(word), word)))
