"""Ask a grammar about single texts and bytes, over a vocabulary of the 256 bytes."""

from __future__ import annotations

from functools import lru_cache

from fsm.compiled import Compiled
from fsm.errors import UnsatisfiableError
from fsm.position import REJECTED
from fsm.vocabulary import Vocabulary
from grammars.grammar import Grammar

__all__ = ["accepts", "byte_vocabulary", "compile_bytes", "is_nullable"]


@lru_cache(maxsize=1)
def byte_vocabulary() -> Vocabulary:
    """Return the vocabulary in which each byte is a token, and token 256 ends a text."""
    return Vocabulary([bytes([byte]) for byte in range(256)] + [b""], eos_token_ids=[256])


def compile_bytes(grammar: Grammar) -> Compiled | None:
    """Return a grammar over single bytes, None where no text fits."""
    try:
        return grammar.compile(byte_vocabulary())
    except UnsatisfiableError:
        return None


def accepts(grammar: Grammar, text: str) -> bool:
    """Tell whether a text fits."""
    compiled = compile_bytes(grammar)
    if compiled is None:
        return False
    data = text.encode()
    position = compiled.advance_bytes(compiled.start, data, lambda: b"") if data else compiled.start
    return position is not REJECTED and compiled.is_accepting(position)


def is_nullable(grammar: Grammar) -> bool:
    """Tell whether the empty text fits."""
    compiled = compile_bytes(grammar)
    return compiled is not None and compiled.is_accepting(compiled.start)
