"""What a vocabulary or a grammar makes on first use is whole, whoever asks at once and wherever it is interrupted."""

from __future__ import annotations

import importlib
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from grammars import choice, json_schema

NUM_THREADS = 6


def make_vocabulary() -> Vocabulary:
    """Return bytes, and hundreds of tokens that open and close strings."""
    tokens = [bytes([byte]) for byte in range(256)]
    tokens += [f'"q{number}{end}'.encode() for number in range(150) for end in ('"', '":', '",', "")]
    return Vocabulary([*tokens, b"</s>"], eos_token_ids=[len(tokens)])


def read_strings(vocabulary: Vocabulary) -> list[int]:
    """Compile a schema, read a text of strings, and count what every mask allows."""
    matcher = json_schema({"type": "array", "items": {"type": "string"}}).compile(vocabulary).matcher()
    mask = allocate_token_bitmask(1, vocabulary.size)
    counts = []
    for byte in b'["x", "y"]':
        matcher.fill_next_token_bitmask(mask)
        counts.append(len(allowed_token_ids(mask[0])))
        matcher.advance(byte)
    return counts


@pytest.fixture
def eager_threads():
    """Have threads take turns as often as can be."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_first_grammars_of_many_threads_share_one_vocabulary(eager_threads):
    """All of them begin at once, before anything is known of the tokens."""
    expected = read_strings(make_vocabulary())
    for _ in range(20):
        vocabulary, start = make_vocabulary(), Barrier(NUM_THREADS)

        def run(_, vocabulary=vocabulary, start=start):
            start.wait()
            return read_strings(vocabulary)

        with ThreadPoolExecutor(NUM_THREADS) as pool:
            assert list(pool.map(run, range(NUM_THREADS))) == [expected] * NUM_THREADS


def interrupt(monkeypatch, module: str, name: str, *, is_done: bool) -> None:
    """Interrupt the next call of a function as Ctrl-C does, before it or after it."""
    owner = importlib.import_module(module) if module not in sys.modules else sys.modules[module]
    real = getattr(owner, name)

    def interrupted(*arguments, **options):
        monkeypatch.setattr(owner, name, real)
        if is_done:
            real(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, name, interrupted)


@pytest.mark.parametrize("is_done", [False, True])
def test_strings_are_read_after_their_tokens_were_sorted_in_vain(monkeypatch, is_done):
    """Ctrl-C comes while what opens a string is being named for the kernels."""
    vocabulary = make_vocabulary()
    expected = read_strings(make_vocabulary())
    interrupt(monkeypatch, "fsm.tokens.openings", "addresses_of", is_done=is_done)
    with pytest.raises(KeyboardInterrupt):
        read_strings(vocabulary)
    assert read_strings(vocabulary) == expected


@pytest.mark.parametrize("is_done", [False, True])
def test_a_key_comes_once_though_its_first_reading_was_interrupted(monkeypatch, is_done):
    """Ctrl-C comes while its name is being written where keys begin; then more keys come than have bits."""
    vocabulary = Vocabulary([*(bytes([byte]) for byte in range(256)), b"</s>"], eos_token_ids=[256])
    compiled = json_schema({"additionalProperties": {"type": "integer"}}, key_order="any").compile(vocabulary)
    interrupt(monkeypatch, "grammars.json_schema.framed_object", "add_name", is_done=is_done)
    matcher = compiled.matcher()
    for byte in b'{"x':
        matcher.advance(byte)
    with pytest.raises(KeyboardInterrupt):
        matcher.advance(ord('"'))
    for keys in (["k0", "x", *(f"k{number}" for number in range(1, 18))], ["x"], ["k5", "x"]):
        matcher = compiled.matcher()
        for byte in ("{" + ", ".join(f'"{key}": 1' for key in keys) + ', "x').encode():
            matcher.advance(byte)
        assert not matcher.try_advance(ord('"'))


def test_threads_forget_a_list_of_texts_side_by_side(eager_threads):
    """Little is kept, so that one forgets what others are reading."""
    vocabulary = Vocabulary([*(bytes([byte]) for byte in range(256)), b"</s>"], eos_token_ids=[256])
    texts = [f"abc{number}xyz".encode() for number in range(300)]
    compiled = choice([text.decode() for text in texts]).compile(vocabulary)
    compiled.max_bytes = 3000

    def run(first: int) -> bool:
        for text in texts[first::7] * 8:
            matcher = compiled.matcher()
            if not all(matcher.try_advance(byte) for byte in text) or not matcher.is_accepting:
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(4)))
