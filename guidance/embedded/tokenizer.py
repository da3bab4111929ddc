"""Train the tokenizer of the embedded models: byte-level BPE within single words.

The pre-tokeniser isolates every space, digit and punctuation mark, so a name is the same tokens in a
sentence, in JSON and at either's edge. Without that, small models did not learn to copy at all.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from guidance.embedded.messages import Message
from guidance.embedded.prompts import Example, make_training_example

__all__ = ["EOS_TOKEN", "PAD_TOKEN", "save_tokenizer", "train_tokenizer"]

EOS_TOKEN = "<|end|>"  # noqa: S105 - a token of text, not of access
PAD_TOKEN = "<|pad|>"  # noqa: S105 - the same
VOCABULARY_SIZE = 1024
NUM_EXAMPLES = 30_000
CONTEXT_SIZE = 1024
Text = Example | Message


def train_tokenizer(seed: int, draw_text: Callable[[random.Random], Text] = make_training_example) -> Tokenizer:
    """Train the tokenizer on generated text; the same seed gives the same tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    isolate = pre_tokenizers.Split(Regex(r"\s|\p{N}|\p{P}|\p{S}"), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [isolate, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[EOS_TOKEN, PAD_TOKEN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_training_texts(seed, draw_text), trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Save ``tokenizer.json`` and the settings that ``transformers`` reads beside it."""
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": EOS_TOKEN,
        "pad_token": PAD_TOKEN,
        "model_max_length": CONTEXT_SIZE,
        "clean_up_tokenization_spaces": False,
        "padding_side": "left",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _training_texts(seed: int, draw_text: Callable[[random.Random], Text]) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(NUM_EXAMPLES):
        example = draw_text(rng)
        yield example.prompt + example.answer
