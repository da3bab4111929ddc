"""Check the whole path on a model that knows nothing: whatever it draws, the value has the type."""

from __future__ import annotations

import json

import jsonschema
import pytest

import guidance
from grammars import choice, regex
from grammars.python_types import schema_of
from guidance.decoding import StopReason
from guidance.errors import BudgetError
from tests.grammars.test_python_types import CASES, Card, Colour, Deck, Node, Person, Point

TYPES = [case[0] for case in CASES if case[0] is not None]


@pytest.mark.parametrize("annotation", TYPES, ids=lambda each: getattr(each, "__name__", str(each)))
@pytest.mark.parametrize("max_tokens", [64, 200])
def test_random_model_always_writes_a_value_of_the_type(model, annotation, max_tokens):
    """Within the budget, valid under the schema, and accepted by the type's own checks."""
    sampling = guidance.Sampling(temperature=1.3, seed=max_tokens, n=4)
    for result in guidance.generate(model, "hello", annotation, sampling=sampling, max_tokens=max_tokens):
        assert len(result.token_ids) <= max_tokens
        jsonschema.Draft202012Validator(schema_of(annotation)).validate(json.loads(result.text))
        assert result.is_valid, result.parsed


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [(Person, Person), (Point, Point), (Colour, Colour), (Card, dict), (Deck, dict), (Node, Node), (int, int)],
)
def test_value_is_an_instance_of_the_type(model, annotation, kind):
    """Not a dict that looks like it."""
    assert isinstance(guidance.generate(model, "hello", annotation, max_tokens=120).value, kind)


def test_partial_values_grow_to_the_value(model):
    """Every event's partial is of the type, and the last is the value."""
    *partials, last = [event.partial for event in guidance.stream(model, "hello", Person, max_tokens=120)]
    assert partials
    assert all(isinstance(partial, Person) for partial in partials)
    assert isinstance(last, Person)


def test_grammars_give_their_text(model):
    """A choice and a regular expression return what they matched."""
    assert guidance.generate(model, "hello", choice(["one", "two"])).value in {"one", "two"}
    assert len(guidance.generate(model, "hello", regex("[ab]{5}")).value) == 5


def test_budget_is_refused_before_the_first_token(model):
    """The message says how many tokens are certainly enough, and that many are."""
    with pytest.raises(BudgetError) as caught:
        guidance.generate(model, "hello", Person, max_tokens=5)
    result = guidance.generate(model, "hello", Person, max_tokens=caught.value.needed)
    assert result.is_valid
    assert result.stop_reason in {StopReason.ACCEPTED, StopReason.LENGTH}


def test_batch_of_types_equals_single_runs(model):
    """Forced runs make rows ragged; texts do not change."""
    prompts = ["hello", "a longer prompt, to make rows ragged", "x"]
    sampling = guidance.Sampling(temperature=1.0, seed=4)
    together = guidance.generate(model, prompts, Person, sampling=sampling, max_tokens=100)
    for prompt, result in zip(prompts, together, strict=True):
        alone = guidance.generate(model, prompt, Person, sampling=sampling, max_tokens=100)
        assert alone.token_ids == result.token_ids


@pytest.mark.parametrize("schema", [{"type": "strnig"}, {"type": 3}, {"properties": []}, {"$ref": "#/nowhere"}])
def test_schema_that_is_not_one_is_refused(model, schema):
    """With the place in the schema."""
    with pytest.raises(guidance.GuidanceError, match="#"):
        guidance.generate(model, "hello", schema)
