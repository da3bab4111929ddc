"""Make names of people, places, products and events, from syllables and from lists.

A pool is either the training pool or the held-out pool; the two share no syllable and no list entry.
Onsets never start with a letter that ends a syllable, so a made-up word splits into syllables in one way
only: a held-out word cannot also be a training word.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["NamePool", "held_out_names", "load_text", "training_names"]

ONSETS = tuple("b d f g h j k p s t v w z br ch dr fr gr kr pl pr sh st th tr".split())
NUCLEI = tuple("a e i o u ai ea ie ou".split())
CODAS = ("", "", "n", "l", "r", "m")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ACCENTED = "áâäåæçèéêëíîïñóôöøúûüýß"
HELD_OUT_EVERY = 5  # one syllable and one list entry in five is kept out of training
LIST_SHARE = 0.45  # of the words of a name: real-looking rather than made of syllables
SPELLED_SHARE = 0.12  # of the training words: random letters, so that every letter token learns to be copied


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePool:
    """Hold the syllables and lists that names are drawn from.

    Examples
    --------
    >>> training_names().person(random.Random(1)) != held_out_names().person(random.Random(1))
    True
    """

    syllables: tuple[str, ...]
    lists: dict[str, tuple[str, ...]] = field(hash=False)
    spelled_share: float

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
        if shape < 0.45:
            return rng.choice(self.lists["city"])
        word = self._invented(rng)
        if shape < 0.58:
            return f"{rng.choice(('New', 'San', 'Port', 'Bad', 'Saint', 'Old', 'East', 'North'))} {word}"
        return word + rng.choice(("", "", "", "", " Bay", " Hill", "-on-Sea")) if shape < 0.7 else word

    def product(self, rng: random.Random) -> str:
        """Return a product name: a brand with a thing, a model code, or alone."""
        brand = self._invented(rng) if rng.random() < 0.7 else rng.choice(self.lists["last"])
        shape = rng.random()
        if shape < 0.5:
            return f"{brand} {rng.choice(self.lists['product'])}"
        if shape < 0.62:
            return rng.choice(self.lists["product"])
        if shape < 0.82:
            return f"{brand} {_model_code(rng)}"
        return brand if shape < 0.92 else f"{brand} {self._invented(rng)}"

    def event(self, rng: random.Random) -> str:
        """Return an event title, such as a themed fair or a festival named after a place."""
        noun = rng.choice(self.lists["event"])
        shape = rng.random()
        if shape < 0.3:
            return f"{rng.choice(self.lists['theme'])} {noun}"
        if shape < 0.6:
            return f"{self._invented(rng)} {noun}"
        if shape < 0.75:
            return f"{self._invented(rng)} {rng.choice(self.lists['theme'])} {noun}"
        return f"{noun} of {self._invented(rng)}" if shape < 0.85 else f"{self.city(rng)} {noun}"

    def venue(self, rng: random.Random) -> str:
        """Return a place where an event can be: a city or a named building."""
        if rng.random() < 0.4:
            return self.city(rng)
        owner = self._invented(rng) if rng.random() < 0.7 else rng.choice(self.lists["last"])
        return f"{owner} {rng.choice(self.lists['venue'])}"

    def _word(self, rng: random.Random, list_name: str) -> str:
        if rng.random() < LIST_SHARE:
            return rng.choice(self.lists[list_name])
        return self._invented(rng)

    def _invented(self, rng: random.Random) -> str:
        if rng.random() < self.spelled_share:
            return _spelled_word(rng)
        count = rng.choice((1, 2, 2, 2, 3, 3))
        word = "".join(rng.choice(self.syllables) for _ in range(count))
        return word.capitalize()


@cache
def training_names() -> NamePool:
    """Return the pool that training text draws from."""
    lists = {name: _kept(words) for name, words in load_text("names").items()}
    return NamePool(syllables=_kept(_all_syllables()), lists=lists, spelled_share=SPELLED_SHARE)


@cache
def held_out_names() -> NamePool:
    """Return the pool that training never draws from."""
    lists = {name: _left_out(words) for name, words in load_text("names").items()}
    return NamePool(syllables=_left_out(_all_syllables()), lists=lists, spelled_share=0.0)


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


def _spelled_word(rng: random.Random) -> str:
    letters = LETTERS + ACCENTED if rng.random() < 0.3 else LETTERS
    word = "".join(rng.choice(letters) for _ in range(rng.randint(2, 9)))
    style = rng.random()
    return word.upper() if style < 0.1 else word if style < 0.2 else word.capitalize()


def _model_code(rng: random.Random) -> str:
    number = str(rng.randint(1, 999))
    style = rng.random()
    if style < 0.4:
        return number
    letter = rng.choice(LETTERS).upper()
    return letter + number if style < 0.7 else number + letter if style < 0.85 else f"{letter}-{number}"
