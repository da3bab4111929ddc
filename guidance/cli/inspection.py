"""Measure what a grammar costs and say what it allows after a prefix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from fsm import Vocabulary, allocate_token_bitmask
from fsm.mask import allowed_token_ids
from guidance.errors import PrefixError

__all__ = ["Cost", "NextTokens", "allowed_after", "find_token", "follow", "measure_cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Hold what compiling a grammar takes.

    first_mask_ms : from the grammar's text to the first mask, everything included
    """

    compile_ms: float
    first_mask_ms: float
    first_allowed_tokens: int
    vocabulary_size: int
    shortest_output_bytes: int
    forced_prefix: str
    memory_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTokens:
    """Hold what may follow a prefix.

    bytes_allowed : sorted bytes that may come next      ends : whether the text may end here
    """

    bytes_allowed: tuple[int, ...]
    token_ids: tuple[int, ...]
    ends: bool


def measure_cost(make_grammar: Any, vocabulary: Vocabulary) -> Cost:
    """Compile a grammar and fill its first mask, with the times of both."""
    mask = allocate_token_bitmask(1, vocabulary.size)
    started = perf_counter()
    compiled = make_grammar().compile(vocabulary)
    matcher = compiled.matcher()
    compiled_at = perf_counter()
    matcher.fill_next_token_bitmask(mask, 0)
    ended = perf_counter()
    return Cost(
        compile_ms=round(1e3 * (compiled_at - started), 3),
        first_mask_ms=round(1e3 * (ended - started), 3),
        first_allowed_tokens=len(allowed_token_ids(mask[0])),
        vocabulary_size=vocabulary.size,
        shortest_output_bytes=matcher.shortest_completion(),
        forced_prefix=bytes(matcher.forced_bytes()).decode("utf-8", errors="replace"),
        memory_bytes=int(compiled.memory_bytes),
    )


def follow(matcher: Any, prefix: str, vocabulary: Vocabulary) -> None:
    """Move a matcher past a prefix, byte by byte where the vocabulary has single bytes.

    Raises
    ------
    PrefixError : when the grammar forbids the prefix; the message says from which byte on.
    """
    rest, done = prefix.encode(), 0
    tokens = _tokens_by_first_byte(vocabulary, set(rest))
    while done < len(rest):
        for token_id, piece in tokens.get(rest[done], ()):
            if rest.startswith(piece, done) and matcher.try_advance(token_id):
                done += len(piece)
                break
        else:
            good, bad = rest[:done].decode(errors="replace"), rest[done:].decode(errors="replace")
            raise PrefixError(
                f"prefix: got {prefix!r}, which the grammar forbids after {good!r}, at {bad[:20]!r}; expected the "
                "start of a text it accepts; shorten the prefix to ask what may follow there"
            )


def allowed_after(matcher: Any, vocabulary: Vocabulary) -> NextTokens:
    """Return the bytes and tokens the grammar allows next."""
    mask = allocate_token_bitmask(1, vocabulary.size)
    matcher.fill_next_token_bitmask(mask, 0)
    ends = set(vocabulary.eos_token_ids)
    token_ids = [int(token) for token in allowed_token_ids(mask[0])]
    texts = [token for token in token_ids if token not in ends]
    first = sorted({vocabulary.token_bytes[token][0] for token in texts})
    return NextTokens(bytes_allowed=tuple(first), token_ids=tuple(texts), ends=bool(matcher.is_accepting))


def find_token(name: str, vocabulary: Vocabulary) -> int:
    """Return the token that is written so, or has this id.

    Raises
    ------
    PrefixError : when the vocabulary has no such token.
    """
    wanted = name.encode()
    if wanted in vocabulary.token_bytes:
        return vocabulary.token_bytes.index(wanted)
    if name.isascii() and name.isdigit() and int(name) < vocabulary.size:
        return int(name)
    raise PrefixError(
        f"token: got {name!r}, expected the text of a token or an id below {vocabulary.size}; "
        "several tokens may make up this text: ask for the first"
    )


def _tokens_by_first_byte(vocabulary: Vocabulary, wanted: Iterable[int]) -> dict[int, list[tuple[int, bytes]]]:
    """Return the tokens that start with each wanted byte, the shortest first."""
    silent = {*vocabulary.special_token_ids, *vocabulary.eos_token_ids}
    found: dict[int, list[tuple[int, bytes]]] = {byte: [] for byte in wanted}
    for token_id, piece in enumerate(vocabulary.token_bytes):
        if piece and piece[0] in found and token_id not in silent:
            found[piece[0]].append((token_id, piece))
    for tokens in found.values():
        tokens.sort(key=lambda token: len(token[1]))
    return found
