"""Check watermarks in whole generations: rows of a batch, grammars, detection from the text alone, and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import guidance
from guidance.errors import WatermarkError
from guidance.sampling import Sampling
from guidance.speculation import Speculation
from guidance.watermark.entropy import entropy_weights
from guidance.watermark.forced import find_forced

SCHEMES = ("lefthash", "selfhash", "minhash", "skipgram", "gumbel", "synthid")
HOT = Sampling(temperature=1.5, seed=3)


@pytest.fixture(scope="module")
def prompts():
    """Return prompts of different lengths."""
    return ["a", "the train", "in an hour there", "\n\n#"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_batch_is_marked_like_its_rows_and_found_in_the_text(model, prompts, scheme):
    """Each row of a batch is the text it is alone, and bears the mark."""
    mark = guidance.Watermark(key=b"secret", scheme=scheme, delta=4.0)
    together = guidance.generate(model, prompts, watermark=mark, sampling=HOT, max_tokens=100)
    alone = guidance.generate(model, prompts[1], watermark=mark, sampling=HOT, max_tokens=100)
    assert together[1].token_ids == alone.token_ids
    for prompt, result in zip(prompts, together, strict=True):
        verdict = guidance.detect_watermark(result.token_ids, model.vocabulary, mark, prompt=model.encode(prompt))
        assert verdict.green_fraction > 0.5
        assert verdict.p_value < 1e-4 or len(result.token_ids) < 20
    plain = guidance.generate(model, prompts, sampling=HOT, max_tokens=100)
    assert all(guidance.detect_watermark(row.token_ids, model.vocabulary, mark).p_value > 1e-3 for row in plain)


def test_generation_and_detection_use_the_same_lists(model):
    """Under a hard list every token with a whole context is green, prompt included as context."""
    mark = guidance.Watermark(key=b"secret", scheme="selfhash", delta=math.inf)
    result = guidance.generate(model, "the train", watermark=mark, sampling=HOT, max_tokens=60)
    verdict = guidance.detect_watermark(result.token_ids, model, mark, prompt="the train")
    assert verdict.green_fraction == 1.0
    assert verdict.num_scored + verdict.num_repeated == len(result.token_ids)


def test_greedy_texts_bear_red_and_green_lists(model):
    """Lists change the arg-max too."""
    mark = guidance.Watermark(key=b"secret", scheme="lefthash", delta=30.0)
    result = guidance.generate(model, "the train", watermark=mark, max_tokens=80)
    verdict = guidance.detect_watermark(result.token_ids, model.vocabulary, mark)
    assert verdict.green_fraction == 1.0


@pytest.mark.parametrize("scheme", ["gumbel", "synthid"])
def test_distortion_free_schemes_refuse_greedy_choice_and_searches(model, scheme):
    """They mark random choices, of which there are none: refused by name, before the first token."""
    mark = guidance.Watermark(key=b"secret", scheme=scheme)
    with pytest.raises(WatermarkError, match=scheme):
        guidance.generate(model, "a", watermark=mark)
    with pytest.raises(WatermarkError, match="search"):
        mark.check(HOT, is_search=True)


def test_gumbel_refuses_several_outputs_of_one_prompt(model):
    """Key and context decide the text, so all would be equal."""
    with pytest.raises(WatermarkError, match="n=2"):
        guidance.generate(model, "a", watermark=guidance.Watermark(key=b"k", scheme="gumbel"), sampling=Sampling(n=2))


def test_forced_tokens_are_found_and_not_scored(model):
    """Of a JSON document, what the schema forces says nothing; leaving it out raises the score."""
    schema = {
        "type": "object",
        "properties": {"some_long_name": {"enum": ["x"]}, "text": {"type": "string", "minLength": 30, "maxLength": 40}},
        "required": ["some_long_name", "text"],
        "additionalProperties": False,
    }
    mark = guidance.Watermark(key=b"secret", scheme="lefthash", delta=8.0)
    result = guidance.generate(model, "a", schema, watermark=mark, sampling=HOT, max_tokens=120)
    assert result.is_valid
    plain = guidance.detect_watermark(result.token_ids, model.vocabulary, mark)
    skipping = guidance.detect_watermark(result.token_ids, model.vocabulary, mark, output=schema)
    assert skipping.num_forced >= result.metrics.num_forced_tokens > 10
    assert skipping.z > plain.z
    assert skipping.green_fraction > 0.95


def test_forced_tokens_are_those_without_an_alternative(model):
    """Bytes the grammar leaves no choice about, in whatever tokens; a text outside the grammar is refused."""
    text = model.encode_text("false")
    assert find_forced(text, model.vocabulary, bool).tolist() == [False] + [True] * (len(text) - 1)
    with pytest.raises(WatermarkError, match="forbids"):
        guidance.detect_watermark("maybe", model, guidance.Watermark(key=b"k"), output=bool)


def test_weights_by_entropy_raise_the_score_of_a_predictable_text(model):
    """Tokens the model was sure of count less, so they dilute the score less."""
    mark = guidance.Watermark(key=b"secret", scheme="lefthash", delta=3.0)
    cold = Sampling(temperature=0.5, seed=1)
    texts = guidance.generate(model, ["the", "a train", "in"], watermark=mark, sampling=cold, max_tokens=100)
    plain = [guidance.detect_watermark(text.token_ids, model.vocabulary, mark).z for text in texts]
    weighted = [guidance.detect_watermark(text.token_ids, model.vocabulary, mark, model=model).z for text in texts]
    assert np.mean(weighted) > np.mean(plain)


def test_entropy_weights_are_zero_where_one_token_is_possible(model):
    """Under a grammar, a forced token has no entropy; free ones have some."""
    text = model.encode_text("false")
    weights = entropy_weights(model, model.encode("is it?"), text, modulus=1.8, output=bool)
    assert weights[0] > 0.0
    assert weights[-1] == pytest.approx(0.0, abs=1e-6)


def test_entropy_weights_of_distortion_free_schemes_are_refused(model):
    """They are made for lists."""
    with pytest.raises(WatermarkError, match="gumbel"):
        guidance.detect_watermark("abc", model, guidance.Watermark(key=b"k", scheme="gumbel"), model=model)


@pytest.mark.parametrize("tree", [None, (2, 2, 1, 1)])
@pytest.mark.parametrize("acceptance", ["matching", "rejection"])
@pytest.mark.parametrize("scheme", ["selfhash", "gumbel", "synthid"])
def test_drafted_texts_carry_the_same_marks(model, scheme, acceptance, tree):
    """Tokens proposed ahead are drawn or verified under the marked law: the mark is that of a text without drafts."""
    mark = guidance.Watermark(key=b"secret", scheme=scheme, delta=6.0)
    settings = {"watermark": mark, "sampling": HOT, "max_tokens": 80}
    speculation = Speculation(draft="prompt-lookup", num_tokens=4, acceptance=acceptance, tree=tree)
    plain = guidance.generate(model, ["the train", "in an hour there"], **settings)
    drafted = guidance.generate(model, ["the train", "in an hour there"], speculate=speculation, **settings)
    for one, other in zip(plain, drafted, strict=True):
        assert acceptance == "rejection" or one.token_ids == other.token_ids
        verdict = guidance.detect_watermark(other.token_ids, model.vocabulary, mark)
        assert verdict.p_value < 1e-4
