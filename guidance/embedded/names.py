"""Make names of people, places, products and events, from syllables and from lists.

A pool is either the training pool or the held-out pool; the two share no syllable and no list entry.
Onsets never start with a letter that ends a syllable, so a made-up word splits into syllables in one way
only: a held-out word cannot also be a training word.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["NamePool", "held_out_names", "load_text", "training_names"]

ONSETS = (*"bdfghjkpstvwz", "br", "ch", "dr", "fr", "gr", "kr", "pl", "pr", "sh", "st", "th", "tr")
NUCLEI = (*"aeiou", "ai", "ea", "ie", "ou")
CODAS = ("", *"nlrm")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ACCENTED = "áâäåæçèéêëíîïñóôöøúûüýß"
HELD_OUT_EVERY = 5  # one syllable and one list entry in five is kept out of training
LIST_SHARE = 0.45  # of the words of a name: real-looking rather than made of syllables
ODD_SHARE = 0.45  # of the made-up training words: random letters or pieces of words, so that any token can be copied
INVENTED_NOUN_SHARE = 0.35  # of "Hall" in "Tavo Hall", so that a name ends where the sentence says, not at a known noun


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePool:
    """Hold the syllables and lists that names are drawn from.

    Examples
    --------
    >>> training_names().person(random.Random(1)) != held_out_names().person(random.Random(1))
    True
    """

    syllables: tuple[str, ...]
    lists: Mapping[str, tuple[str, ...]]
    odd_words: tuple[str, ...]
    odd_share: float

    def person(self, rng: random.Random) -> str:
        """Return a first name, mostly with a last name, now and then with an initial, a hyphen or a particle."""
        first = self._word(rng, "first")
        if rng.random() < 0.08:
            return first
        last = self._word(rng, "last")
        shape = rng.random()
        if shape < 0.05:
            return f"{first}-{self._word(rng, 'first')} {last}"
        if shape < 0.11:
            return f"{first} {rng.choice(LETTERS).upper()}. {last}"
        if shape < 0.16:
            return f"{first} {rng.choice(('van', 'de', 'von', 'da', 'del'))} {last}"
        return f"{first} {last}" if shape < 0.93 else f"{first} {self._word(rng, 'first')} {last}"

    def city(self, rng: random.Random) -> str:
        """Return a city name of one or two words."""
        shape = rng.random()
        if shape < 0.4:
            return rng.choice(self.lists["city"])
        word = self._invented(rng)
        if shape < 0.52:
            return f"{rng.choice(('New', 'San', 'Port', 'Bad', 'Saint', 'Old', 'East', 'North'))} {word}"
        if shape < 0.62:
            return f"{word} {self._invented(rng)}"
        return word + rng.choice((" Bay", " Hill", "-on-Sea")) if shape < 0.66 else word

    def product(self, rng: random.Random) -> str:
        """Return a product name: a brand with a thing, a model code, or alone."""
        brand = self._owner(rng)
        shape = rng.random()
        if shape < 0.5:
            return f"{brand} {self._noun(rng, 'product')}"
        if shape < 0.6:
            return self._noun(rng, "product")
        if shape < 0.8:
            return f"{brand} {_model_code(rng)}"
        if shape < 0.85:
            return f"{brand} {self._noun(rng, 'product')} {_model_code(rng)}"
        return brand if shape < 0.93 else f"{self._noun(rng, 'theme')} {self._noun(rng, 'product')}"

    def event(self, rng: random.Random) -> str:
        """Return an event title, such as a themed fair or a festival named after a place."""
        noun = self._noun(rng, "event")
        shape = rng.random()
        if shape < 0.3:
            return f"{self._noun(rng, 'theme')} {noun}"
        if shape < 0.55:
            return f"{self._owner(rng)} {noun}"
        if shape < 0.7:
            return f"{self._owner(rng)} {self._noun(rng, 'theme')} {noun}"
        if shape < 0.75:
            return noun
        return f"{noun} of {self._invented(rng)}" if shape < 0.85 else f"{self.city(rng)} {noun}"

    def venue(self, rng: random.Random) -> str:
        """Return a place where an event can be: a city or a named building."""
        shape = rng.random()
        if shape < 0.4:
            return self.city(rng)
        if shape < 0.46:
            return f"{self._noun(rng, 'venue')} of {self._invented(rng)}"
        name = f"{self._owner(rng)} {self._noun(rng, 'venue')}"
        return f"{rng.choice(('Old', 'Grand', 'Royal', 'City'))} {name}" if shape < 0.5 else name

    def invented_word(self, rng: random.Random) -> str:
        """Return a made-up word in lower case."""
        return self._invented(rng).lower()

    def _word(self, rng: random.Random, list_name: str) -> str:
        if rng.random() < LIST_SHARE:
            return rng.choice(self.lists[list_name])
        return self._invented(rng)

    def _noun(self, rng: random.Random, list_name: str) -> str:
        if rng.random() < INVENTED_NOUN_SHARE:
            return self._invented(rng)
        return rng.choice(self.lists[list_name])

    def _owner(self, rng: random.Random) -> str:
        return self._invented(rng) if rng.random() < 0.7 else rng.choice(self.lists["last"])

    def _invented(self, rng: random.Random) -> str:
        if rng.random() < self.odd_share:
            return self._odd_word(rng)
        count = rng.choice((1, 2, 2, 2, 3, 3))
        return "".join(rng.choice(self.syllables) for _ in range(count)).capitalize()

    def _odd_word(self, rng: random.Random) -> str:
        shape = rng.random()
        if shape < 0.2:
            return rng.choice(self.odd_words).capitalize()
        if shape < 0.5:
            word = _random_letters(rng)
        else:
            word = "".join(_piece(self.odd_words, rng) for _ in range(rng.randint(1, 3)))
        style = rng.random()
        return word.upper() if style < 0.06 else word if style < 0.12 else word.capitalize()


@cache
def training_names() -> NamePool:
    """Return the pool that training text draws from."""
    lists = {name: _kept(words) for name, words in load_text("names").items()}
    return NamePool(syllables=_kept(_all_syllables()), lists=lists, odd_words=_odd_words(lists), odd_share=ODD_SHARE)


@cache
def held_out_names() -> NamePool:
    """Return the pool that training never draws from."""
    lists = {name: _left_out(words) for name, words in load_text("names").items()}
    return NamePool(syllables=_left_out(_all_syllables()), lists=lists, odd_words=(), odd_share=0.0)


@cache
def load_text(name: str) -> dict[str, Any]:
    """Return the tables of one file of the generator's text, such as ``person`` or ``names``."""
    source = resources.files("guidance.embedded") / "text" / f"{name}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


def _all_syllables() -> tuple[str, ...]:
    syllables = sorted({onset + nucleus + coda for onset in ONSETS for nucleus in NUCLEI for coda in CODAS})
    random.Random(0).shuffle(syllables)
    return tuple(syllables)


def _kept(entries: Sequence[str]) -> tuple[str, ...]:
    return tuple(entry for place, entry in enumerate(entries) if place % HELD_OUT_EVERY != HELD_OUT_EVERY - 1)


def _left_out(entries: Sequence[str]) -> tuple[str, ...]:
    return tuple(entries[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY])


def _odd_words(lists: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return every word that training text shows anyway: names of the lists, clause fragments, instructions."""
    texts = [word for words in lists.values() for word in words]
    for kind in ("person", "product", "event"):
        text = load_text(kind)
        texts += text["instructions"]
        texts += [fragment for fragments in text["compose"].values() for fragment in fragments]
    texts += load_text("common")["asides"]
    return tuple(sorted({word for text in texts for word in _LETTERS_ONLY.findall(_MARKS.sub(" ", text))}))


_MARKS = re.compile(r"\{[a-z]+\}|\$[a-z_]+")
_LETTERS_ONLY = re.compile(r"[^\W\d_]{2,}")


def _random_letters(rng: random.Random) -> str:
    letters = LETTERS + ACCENTED if rng.random() < 0.3 else LETTERS
    return "".join(rng.choice(letters) for _ in range(rng.randint(2, 9)))


def _piece(words: Sequence[str], rng: random.Random) -> str:
    word = rng.choice(words)
    start = rng.randrange(len(word) - 1)
    return word[start : start + rng.randint(2, 5)]


def _model_code(rng: random.Random) -> str:
    number = str(rng.randint(1, 999))
    style = rng.random()
    if style < 0.4:
        return number
    letter = rng.choice(LETTERS).upper()
    return letter + number if style < 0.7 else number + letter if style < 0.85 else f"{letter}-{number}"
