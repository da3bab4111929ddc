"""Fill sentence forms, and compose new ones, from a record's facts.

Every sixth form of a kind is held out. Training text also composes sentences from clause fragments and
replaces some plain words by made-up ones, so that a model learns cues rather than forms; a composition
that equals a held-out form is drawn again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache

from guidance.embedded.names import load_text, training_names
from guidance.embedded.records import Facts, Kind

__all__ = ["compose_form", "expand", "fill_form", "make_training_sentence", "seen_forms", "unseen_forms", "with_noise"]

HELD_OUT_EVERY = 6
COMPOSED_SHARE = 0.6
NOISE_SHARE = 0.3  # of the training sentences: some words replaced
ASIDE_SHARE = 0.2  # of the training sentences: another sentence before or after
_SENTENCE_START = re.compile(r"(?:^|(?<=[.?!] ))[a-z]")
_SYMBOL = re.compile(r"\$([a-z_]+)")
_CHOICE = re.compile(r"<([^|<>]*)\|([^|<>]*)>")
_SLOT = re.compile(r"\{([a-z]+)\}")
_PLAIN_WORD = re.compile(r"(<[^>]*>|\{[a-z]+\})|\b([a-z]{3,})\b")


@cache
def seen_forms(kind: Kind) -> tuple[str, ...]:
    """Return the forms that training uses (40 of each kind)."""
    forms = load_text(kind)["forms"]
    return tuple(form for place, form in enumerate(forms) if place % HELD_OUT_EVERY != HELD_OUT_EVERY - 1)


@cache
def unseen_forms(kind: Kind) -> tuple[str, ...]:
    """Return the forms held out of training (8 of each kind)."""
    return tuple(load_text(kind)["forms"][HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY])


def fill_form(form: str, facts: Facts) -> str:
    """Write a form's sentence for the facts.

    Examples
    --------
    >>> facts = Facts(kind="person", fields={}, slots={"name": "Ada", "age": "36", "city": "London"})
    >>> fill_form("{name}, {age}, {city}", facts)
    'Ada, 36, London'
    """
    chosen = 1 if facts.fields.get("in_stock") != "false" else 2
    text = _CHOICE.sub(lambda match: match.group(chosen), form)
    text = _SLOT.sub(lambda match: facts.slots[match.group(1)], text)
    return text[:1].upper() + text[1:] if form.startswith(("<", "{stock}")) else text


def make_training_sentence(facts: Facts, rng: random.Random) -> str:
    """Write a sentence in a seen or composed form, with noise and asides.

    Examples
    --------
    >>> facts = Facts(kind="person", fields={}, slots={"name": "Ada", "age": "36", "city": "London"})
    >>> make_training_sentence(facts, random.Random(5)).count("36")
    1
    """
    composed = rng.random() < COMPOSED_SHARE
    form = compose_form(facts.kind, rng) if composed else rng.choice(seen_forms(facts.kind))
    if rng.random() < NOISE_SHARE:
        form = with_noise(form, rng)
    sentence = fill_form(form, facts)
    return _with_aside(sentence, rng) if rng.random() < ASIDE_SHARE else sentence


def compose_form(kind: Kind, rng: random.Random) -> str:
    """Compose a form from clause fragments; it is never a held-out form."""
    rules = load_text(kind)["compose"]
    while True:
        form = expand("$sentence", rules, rng)
        if rng.random() < 0.9:
            form = _SENTENCE_START.sub(lambda match: match.group().upper(), form)
        if form not in unseen_forms(kind):
            return form


def with_noise(form: str, rng: random.Random) -> str:
    """Replace some plain words by made-up ones, leaving slots and alternatives alone."""

    def replace(match: re.Match[str]) -> str:
        return _noise_word(rng) if match.group(2) and rng.random() < 0.3 else match.group(0)

    return _PLAIN_WORD.sub(replace, form)


def expand(text: str, rules: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    """Replace every ``$symbol`` by one of its rules, drawn at random, until none is left."""

    def expand_symbol(match: re.Match[str]) -> str:
        if match.group(1) == "noise":
            return _noise_word(rng)
        return expand(rng.choice(rules[match.group(1)]), rules, rng)

    return _SYMBOL.sub(expand_symbol, text)


def _noise_word(rng: random.Random) -> str:
    return training_names().invented_word(rng)


def _with_aside(sentence: str, rng: random.Random) -> str:
    aside = rng.choice(load_text("common")["asides"]).replace("{number}", str(rng.randint(2, 99)))
    return f"{sentence} {aside}" if rng.random() < 0.6 else f"{aside} {sentence}"
