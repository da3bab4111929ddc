"""Save frozen tables to a file and load them again, in time to map it: nothing is unpickled, nothing half-written.

Layout: eight bytes of magic, the format's version and the header's size as little-endian uint32, the header as JSON,
then the arrays, each from a multiple of 64 on. The header names the key of the grammar, the vocabulary's fingerprint,
every array's place, and a SHA-256 of all of them; its own checksum stands before it. Cost: reading and hashing the
file, about a millisecond per megabyte.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm.errors import SavedFileError
from fsm.freezing.frozen import FrozenTables
from fsm.vocabulary import Vocabulary

__all__ = ["FORMAT_VERSION", "load_tables", "save_tables"]

FORMAT_VERSION = 1
_MAGIC = b"CGTABLES"
_START = struct.Struct("<8sII16s")
_ARRAYS = {
    "next": np.int32, "class_of": np.int32, "accepting": np.bool_, "places": np.int32,
    "delta": np.int32, "ends": np.bool_,
}  # fmt: skip


def save_tables(tables: FrozenTables, path: str | os.PathLike[str], *, key: str) -> None:
    """Write tables to a file, whole or not at all.

    key : identifies the grammar; loading asks for the same.
    """
    payload = bytearray()
    places: dict[str, list[int]] = {}
    for name, dtype in _ARRAYS.items():
        array: NDArray[Any] = np.ascontiguousarray(getattr(tables, name), np.dtype(dtype).newbyteorder("<"))
        payload += b"\0" * (-len(payload) % 64)
        places[name] = [len(payload), *array.shape]
        payload += array.tobytes()
    header = {
        "key": key,
        "vocabulary": tables.vocabulary.fingerprint,
        "start": tables.start,
        "arrays": places,
        "size": len(payload),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }
    text = json.dumps(header).encode()
    head = _START.pack(_MAGIC, FORMAT_VERSION, len(text), hashlib.blake2b(text, digest_size=16).digest()) + text
    _write_whole(Path(path), head + b"\0" * (-len(head) % 64) + bytes(payload))


def load_tables(path: str | os.PathLike[str], vocabulary: Vocabulary, *, key: str | None = None) -> FrozenTables:
    """Return the tables in a file.

    key : of the grammar they must be of; None takes any.

    Raises
    ------
    SavedFileError : no such file, not such a file, another version's, damaged, or of another grammar or vocabulary.
    """
    place = Path(path)
    try:
        data = place.read_bytes()
    except OSError as error:
        raise SavedFileError(f"saved grammar {place}: {error.strerror}; compile the grammar and save it") from error
    header, begin = _read_header(place, data)
    _check(place, header, vocabulary, key)
    payload = memoryview(data)[begin:]
    if len(payload) != header["size"] or hashlib.sha256(payload).hexdigest() != header["sha256"]:
        raise SavedFileError(f"saved grammar {place}: the file is damaged; compile the grammar and save it again")
    arrays = {name: _array(payload, header["arrays"][name], dtype) for name, dtype in _ARRAYS.items()}
    return FrozenTables(**arrays, start=header["start"], vocabulary=vocabulary)


def _read_header(place: Path, data: bytes) -> tuple[dict[str, Any], int]:
    """Return the header and where the arrays begin."""
    if len(data) < _START.size or not data.startswith(_MAGIC):
        raise SavedFileError(f"saved grammar {place}: got another kind of file, expected one written by save")
    _, version, size, checksum = _START.unpack_from(data)
    if version != FORMAT_VERSION:
        raise SavedFileError(
            f"saved grammar {place}: got format {version}, expected {FORMAT_VERSION}; "
            "compile the grammar and save it again with this version"
        )
    text = data[_START.size : _START.size + size]
    if len(text) != size or hashlib.blake2b(text, digest_size=16).digest() != checksum:
        raise SavedFileError(f"saved grammar {place}: the file is damaged; compile the grammar and save it again")
    header: dict[str, Any] = json.loads(text)
    return header, _START.size + size + -(_START.size + size) % 64


def _check(place: Path, header: dict[str, Any], vocabulary: Vocabulary, key: str | None) -> None:
    if header["vocabulary"] != vocabulary.fingerprint:
        raise SavedFileError(
            f"saved grammar {place}: got tables for vocabulary {header['vocabulary']}, expected "
            f"{vocabulary.fingerprint}; save the grammar for this vocabulary too"
        )
    if key is not None and header["key"] != key:
        raise SavedFileError(
            f"saved grammar {place}: got tables of grammar {header['key']}, expected {key}; save this grammar too"
        )


def _array(payload: memoryview, place: list[int], dtype: type) -> NDArray[Any]:
    begin, *shape = place
    kind = np.dtype(dtype).newbyteorder("<")
    count = int(np.prod(shape))
    found: NDArray[Any] = np.frombuffer(payload, kind, count, begin).reshape(shape)
    return found.astype(dtype, copy=False)


def _write_whole(path: Path, data: bytes) -> None:
    """Write beside the file, then put it in its place at once."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
