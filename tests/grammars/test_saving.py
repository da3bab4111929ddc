"""Saved grammars do what compiled ones do, and no file but the right one is taken."""

from __future__ import annotations

import random

import pytest

from fsm import (
    LimitError,
    UnsupportedFeatureError,
    Vocabulary,
    allocate_token_bitmask,
    allowed_token_ids,
    load_compiled,
)
from fsm.errors import SavedFileError
from fsm.freezing.saving import FORMAT_VERSION
from grammars import choice, json_schema, regex
from grammars.grammar import Grammar
from grammars.saving import compile_cached, fingerprint, load, save

TOKENS = [b"</s>", *(bytes([byte]) for byte in range(256)), b"ab", b"true", b'{"', b'": ', "é".encode(), b"12", b"\xc3"]
VOCABULARY = Vocabulary(TOKENS, eos_token_ids=[0])
GRAMMARS = [
    regex("(a|b)*a(a|b){2}é?"),
    choice(["yes", "no", "none"]),
    json_schema({"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": False}),
    "n = " + json_schema({"enum": [1, 12, "x"]}, whitespace="compact").repeat(1, 2),
    regex("[0-9]{2}") & json_schema({"type": "integer", "multipleOf": 7}),
]


@pytest.mark.parametrize("grammar", GRAMMARS, ids=str)
def test_loaded_grammars_match_like_compiled_ones(grammar, tmp_path):
    """Masks, moves, forced text, the way to the end and explanations are equal along random texts."""
    path = tmp_path / "saved"
    save(grammar, VOCABULARY, path)
    loaded, compiled = load(path, VOCABULARY, grammar=grammar), grammar.compile(VOCABULARY)
    masks = allocate_token_bitmask(2, VOCABULARY.size)
    for seed in range(5):
        one, other, chance = loaded.matcher(), compiled.matcher(), random.Random(seed)
        for _ in range(15):
            one.fill_next_token_bitmask(masks, 0)
            other.fill_next_token_bitmask(masks, 1)
            assert (masks[0] == masks[1]).all()
            assert one.is_accepting == other.is_accepting
            assert one.is_complete == other.is_complete
            assert one.shortest_completion() == other.shortest_completion()
            assert one.forced_bytes() == other.forced_bytes()
            assert one.explain(200) == other.explain(200)
            token = chance.choice(allowed_token_ids(masks[0]).tolist())
            one.advance(token)
            other.advance(token)
            if one.is_terminated:
                break
        one.rollback(one.num_tokens)
        assert one.text() == b""


def test_compiled_grammars_save_and_freeze_themselves(tmp_path):
    """Without a source the caller gives the key."""
    compiled = GRAMMARS[0].compile(VOCABULARY)
    compiled.save(tmp_path / "saved", key="mine")
    assert load_compiled(tmp_path / "saved", VOCABULARY, key="mine").tables.num_states == compiled.freeze().num_states
    with pytest.raises(SavedFileError, match="tables of grammar mine, expected yours"):
        load_compiled(tmp_path / "saved", VOCABULARY, key="yours")
    with pytest.raises(LimitError, match="more than 3 states"):
        compiled.freeze(max_states=3)


def test_files_of_others_are_refused(tmp_path):
    """Another grammar, another vocabulary, another version, another kind of file, and none at all."""
    path = tmp_path / "saved"
    save(GRAMMARS[0], VOCABULARY, path)
    with pytest.raises(SavedFileError, match="tables of grammar"):
        load(path, VOCABULARY, grammar=GRAMMARS[1])
    with pytest.raises(SavedFileError, match="tables for vocabulary"):
        load(path, Vocabulary([*TOKENS, b"more"], eos_token_ids=[0]))
    data = bytearray(path.read_bytes())
    data[8] = FORMAT_VERSION + 1
    (tmp_path / "newer").write_bytes(data)
    with pytest.raises(SavedFileError, match=f"got format {FORMAT_VERSION + 1}"):
        load(tmp_path / "newer", VOCABULARY)
    (tmp_path / "other").write_bytes(b"something else")
    with pytest.raises(SavedFileError, match="another kind of file"):
        load(tmp_path / "other", VOCABULARY)
    with pytest.raises(SavedFileError, match="No such file"):
        load(tmp_path / "none", VOCABULARY)


def test_damage_anywhere_is_noticed(tmp_path):
    """Every changed byte and every cut is noticed."""
    path = tmp_path / "saved"
    save(choice(["a"]), Vocabulary([b"</s>", b"a"], eos_token_ids=[0]), path)
    whole, chance = path.read_bytes(), random.Random(1)
    used = len(whole.rstrip(b"\0"))
    for place in [*range(0, min(used, 400), 7), *(chance.randrange(used) for _ in range(40))]:
        data = bytearray(whole)
        data[place] ^= 1 << chance.randrange(8)
        if bytes(data).rstrip(b"\0") == whole.rstrip(b"\0"):
            continue
        path.write_bytes(data)
        if place < len(whole) and whole[place] == 0 and _is_padding(whole, place):
            continue
        with pytest.raises(SavedFileError):
            load(path, Vocabulary([b"</s>", b"a"], eos_token_ids=[0]))
    path.write_bytes(whole[:-1])
    with pytest.raises(SavedFileError, match="damaged"):
        load(path, Vocabulary([b"</s>", b"a"], eos_token_ids=[0]))


def _is_padding(whole, place):
    """Tell whether a byte lies between the header and the arrays, where nothing is kept."""
    end = whole.index(b"}", whole.index(b'"sha256"')) + 1
    return end <= place < end + 64


def test_failed_writes_leave_what_was_there(tmp_path, monkeypatch):
    """A file is replaced whole or not at all, and nothing is left beside it."""
    path = tmp_path / "saved"
    save(GRAMMARS[0], VOCABULARY, path)
    before = path.read_bytes()

    def fail(_number):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        save(GRAMMARS[1], VOCABULARY, path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["saved"]


def test_cached_grammars_are_compiled_once(tmp_path):
    """The second time the file is read; a damaged one is written anew."""
    grammar = GRAMMARS[1]
    first = compile_cached(grammar, VOCABULARY, tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    stamp = file.stat().st_mtime_ns
    assert (
        compile_cached(grammar, VOCABULARY, tmp_path / "cache").matcher().forced_bytes()
        == first.matcher().forced_bytes()
    )
    assert file.stat().st_mtime_ns == stamp
    file.write_bytes(file.read_bytes()[:-3])
    assert compile_cached(grammar, VOCABULARY, tmp_path / "cache").matcher().explain(0).is_allowed is False


def test_fingerprints_tell_sources_apart():
    """Every option that changes the language changes the fingerprint."""
    made = [
        *GRAMMARS,
        regex(r"\d"),
        regex(r"\d", dialect="ecma"),
        regex(r"\d", search=True),
        json_schema({}),
        json_schema({}, whitespace="any"),
        json_schema({}, key_order="any"),
        regex("a").repeat(0, 2),
    ]
    assert len({fingerprint(grammar) for grammar in made}) == len(made)
    assert fingerprint(json_schema({"a": 1})) == fingerprint(json_schema({"a": 1}))
    with pytest.raises(UnsupportedFeatureError, match="without a fingerprint"):
        fingerprint(Grammar())


def test_grammars_without_tables_are_refused(tmp_path):
    """What has no end of states is not saved, and no file appears."""
    with pytest.raises(LimitError):
        save(json_schema({"type": "integer"}), VOCABULARY, tmp_path / "saved", max_states=50)
    assert not list(tmp_path.iterdir())
