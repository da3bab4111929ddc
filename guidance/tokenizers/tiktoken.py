"""Read a tiktoken encoding: its tokens are bytes already."""

# ruff: noqa: D102 -- the members of a protocol are documented by the library that has them

from __future__ import annotations

from typing import Protocol

from guidance.tokenizers.token_table import TokenTable

__all__ = ["ByteEncoding", "read_encoding"]

_END = "<|endoftext|>"


class ByteEncoding(Protocol):
    """What is needed of a ``tiktoken.Encoding``."""

    @property
    def n_vocab(self) -> int: ...
    @property
    def special_tokens_set(self) -> set[str]: ...
    def encode_single_token(self, text_or_bytes: str | bytes) -> int: ...
    def decode_single_token_bytes(self, token: int) -> bytes: ...


def read_encoding(encoding: ByteEncoding) -> TokenTable:
    """Read every id; ids may have holes. ``<|endoftext|>`` ends a text where the encoding has it."""
    special = {name: encoding.encode_single_token(name) for name in encoding.special_tokens_set}
    return TokenTable.from_mapping(
        {token_id: _bytes_of(encoding, token_id) for token_id in range(encoding.n_vocab)},
        special=special.values(),
        eos=[special[_END]] if _END in special else [],
    )


def _bytes_of(encoding: ByteEncoding, token_id: int) -> bytes:
    try:
        return encoding.decode_single_token_bytes(token_id)
    except KeyError:  # a hole between the ranks and the special ids
        return b""
