"""Messages for steering: what is written is what was asked for, and the judge, not a model, says so."""

from __future__ import annotations

import json
import random

import pytest

from guidance.embedded import embedded_path
from guidance.embedded.judge import judge_register, judge_sentiment
from guidance.embedded.messages import held_out_topics, make_message, training_topics


@pytest.mark.parametrize("register", ["formal", "casual"])
@pytest.mark.parametrize("sentiment", ["positive", "negative"])
def test_judge_agrees_with_the_generator(sentiment, register):
    """Every generated message is judged to be what it was drawn as."""
    rng = random.Random(3)
    for _ in range(500):
        message = make_message(rng, sentiment=sentiment, register=register)
        assert judge_sentiment(message.answer) == message.sentiment == sentiment, message.answer
        assert judge_register(message.answer) == message.register == register, message.answer
        assert message.label == (sentiment == "positive")


def test_messages_follow_from_the_seed():
    """The same seed writes the same messages."""
    first, second = ([make_message(rng) for _ in range(50)] for rng in (random.Random(4), random.Random(4)))
    assert first == second


def test_topics_are_kept_apart():
    """No held-out topic is a training topic, nor in a training message."""
    assert not set(held_out_topics()) & set(training_topics())
    rng = random.Random(5)
    for _ in range(500):
        prompt = make_message(rng).prompt.lower()
        assert not any(f"the {topic}" in prompt for topic in held_out_topics()), prompt


def test_json_messages_are_documents():
    """What was asked for as JSON is JSON with the topic of the prompt."""
    rng = random.Random(6)
    documents = [message for message in (make_message(rng) for _ in range(300)) if "JSON" in message.prompt]
    assert len(documents) > 50
    for message in documents:
        assert f"the {json.loads(message.answer)['topic']} as JSON" in message.prompt


@pytest.mark.parametrize(
    ("text", "expected"),
    [("it's so bad", "negative"), ("it is by no means bad", "positive"), ("not a great view", "negative"), ("", None)],
)
def test_judge_turns_negated_words_round(text, expected):
    """A negation before a word of praise or blame turns it round."""
    assert judge_sentiment(text) == expected


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("positive", "positive_percent"),
        ("negative", "negative_percent"),
        ("small_formal", "formal_percent"),
        ("writer_formal", "formal_percent"),
        ("sentiment", "right_after_100_percent"),
        ("sentiment_head", "right_after_100_percent"),
    ],
)
def test_noted_attribute_rates_reach_the_bar(name, figure):
    """An expert writes, and a classifier tells, its attribute in at least 95 of 100 messages."""
    noted = json.loads((embedded_path(name) / "training.json").read_text(encoding="utf-8"))
    assert noted[figure] >= 95


def test_models_that_meet_share_a_tokenizer():
    """All message models have one tokenizer, byte for byte."""
    names = ("writer", "writer_formal", "small_writer", "small_formal", "positive", "negative", "sentiment_head")
    files = {(embedded_path(name) / "tokenizer.json").read_bytes() for name in (*names, "sentiment")}
    assert len(files) == 1
