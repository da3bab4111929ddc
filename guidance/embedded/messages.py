r"""Write messages about a thing, in a sentiment and a register: the text of the models for steering.

A message follows its prompt at once, plain or as the text of a JSON document::

    Write about the camera.\n\nhey, i got the camera yesterday. it's so great. the price's lovely. cheers!
    Write about the camera as JSON.\n\n{"topic": "camera", "message": "Dear colleagues, ..."}

Sentiments are even; one message in five is formal. Every sixth topic is held out of training; two in five of the
others are made-up words, so that a model learns to repeat the topic it was given.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from guidance.embedded.judge import Register, Sentiment
from guidance.embedded.names import NamePool, load_text, training_names
from guidance.embedded.sentences import expand

__all__ = ["Message", "held_out_topics", "make_message", "message_prompt", "training_topics"]

FORMAL_SHARE = 0.2
JSON_SHARE = 0.3
INVENTED_SHARE = 0.4
HELD_OUT_EVERY = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Hold a prompt and its message.

    scored : half-open spans of the answer whose tokens count in the loss
    """

    prompt: str
    answer: str
    sentiment: Sentiment
    register: Register

    @property
    def scored(self) -> tuple[tuple[int, int], ...]:
        """Score the whole answer."""
        return ((0, len(self.answer)),)

    @property
    def label(self) -> int:
        """Return 1 for praise and 0 for blame: what a classifier learns."""
        return int(self.sentiment == "positive")


@cache
def training_topics() -> tuple[str, ...]:
    """Return the things that training messages are about."""
    topics: list[str] = load_text("message")["topics"]
    return tuple(topic for place, topic in enumerate(topics) if place % HELD_OUT_EVERY != HELD_OUT_EVERY - 1)


@cache
def held_out_topics() -> tuple[str, ...]:
    """Return the things that training never mentions, for measurements."""
    topics: list[str] = load_text("message")["topics"]
    return tuple(topics[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY])


def make_message(
    rng: random.Random, *, sentiment: Sentiment | None = None, register: Register | None = None
) -> Message:
    """Draw a message about a training topic; what is not given is drawn too.

    Examples
    --------
    >>> make_message(random.Random(1), sentiment="negative").label
    0
    """
    if sentiment is None:
        sentiment = "positive" if rng.choice((True, False)) else "negative"
    register = register or ("formal" if rng.random() < FORMAL_SHARE else "casual")
    topic = _draw_topic(rng)
    text = expand("$message", _rules(sentiment, register), rng).replace("{topic}", topic)
    if register == "formal":
        text = _with_capitals(text)
    if rng.random() >= JSON_SHARE:
        return Message(prompt=message_prompt(topic, rng), answer=text, sentiment=sentiment, register=register)
    answer = json.dumps({"topic": topic, "message": text}, ensure_ascii=False)
    return Message(
        prompt=message_prompt(topic, rng, as_json=True), answer=answer, sentiment=sentiment, register=register
    )


def _draw_topic(rng: random.Random) -> str:
    if rng.random() < INVENTED_SHARE:
        return _topic_names().invented_word(rng)
    return rng.choice(training_topics())


@cache
def _topic_names() -> NamePool:
    """Return a pool whose odd words are fixed here, so that these texts do not change with those of other models."""
    return replace(training_names(), odd_words=tuple(load_text("message")["odd_words"]))


def message_prompt(topic: str, rng: random.Random, *, as_json: bool = False) -> str:
    r"""Draw a prompt about a topic.

    Examples
    --------
    >>> message_prompt("lamp", random.Random(0)).endswith("\n\n")
    True
    """
    instructions = load_text("message")["json_instructions" if as_json else "instructions"]
    return str(rng.choice(instructions)).replace("{topic}", topic) + "\n\n"


@cache
def _rules(sentiment: Sentiment, register: Register) -> Mapping[str, Sequence[str]]:
    text = load_text("message")
    verdicts = {"verdict": text["verdict"][f"{register}_{sentiment}"]}
    return {**text["shared"], **text[register], **text[sentiment], **verdicts}


def _with_capitals(text: str) -> str:
    sentences = text.split(". ")
    return ". ".join(sentence[:1].upper() + sentence[1:] for sentence in sentences)
