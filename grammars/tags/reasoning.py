"""Be a message that reasons first and then answers in a given form."""

from __future__ import annotations

from typing import Any

from grammars.algebra import concatenate
from grammars.grammar import Grammar
from grammars.tags.free_text import free_text
from grammars.tags.region import capture

__all__ = ["reasoned"]


def reasoned(
    answer: Any,
    *,
    begin: str = "<think>",
    end: str = "</think>",
    between: str = "\n\n",
    max_tokens: int | None = None,
    temperature: float | None = None,
) -> Grammar:
    r"""Return the grammar of free reasoning, then an answer; captured as ``reasoning`` and ``answer``.

    Parameters
    ----------
    answer : a grammar, a text or a type.
    begin, end : what opens and closes the reasoning; ``begin=""`` where the chat template has opened it already.
    between : what stands between the reasoning and the answer.
    max_tokens, temperature : those of the reasoning, ``end`` included; as in `capture`.

    Raises
    ------
    GrammarError : ``end`` is empty, or no grammar describes the answer.

    Examples
    --------
    >>> reasoned(int, max_tokens=200).shortest()
    '<think></think>\n\n0'
    """
    thought = capture("reasoning", free_text(until=end), max_tokens=max_tokens, temperature=temperature)
    rest = concatenate(thought, concatenate(between, capture("answer", answer)))
    return concatenate(begin, rest) if begin else rest
