"""Name the generated texts that recipes train on, and the tokenizer each is read with."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import cache, partial

from tokenizers import Tokenizer

from guidance.embedded import embedded_path
from guidance.embedded.messages import make_message
from guidance.embedded.prompts import make_training_example
from guidance.embedded.recipes import Corpus, Recipe
from guidance.embedded.tokenizer import Text, train_tokenizer

__all__ = ["CORPORA", "corpus_tokenizer", "recipe_tokenizer"]

TOKENIZER_SEED = 20_261_120

CORPORA: Mapping[Corpus, Callable[[random.Random], Text]] = {
    "records": make_training_example,
    "messages": make_message,
    "positive": partial(make_message, sentiment="positive"),
    "negative": partial(make_message, sentiment="negative"),
    "formal": partial(make_message, register="formal"),
}


@cache
def corpus_tokenizer(corpus: Corpus) -> Tokenizer:
    """Train the tokenizer of a corpus: one for records and one for messages, as models that meet must share theirs."""
    return train_tokenizer(TOKENIZER_SEED, CORPORA["records" if corpus == "records" else "messages"])


def recipe_tokenizer(recipe: Recipe) -> Tokenizer:
    """Return the tokenizer a recipe trains with: that of the model it starts from, else its corpus's."""
    if recipe.start is None:
        return corpus_tokenizer(recipe.corpus)
    return Tokenizer.from_file(str(embedded_path(recipe.start) / "tokenizer.json"))
