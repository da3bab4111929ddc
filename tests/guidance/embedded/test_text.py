"""The generated text: the same seed, the same text; what is held out stays out; every answer is judged right."""

from __future__ import annotations

import json
import random
import re
from itertools import pairwise

import pytest
from pydantic import TypeAdapter

from guidance.embedded.names import held_out_names, training_names
from guidance.embedded.prompts import Example, make_evaluation_example, make_prompt, make_training_example
from guidance.embedded.records import KINDS, RECORD_TYPES, Facts, Kind, draw_facts, is_right, write_json
from guidance.embedded.sentences import compose_form, fill_form, seen_forms, unseen_forms, with_noise

NUM_EXAMPLES = 2000


def _training_examples(seed: int, count: int = NUM_EXAMPLES) -> list[Example]:
    rng = random.Random(seed)
    return [make_training_example(rng) for _ in range(count)]


def test_training_examples_repeat_with_their_seed():
    """The same seed gives the same examples, another seed gives others."""
    assert _training_examples(1, 300) == _training_examples(1, 300)
    assert _training_examples(1, 300) != _training_examples(2, 300)


@pytest.mark.parametrize("kind", KINDS)
def test_forms_are_many_and_held_out_ones_differ(kind: Kind):
    """Each kind has 40 seen forms and 8 held-out ones, all different."""
    seen, unseen = seen_forms(kind), unseen_forms(kind)
    assert (len(seen), len(unseen)) == (40, 8)
    assert len({*seen, *unseen}) == 48


@pytest.mark.parametrize("kind", KINDS)
def test_forms_show_every_slot(kind: Kind):
    """A form shows every field of its record, so the answer can be read from the sentence."""
    shown = {"person": ("{name}", "{age}", "{city}"), "product": ("{name}", "{price}"), "event": ("{title}", "{date}")}
    rng = random.Random(3)
    for form in (*seen_forms(kind), *unseen_forms(kind), *(compose_form(kind, rng) for _ in range(500))):
        assert all(slot in form for slot in shown[kind]), form
        if kind == "product":
            assert "{stock}" in form or re.search(r"<[^|<>]*\|[^|<>]*>", form), form


@pytest.mark.parametrize("kind", KINDS)
def test_composed_forms_are_never_held_out(kind: Kind):
    """Composition draws again when it meets a held-out form."""
    rng = random.Random(4)
    composed = {compose_form(kind, rng) for _ in range(5000)}
    assert composed.isdisjoint(unseen_forms(kind))
    assert len(composed) > 1000


def test_name_pools_share_nothing():
    """No syllable and no list entry is in both pools."""
    training, held_out = training_names(), held_out_names()
    assert set(training.syllables).isdisjoint(held_out.syllables)
    for name, words in training.lists.items():
        assert set(words).isdisjoint(held_out.lists[name]), name
        assert held_out.lists[name], name


def test_made_up_words_split_into_syllables_in_one_way():
    """No onset begins with a letter that ends a syllable, so a held-out word is not a training word."""
    vowels = "aeiou"
    words = {"".join(pair) for pair in pairwise(training_names().syllables)}
    held_out = {"".join(pair) for pair in pairwise(held_out_names().syllables)}
    assert words.isdisjoint(held_out)
    endings = {syllable[-1] for syllable in training_names().syllables} - set(vowels)
    assert endings.isdisjoint({syllable[0] for syllable in training_names().syllables})


def test_held_out_names_are_not_in_training_text():
    """Full names drawn for evaluation do not occur in thousands of training sentences."""
    text = "\n".join(example.prompt for example in _training_examples(5))
    rng = random.Random(6)
    names = [held_out_names().person(rng) for _ in range(200)]
    assert not [name for name in names if " " in name and name in text]


@pytest.mark.parametrize("kind", KINDS)
def test_facts_have_the_fields_of_their_type(kind: Kind):
    """Fields come in the order of the record's type, which is the schema's."""
    fields = list(draw_facts(kind, training_names(), random.Random(7)).fields)
    assert fields == list(RECORD_TYPES[kind].__dataclass_fields__)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_validate_as_their_type(kind: Kind):
    """Every answer is a value of the record's type, read by pydantic."""
    reader = TypeAdapter(RECORD_TYPES[kind])
    rng = random.Random(10)
    for _ in range(100):
        facts = draw_facts(kind, training_names(), rng)
        assert isinstance(reader.validate_json(write_json(facts.fields)), RECORD_TYPES[kind])


@pytest.mark.parametrize("forms", ["seen", "unseen"])
@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_answers_are_right_and_written_like_json_dumps(kind: Kind, forms: str):
    """The expected answer parses, is judged right, and has the separators of ``json.dumps``."""
    rng = random.Random(8)
    for _ in range(50):
        example = make_evaluation_example(kind, forms=forms, names=held_out_names(), rng=rng)
        assert is_right(example.answer, example.facts.fields)
        literals = [json.dumps(name) + ": " + literal for name, literal in example.facts.fields.items()]
        assert example.answer == "{" + ", ".join(literals) + "}"
        assert "\n\n" in example.prompt


def test_scored_spans_lie_in_the_answer():
    """Spans are ordered and within the answer, and the first is not empty."""
    for example in _training_examples(9):
        edges = [edge for span in example.scored for edge in span]
        assert edges == sorted(edges)
        assert example.scored[0][0] < example.scored[0][1], example
        assert edges[0] >= 0
        assert edges[-1] <= len(example.answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "null",
        "[]",
        '{"name": "Ada"}',
        '{"name": "Ada", "age": 36, "city": "London", "job": "poet"}',
        '{"name": "Ada", "age": "36", "city": "London"}',
        '{"name": "Ada", "age": true, "city": "London"}',
        '{"name": "Ada ", "age": 36, "city": "London"}',
        '{"name": "Ada", "age": 36, "city": "London"',
        '{"name": "Ada", "age": 36, "city": "London"} ok',
    ],
)
def test_judge_refuses_what_is_not_the_record(answer: str):
    """Missing, extra, mistyped, inexact, cut and trailing text are all wrong."""
    assert not is_right(answer, {"name": '"Ada"', "age": "36", "city": '"London"'})


def test_judge_accepts_any_way_to_write_the_record():
    """White space, key order, escapes and trailing zeros do not matter."""
    fields = {"name": '"Zoë"', "price": "19.5", "in_stock": "true"}
    assert is_right('{"in_stock":true,\n "price": 19.50, "name":"Zo\\u00eb"}', fields)
    assert not is_right('{"in_stock": 1, "price": 19.5, "name": "Zoë"}', fields)
    assert is_right(write_json(fields), fields)


def test_fill_form_chooses_by_stock():
    """Alternatives follow ``in_stock``, and a sentence starts with a capital."""
    slots = {"name": "Lamp", "price": "$5", "stock": "sold out"}
    gone = Facts(kind="product", fields={"in_stock": "false"}, slots=slots)
    assert fill_form("<Yes|No>: {name}", gone) == "No: Lamp"
    assert fill_form("{stock}: {name}", gone) == "Sold out: Lamp"


def test_noise_keeps_slots_and_alternatives():
    """Noise replaces plain words only."""
    form = "the {name} costs <something|nothing at all> because of {price}"
    for seed in range(50):
        noisy = with_noise(form, random.Random(seed))
        assert "{name}" in noisy
        assert "{price}" in noisy
        assert "<something|nothing at all>" in noisy


def test_make_prompt_is_instruction_line_sentence():
    """The standard layout is the one the documentation shows."""
    assert make_prompt("Who is described?", "Ada, 36, London") == "Who is described?\n\nAda, 36, London"
