"""Say which token of a grammar with a lexer is being read, and which may come next."""

from __future__ import annotations

from fsm.parsing.token_compiled import TokenCompiled
from fsm.position import REJECTED
from grammars.places.rules import listed_names

__all__ = ["describe_tokens"]


def describe_tokens(compiled: TokenCompiled, text: str) -> str:
    """Return what a text stands in and what may follow it; empty where the text does not fit."""
    data = text.encode()
    position = compiled.advance_bytes(compiled.start, data, bytes) if data else compiled.start
    if position is REJECTED:
        return ""
    inside, after = compiled.terminals_at(position)
    if not data:
        return f"by the rules, {listed_names(inside)} may come" if inside else ""
    parts = [f"{listed_names(inside)} is being read"] if inside else []
    if after:
        parts.append(f"{listed_names(after)} may come")
    return "by the rules, " + " and ".join(parts) if parts else ""
