"""Name parts of a grammar, so that their texts are captured and the decoder can treat them in their own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fsm.errors import GrammarError
from fsm.network import Network
from fsm.parts.regions import Region, add_region
from grammars.grammar import Grammar
from grammars.tags.content import as_content

__all__ = ["RegionGrammar", "capture"]


class RegionGrammar(Grammar):
    """Be what a part is, as a region; made by ``capture``."""

    __slots__ = ("part", "region")

    def __init__(self, part: Grammar, region: Region) -> None:
        self.part = part
        self.region = region

    def __repr__(self) -> str:
        return f"capture({self.region.name!r}, {self.part})"

    def add_to(self, network: Network) -> int:
        """Lay the part behind a call of its own."""
        return add_region(network, self.region, self.part.add_to(network))


def capture(
    name: str,
    content: Any,
    *,
    max_tokens: int | None = None,
    temperature: float | None = None,
    read: Callable[[str], Any] | None = None,
    as_list: bool = False,
) -> RegionGrammar:
    """Return a grammar whose text ``result.captures`` holds under a name.

    Parameters
    ----------
    name : the name; empty for a region that is only to have its own ``max_tokens`` or ``temperature``.
    content : a grammar; a string, which stands for itself; or a type, whose values are captured.
    max_tokens : most tokens drawn inside: what is drawn always leaves room to end it in time.
    temperature : at which tokens inside are drawn.
    read : turns the text into the value captured.
    as_list : capture the values of all occurrences, as a list; otherwise that of the last one.

    Raises
    ------
    GrammarError : an argument is out of range, or no grammar describes the content.

    Examples
    --------
    >>> from grammars import regex
    >>> "Age: " + capture("age", regex("[0-9]+"), read=int)
    ('Age: ' + capture('age', regex('[0-9]+')))
    """
    if max_tokens is not None and max_tokens < 1:
        raise GrammarError(f"capture {name!r}: got max_tokens={max_tokens}, expected at least 1")
    if temperature is not None and not temperature >= 0:
        raise GrammarError(f"capture {name!r}: got temperature={temperature}, expected 0 or more")
    part = as_content(content)
    region = Region(
        name=name,
        max_tokens=max_tokens,
        temperature=temperature,
        stops=getattr(part.grammar, "stops", ()),
        read=read or part.read,
        is_list=as_list,
    )
    return RegionGrammar(part.grammar, region)
