"""Check that every conversion spells texts: joined token bytes equal the text's bytes."""

# ruff: noqa: S106 -- tokens of a vocabulary, not passwords

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from fsm.errors import VocabularyError
from fsm.vocabulary import Vocabulary
from guidance.tokenizers import load_ranks, vocabulary_from
from tests.strategies.texts import random_texts

NUM_TEXTS = 10_000


def check_spelling(vocabulary: Vocabulary, encode: Callable[[str], Iterable[int]], *, prefix: str = "") -> int:
    """Encode the random texts and compare bytes; return how many tokens were not whole characters."""
    num_split = 0
    for text in random_texts(NUM_TEXTS, seed=2):
        tokens = [vocabulary.token_bytes[token_id] for token_id in encode(text)]
        assert b"".join(tokens) == (prefix + text).encode()
        num_split += sum(not _is_utf8(token) for token in tokens)
    return num_split


def _is_utf8(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return True


def plain(tokenizer: Tokenizer) -> Callable[[str], list[int]]:
    """Encode with no special tokens around the text."""
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def test_vocabulary_from_byte_level_spells_every_text(byte_level: Tokenizer) -> None:
    """Byte-level BPE is lossless, also where tokens split characters."""
    assert check_spelling(vocabulary_from(byte_level), plain(byte_level)) > 1000


def test_vocabulary_from_split_byte_level_spells_every_text(split_byte_level: Tokenizer) -> None:
    """A split pattern ahead of the byte alphabet changes nothing about the bytes."""
    assert check_spelling(vocabulary_from(split_byte_level), plain(split_byte_level)) > 1000


def test_vocabulary_from_byte_fallback_spells_every_text_after_one_space(byte_fallback: Tokenizer) -> None:
    """The mark that the normaliser puts ahead of a text is a space like any other; the rest is the text."""
    vocabulary = vocabulary_from(byte_fallback)
    encode = plain(byte_fallback)
    texts = [text for text in random_texts(NUM_TEXTS, seed=2) if not {"<s>", "</s>"} & set(text.split())]
    num_split = 0
    for text in texts:
        if "<s>" in text or "</s>" in text:
            continue  # found in raw text as special tokens, which are no text
        tokens = [vocabulary.token_bytes[token_id] for token_id in encode(text)]
        assert b"".join(tokens) == (" " + text).encode()
        num_split += sum(not _is_utf8(token) for token in tokens)
    assert num_split > 1000


def test_vocabulary_from_metaspace_spells_every_text(metaspace: Tokenizer) -> None:
    """With nothing put ahead, the bytes are the text's."""
    vocabulary, encode = vocabulary_from(metaspace), plain(metaspace)
    for text in random_texts(NUM_TEXTS, seed=3):
        if "<s>" not in text and "</s>" not in text:
            assert b"".join(vocabulary.token_bytes[token_id] for token_id in encode(text)) == text.encode()


def test_vocabulary_from_fast_transformers_spells_every_text(byte_level: Tokenizer) -> None:
    """A fast tokenizer of transformers reads as the tokenizer inside it."""
    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=byte_level, eos_token="<|end|>", pad_token="<|pad|>")
    vocabulary = vocabulary_from(fast)
    assert vocabulary.eos_token_ids == (fast.eos_token_id,)
    assert check_spelling(vocabulary, lambda text: fast(text, add_special_tokens=False)["input_ids"]) > 1000


def test_vocabulary_from_sentence_piece_spells_every_text_after_one_space(piece_file: Path) -> None:
    """SentencePiece puts one space ahead; byte pieces and the user-defined piece are text."""
    sentencepiece = pytest.importorskip("sentencepiece")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(piece_file))
    vocabulary = vocabulary_from(processor)
    assert vocabulary.eos_token_ids == (processor.eos_id(),)
    assert vocabulary.token_bytes[processor.piece_to_id("<think>")] == b"<think>"
    assert set(vocabulary.special_token_ids) == {processor.unk_id(), processor.bos_id(), processor.eos_id()}
    assert check_spelling(vocabulary, processor.encode, prefix=" ") > 1000


def test_vocabulary_from_slow_transformers_agrees_with_its_pieces(piece_file: Path) -> None:
    """A slow tokenizer reads as the SentencePiece processor inside it, with added tokens on top."""
    backend = pytest.importorskip("transformers.tokenization_utils_sentencepiece")
    sentencepiece = pytest.importorskip("sentencepiece")
    slow = backend.SentencePieceBackend(
        vocab_file=str(piece_file), unk_token="<unk>", bos_token="<s>", eos_token="</s>", legacy=True
    )
    slow.add_tokens([AddedToken("<call>", normalized=False)])
    vocabulary = vocabulary_from(slow)
    inner = vocabulary_from(sentencepiece.SentencePieceProcessor(model_file=str(piece_file)))
    assert vocabulary.token_bytes == (*inner.token_bytes, b"<call>")
    assert vocabulary.special_token_ids == inner.special_token_ids
    assert vocabulary.eos_token_ids == inner.eos_token_ids


def test_vocabulary_from_slow_transformers_spells_every_text(piece_file: Path) -> None:
    """The tokens a slow tokenizer encodes to spell the text after one space."""
    backend = pytest.importorskip("transformers.tokenization_utils_sentencepiece")
    slow = backend.SentencePieceBackend(vocab_file=str(piece_file), unk_token="<unk>", legacy=True)
    vocabulary = vocabulary_from(slow)
    for text in random_texts(NUM_TEXTS, seed=2):
        if "<s>" in text or "</s>" in text:
            continue
        token_ids = slow.convert_tokens_to_ids(slow._tokenize(text))
        assert b"".join(vocabulary.token_bytes[token_id] for token_id in token_ids) == (" " + text).encode()


def test_vocabulary_from_slow_byte_alphabet_reads_stand_ins() -> None:
    """A slow tokenizer with the byte alphabet reads as byte-level; added tokens are literal."""
    alphabet = {character: code for code, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}

    class SlowByteLevel:
        byte_decoder = alphabet
        all_special_ids = (3,)
        added_tokens_decoder = {  # noqa: RUF012
            2: AddedToken("é Ġ", special=False),
            3: AddedToken("<end>", special=True),
        }
        eos_token_id = 3

        def __len__(self) -> int:
            return 4

        def convert_ids_to_tokens(self, token_id: int) -> str:
            return ["Ġthe", "Ã©"][token_id]

    vocabulary = vocabulary_from(SlowByteLevel())
    assert vocabulary.token_bytes[:3] == (b" the", "é".encode(), "é Ġ".encode())
    assert vocabulary.special_token_ids == (3,)


def test_vocabulary_from_slow_unknown_is_refused() -> None:
    """A slow tokenizer that says nothing about bytes is refused, with the cure."""

    class Slow:
        all_special_ids = ()

        def __len__(self) -> int:
            return 1

        def convert_ids_to_tokens(self, token_id: int) -> str:
            return "a"

    with pytest.raises(VocabularyError, match=r"neither sp_model nor byte_decoder.*use_fast"):
        vocabulary_from(Slow())


def test_vocabulary_from_tiktoken_spells_every_text_and_keeps_holes() -> None:
    """A tiktoken encoding gives its bytes; ids between ranks and special tokens have none."""
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"th": 256, b"the": 257, b" the": 258}
    encoding = tiktoken.Encoding(
        "small",
        pat_str=r" ?\w+|\s+|[^\s\w]+",
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": 262, "<|x|>": 263},
    )
    vocabulary = vocabulary_from(encoding)
    assert vocabulary.size == 264
    assert vocabulary.eos_token_ids == (262,)
    assert vocabulary.special_token_ids == (262, 263)
    assert vocabulary.token_bytes[259:262] == (b"", b"", b"")
    assert check_spelling(vocabulary, lambda text: encoding.encode(text, disallowed_special=())) > 1000


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("tokenizer.model.v1", " "),
        ("mistral_instruct_tokenizer_241114.model.v7", " "),
        ("tekken_240911.json", ""),
    ],
)
def test_vocabulary_from_mistral_spells_every_text(name: str, prefix: str) -> None:
    """The real tokenizers inside mistral-common: SentencePiece of two versions, and Tekken."""
    common = pytest.importorskip("mistral_common")
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    tokenizer = MistralTokenizer.from_file(str(Path(common.__file__).parent / "data" / name))
    inner = tokenizer.instruct_tokenizer.tokenizer
    vocabulary = vocabulary_from(tokenizer)
    assert vocabulary.size == inner.n_words
    assert vocabulary.eos_token_ids == (inner.eos_id,)
    assert {inner.bos_id, inner.eos_id} <= set(vocabulary.special_token_ids)
    assert check_spelling(vocabulary, lambda text: inner.encode(text, bos=False, eos=False), prefix=prefix) > 1000


def test_vocabulary_from_rank_file_reads_llama3(data_directory: Path) -> None:
    """The Llama-3 rank file has 128,000 ids, and spells texts through tiktoken."""
    tiktoken = pytest.importorskip("tiktoken")
    path = data_directory / "tokenizers" / "llama3.tiktoken"
    vocabulary = vocabulary_from(path, eos_token_ids=[128_001, 128_009], vocab_size=128_256)
    assert vocabulary.size == 128_256
    assert vocabulary.eos_token_ids == (128_001, 128_009)
    assert len(set(vocabulary.token_bytes)) == 128_001
    encoding = tiktoken.Encoding(
        "llama3", pat_str=r" ?\w+|\s+|[^\s\w]+", mergeable_ranks=load_ranks(path), special_tokens={}
    )
    assert check_spelling(vocabulary, encoding.encode) > 1000


def test_vocabulary_special_tokens_are_not_text_but_added_tokens_are(byte_level: Tokenizer) -> None:
    """Only tokens flagged special are kept out of the text."""
    vocabulary = vocabulary_from(byte_level)
    special = {byte_level.token_to_id(name) for name in ("<|end|>", "<|pad|>", "<|tool|>")}
    assert set(vocabulary.special_token_ids) == special
    assert vocabulary.token_bytes[byte_level.token_to_id("<think>")] == b"<think>"
    assert vocabulary.token_bytes[byte_level.token_to_id("  deux é")] == "  deux é".encode()


@pytest.mark.parametrize(("named", "expected"), [(7, (0, 7)), ([7, 0, 9], (0, 7, 9)), (None, (0,))])
def test_vocabulary_end_ids_join_tokenizer_and_generation_config(
    byte_level: Tokenizer, named: object, expected: tuple[int, ...]
) -> None:
    """Chat models end a turn with other ids than the tokenizer names; each of them ends the text."""
    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=byte_level, eos_token="<|end|>")
    vocabulary = vocabulary_from(fast, generation_config=SimpleNamespace(eos_token_id=named))
    assert vocabulary.eos_token_ids == expected
    assert set(expected) <= set(vocabulary.special_token_ids)


def test_vocabulary_from_list_keeps_duplicates_and_widens() -> None:
    """Equal byte strings stay separate ids; ids of padded logits have no bytes."""
    vocabulary = vocabulary_from([b"a", b"b", b"a", b"<end>"], eos_token_ids=[3], vocab_size=8)
    assert vocabulary.token_bytes[:3] == (b"a", b"b", b"a")
    assert vocabulary.size == 8
    assert vocabulary.token_bytes[4:] == (b"",) * 4
    assert vocabulary.eos_token_ids == (3,)


def test_vocabulary_from_word_piece_is_refused_with_the_reason() -> None:
    """WordPiece drops white space, so its tokens have no bytes; the message says so and what to use."""
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    tokenizer.decoder = decoders.WordPiece()
    with pytest.raises(VocabularyError, match=r"WordPiece drops the white space.*byte-level BPE"):
        vocabulary_from(tokenizer)


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        (Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), "WordLevel"),
        (Tokenizer(models.BPE({"a</w>": 0}, [], end_of_word_suffix="</w>")), "end_of_word_suffix"),
        (Tokenizer(models.BPE({"a": 0, "##b": 1}, [], continuing_subword_prefix="##")), "continuing_subword_prefix"),
        (Tokenizer(models.BPE({"a": 0}, [])), "no decoder"),
        (["a"], "token 0: got str"),
        ([], "got no tokens"),
        (object(), "got object"),
        ("no/such/file.tiktoken", "No such file"),
    ],
)
def test_vocabulary_from_unusable_names_what_was_given(tokenizer: object, message: str) -> None:
    """Each refusal names what was found."""
    with pytest.raises(VocabularyError, match=message):
        vocabulary_from(tokenizer)


def test_vocabulary_narrower_than_the_tokenizer_is_refused() -> None:
    """Logits cannot have fewer entries than the tokenizer has ids."""
    with pytest.raises(VocabularyError, match="got 1, expected at least the tokenizer's 2"):
        vocabulary_from([b"a", b"b"], vocab_size=1)


def test_load_ranks_names_the_line_that_is_not_a_rank(tmp_path: Path) -> None:
    """A broken rank file is refused with its line number."""
    path = tmp_path / "broken.tiktoken"
    path.write_bytes(base64.b64encode(b"a") + b" 0\nnot a rank line\n")
    with pytest.raises(VocabularyError, match=":2: got b'not a rank line'"):
        load_ranks(path)
