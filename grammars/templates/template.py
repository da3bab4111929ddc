"""Be a text with holes: fixed parts as they stand, and in each hole a value of its type."""

from __future__ import annotations

import string
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pydantic

from fsm.errors import GrammarError
from fsm.network import Network
from grammars import patterns
from grammars.algebra import concatenate
from grammars.constructors import check_characters, choice, regex
from grammars.grammar import Grammar
from grammars.tags.content import Content
from grammars.tags.free_text import free_text
from grammars.tags.region import capture
from grammars.templates.holes import NAMED_TYPES, plain_content

__all__ = ["Hole", "Template", "parse_template", "template"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Hold one hole: what it is captured as, and what may stand in it (str: free text)."""

    name: str
    content: Any


class Template(Grammar):
    """Be fixed text with typed holes; made by ``template``.

    Parameters
    ----------
    parts : fixed texts and holes, in order.
    returns : what `read_value` makes of the holes' values: a type with such fields, a callable, None for a dictionary.
    """

    __slots__ = ("_grammar", "parts", "returns")

    def __init__(self, parts: tuple[str | Hole, ...], returns: Any = None) -> None:
        self.parts = parts
        self.returns = returns
        self._grammar = _build(parts)

    def __repr__(self) -> str:
        shown = [part if isinstance(part, str) else f"{{{part.name}}}" for part in self.parts]
        return f"template({''.join(shown)!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the holes, each once, as they come."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Hole)))

    def add_to(self, network: Network) -> int:
        """Lay the parts one after the other."""
        return self._grammar.add_to(network)

    def read_partial(self, captures: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the holes by name; None for one that the text did not get to."""
        return {name: captures.get(name) for name in self.names}

    def read_value(self, captures: Mapping[str, Any]) -> Any:
        """Return the value of a whole text.

        Raises
        ------
        ValueError : the type refuses the values.
        """
        values = self.read_partial(captures)
        if self.returns is None:
            return values
        is_kind = isinstance(self.returns, type) or typing.get_origin(self.returns) is not None
        if is_kind or not callable(self.returns):
            return pydantic.TypeAdapter(self.returns).validate_python(values)
        return self.returns(values)


def template(text: str, /, **holes: Any) -> Template:
    r"""Return the grammar of a text with typed holes, whose values ``result.value`` holds by name.

    A hole is ``{name:type}``. The type is one of ``str int float bool decimal date datetime time timedelta uuid``, the
    name of a pattern (``email``, ``url``, ..., see `grammars.patterns`), words to choose from (``red|green``), a
    regular expression between slashes (``/[A-Z]{3}/``), or left out: then it is what ``holes`` says of the name (a type
    or a grammar), and ``str`` otherwise. Values are written plainly, numbers with at most 18 digits on either side of
    the point; values with parts (lists, models) are JSON. A ``str`` is
    any text up to the fixed text after it. Braces are written twice.

    Parameters
    ----------
    text : the template.
    holes : types or grammars of holes, by name.

    Raises
    ------
    GrammarError : the text is no template, a type is not known, or two free texts meet.

    Examples
    --------
    >>> from typing import Literal
    >>> form = template("Age: {age:int}\nMood: {mood}", mood=Literal["good", "bad"])
    >>> form.names, form.shortest()
    (('age', 'mood'), 'Age: 0\nMood: bad')
    """
    parts = parse_template(text, holes)
    unused = set(holes) - {part.name for part in parts if isinstance(part, Hole)}
    if unused:
        raise GrammarError(f"template: no hole is named {min(unused)!r}; write {{{min(unused)}}} into the text")
    return Template(parts)


def parse_template(text: str, holes: Mapping[str, Any]) -> tuple[str | Hole, ...]:
    """Split a template into fixed texts and holes.

    Raises
    ------
    GrammarError : it is malformed, or a type is not known.
    """
    if not isinstance(text, str):
        raise GrammarError(f"template: got {type(text).__name__}, expected a string with holes such as {{age:int}}")
    check_characters("template", [text])
    parts: list[str | Hole] = []
    for fixed, name, spec, conversion in _fields(text):
        if fixed:
            parts.append(fixed)
        if name is None:
            continue
        if not name.isidentifier() or conversion:
            raise GrammarError(f"template: got the hole {{{name}}}, expected a name and a type, such as {{age:int}}")
        parts.append(Hole(name=name, content=_type_of(name, spec or "", holes)))
    if not any(isinstance(part, Hole) for part in parts):
        raise GrammarError(f"template: got {text!r}, which has no hole, expected some, such as {{age:int}}")
    return tuple(parts)


def _fields(text: str) -> Iterator[tuple[str, str | None, str | None, str | None]]:
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError as error:
        raise GrammarError(f"template: {error} in {text!r}; write literal braces twice") from error
    fixed = ""
    for before, name, spec, conversion in fields:
        fixed += before
        if name is not None:
            yield fixed, name, spec, conversion
            fixed = ""
    if fixed:
        yield fixed, None, None, None


def _type_of(name: str, spec: str, holes: Mapping[str, Any]) -> Any:
    if not spec:
        return holes.get(name, str)
    if name in holes:
        raise GrammarError(f"template: the hole {name!r} has a type in the text and another beside it; drop one")
    if spec in NAMED_TYPES:
        return NAMED_TYPES[spec]
    if len(spec) > 1 and spec[0] == spec[-1] == "/":
        return regex(spec[1:-1])
    if spec.upper() in patterns.__all__:
        return getattr(patterns, spec.upper())
    if "|" in spec:
        return _Words(tuple(spec.split("|")))
    known = ", ".join([*NAMED_TYPES, *map(str.lower, patterns.__all__)])
    raise GrammarError(
        f"template: got the type {spec!r} of the hole {name!r}, expected one of {known}, words as in red|green, or a "
        f"regular expression between slashes; or pass template(..., {name}=...)"
    )


@dataclass(frozen=True, slots=True)
class _Words:
    words: tuple[str, ...]


def _build(parts: tuple[str | Hole, ...]) -> Grammar:
    """Return the grammar of the parts; free text takes the fixed text after it with it."""
    counts = Counter(part.name for part in parts if isinstance(part, Hole))
    found: list[Grammar | str] = []
    index = 0
    while index < len(parts):
        part = parts[index]
        index += 1
        if isinstance(part, str):
            found.append(part)
            continue
        content = _content(part.content)
        if part.content is str:
            after = parts[index] if index < len(parts) else None
            if isinstance(after, Hole) and after.content is str:
                raise GrammarError(
                    f"template: nothing stands between the free texts {part.name!r} and {after.name!r}, so they cannot "
                    "be told apart; put some text there, or give one another type"
                )
            if isinstance(after, str):
                content = Content(free_text(until=after))
                index += 1
        found.append(capture(part.name, content.grammar, read=content.read, as_list=counts[part.name] > 1))
    whole = reduce(concatenate, found[1:], found[0])
    return whole if isinstance(whole, Grammar) else concatenate(whole, "")


def _content(value: Any) -> Content:
    if value is str:
        return Content(free_text())
    if isinstance(value, _Words):
        return Content(choice(value.words))
    return plain_content(value)
