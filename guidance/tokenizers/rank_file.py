"""Read a tiktoken rank file: one ``base64 rank`` pair per line."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from fsm.errors import VocabularyError
from guidance.tokenizers.token_table import TokenTable

__all__ = ["load_ranks", "read_rank_file"]


def load_ranks(path: str | Path) -> dict[bytes, int]:
    """Load the ranks of byte strings, as ``tiktoken.Encoding(mergeable_ranks=...)`` takes them.

    Raises
    ------
    VocabularyError
        The file cannot be read, or a line is not ``base64 rank``.
    """
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise VocabularyError(
            f"rank file {path}: got {error.strerror}, expected a readable file; check the path"
        ) from error
    return dict(_parse_line(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip())


def read_rank_file(path: str | Path) -> TokenTable:
    """Read the ranks as token ids. The format has no special tokens: name the end ids yourself."""
    return TokenTable.from_mapping({rank: token for token, rank in load_ranks(path).items()})


def _parse_line(line: bytes, where: str) -> tuple[bytes, int]:
    try:
        encoded, rank = line.split()
        return base64.b64decode(encoded, validate=True), int(rank)
    except (ValueError, binascii.Error) as error:
        raise VocabularyError(
            f"rank file {where}: got {line[:40]!r}, expected 'base64 rank'; pass a tiktoken rank file"
        ) from error
