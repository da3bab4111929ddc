"""Check that classifiers, experts, watermarks, grammars, drafts and beams work in one call, each row by itself."""

from __future__ import annotations

import json

import pytest

import guidance
from classifiers import Fudge, GeDi, OnePassHead
from guidance.errors import GuidanceError, WatermarkError
from guidance.sampling import Sampling
from proxy_tuning import DExperts

PROMPTS = ["Write about the camera as JSON.\n\n", "Write about the old lamp as JSON, please.\n\n"]
SCHEMA = {
    "type": "object",
    "properties": {"topic": {"enum": ["camera", "lamp"]}, "message": {"type": "string", "maxLength": 40}},
    "required": ["topic", "message"],
    "additionalProperties": False,
}
SAMPLED = Sampling(temperature=0.9, top_p=0.95, seed=5)
DRAFTS = guidance.Speculation(draft="prompt-lookup", num_tokens=3)
TREES = guidance.Speculation(draft="embedded/small_writer", num_tokens=3, tree=(2, 2, 1))


def steering(name):
    """Return processors of one kind, or of all kinds together."""
    fudge = Fudge("embedded/sentiment", attribute="positive", top_k=10)
    return {
        "fudge": [fudge],
        "head": [OnePassHead("embedded/sentiment_head", attribute="negative", strength=2.0)],
        "gedi": [GeDi({"a": "embedded/positive", "b": "embedded/negative"}, attribute="a", top_k=50)],
        "all": [
            DExperts(expert="embedded/positive", antiexpert="embedded/negative", alpha=0.5),
            fudge,
            OnePassHead("embedded/sentiment_head", attribute="positive", strength=0.5),
        ],
    }[name]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("fudge", {"search": guidance.Beams(num_beams=3)}),
        ("head", {"search": guidance.Beams(num_beams=2), "watermark": guidance.Watermark(key=b"k")}),
        ("gedi", {"sampling": SAMPLED, "watermark": guidance.Watermark(key=b"k", scheme="synthid")}),
        ("all", {"sampling": SAMPLED, "watermark": guidance.Watermark(key=b"k", scheme="gumbel")}),
        ("all", {"sampling": SAMPLED, "speculate": DRAFTS, "watermark": guidance.Watermark(key=b"k")}),
        ("all", {}),
    ],
)
def test_rows_of_a_batch_are_what_they_are_alone_and_valid(writer, name, settings):
    """Whatever is combined, each document is valid and does not depend on its batch mates."""
    steer = steering(name)
    results = guidance.generate(writer, PROMPTS, SCHEMA, steer=steer, max_tokens=80, **settings)
    assert all(set(json.loads(result.text)) == {"topic", "message"} for result in results)
    alone = guidance.generate(writer, PROMPTS[1], SCHEMA, steer=steer, max_tokens=80, **settings)
    assert alone.text == results[1].text


@pytest.mark.parametrize("speculation", [DRAFTS, TREES], ids=["lines", "trees"])
@pytest.mark.parametrize("name", ["fudge", "all"])
def test_drafts_change_no_text(writer, name, speculation):
    """With experts, classifiers and a watermark together."""
    settings = {
        "steer": steering(name),
        "sampling": SAMPLED,
        "watermark": guidance.Watermark(key=b"k"),
        "max_tokens": 30,
    }
    plain = guidance.generate(writer, PROMPTS, SCHEMA, **settings | {"max_tokens": 80})
    drafted = guidance.generate(writer, PROMPTS, SCHEMA, speculate=speculation, **settings | {"max_tokens": 80})
    assert [row.text for row in drafted] == [row.text for row in plain]


def test_what_cannot_be_combined_is_refused_by_name(writer):
    """A distortion-free watermark in a search; a watermark that is none."""
    with pytest.raises(WatermarkError, match="search"):
        guidance.generate(
            writer, "a", search=guidance.Beams(num_beams=2), watermark=guidance.Watermark(key=b"k", scheme="gumbel")
        )
    with pytest.raises(GuidanceError, match="watermark"):
        guidance.generate(writer, "a", watermark=b"secret")
