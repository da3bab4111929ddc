"""Check that token ids of two models are added only where they mean the same."""

from __future__ import annotations

import pytest
import torch

import guidance
from fsm import Vocabulary
from proxy_tuning import DExperts, align_vocabularies, match_token_bytes
from proxy_tuning.errors import VocabularyError

BASE = Vocabulary([b"</s>", b"a", b"b", b"c"], eos_token_ids=[0])


def test_permuted_tokens_are_named():
    """The message names the first tokens that differ."""
    other = Vocabulary([b"</s>", b"a", b"c", b"b"], eos_token_ids=[0])
    with pytest.raises(VocabularyError, match=r"expert: .* 2 token ids.*2 is 'b' here, 'c' there.*vocabulary_map"):
        align_vocabularies(BASE, other)


def test_larger_vocabulary_is_cut():
    """Ids that only the expert has are never asked for."""
    other = Vocabulary([*BASE.token_bytes, b"d", b"e"], eos_token_ids=[0])
    alignment = align_vocabularies(BASE, other)
    assert alignment.is_identity
    assert alignment.gather(torch.arange(6.0)).tolist() == [0, 1, 2, 3]


def test_smaller_vocabulary_is_refused_where_text_is_missing():
    """A text the expert cannot read is no text to steer."""
    other = Vocabulary(BASE.token_bytes[:3], eos_token_ids=[0])
    with pytest.raises(VocabularyError, match=r"lacks 3 'c'"):
        align_vocabularies(BASE, other)


def test_padding_beyond_the_expert_is_forbidden():
    """Padding ids are no text; the expert need not have them."""
    padded = Vocabulary([*BASE.token_bytes, b"", b""], eos_token_ids=[0])
    alignment = align_vocabularies(padded, BASE)
    assert alignment.forbidden.tolist() == [False] * 4 + [True] * 2
    assert alignment.gather(torch.tensor([3.0, 1.0, 2.0, 5.0])).tolist() == [3, 1, 2, 5, 1, 1]


def test_padding_of_both_is_forbidden_too():
    """No model has learned anything of an id that nobody names; differences there are noise."""
    padded = Vocabulary([*BASE.token_bytes, b"", b"<tool>"], eos_token_ids=[0], special_token_ids=[5])
    alignment = align_vocabularies(padded, padded)
    assert alignment.is_identity
    assert alignment.forbidden.tolist() == [False] * 4 + [True, False]


def test_control_symbols_may_have_other_names_but_no_text():
    """Chat models rename reserved symbols; a text on one side only is a difference."""
    renamed = Vocabulary([b"<eot>", b"a", b"b", b"c"], eos_token_ids=[0])
    assert align_vocabularies(BASE, renamed).is_identity
    with pytest.raises(VocabularyError, match="control symbol '<eot>' there"):
        align_vocabularies(Vocabulary([b"x", b"a", b"b", b"c"]), renamed)


def test_map_overrides_and_the_rest_must_agree():
    """A map says what differs; what it leaves out is still checked."""
    other = Vocabulary([b"</s>", b"a", b"c", b"b"], eos_token_ids=[0])
    assert align_vocabularies(BASE, other, vocabulary_map={2: 3, 3: 2}).translate([1, 2, 3]) == [1, 3, 2]
    with pytest.raises(VocabularyError, match="1 token ids"):
        align_vocabularies(BASE, other, vocabulary_map={2: 3})
    with pytest.raises(VocabularyError, match="9 in vocabulary_map"):
        align_vocabularies(BASE, other, vocabulary_map={2: 9})


def test_match_token_bytes_maps_a_permutation():
    """The map made from token bytes undoes it."""
    other = Vocabulary([b"c", b"b", b"a", b"</s>"], eos_token_ids=[3])
    alignment = align_vocabularies(BASE, other, vocabulary_map=match_token_bytes(BASE, other))
    assert alignment.ids.tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize("kind", ["permuted", "smaller"])
def test_generate_refuses_before_the_first_token(base, models, kind):
    """A pair of vocabularies that do not fit is an error of the call."""
    tokens = list(base.vocabulary.token_bytes)
    other = [tokens[0], *reversed(tokens[1:])] if kind == "permuted" else tokens[:-2]
    expert = models(7, tokens=other, name="stranger")
    with pytest.raises(guidance.GuidanceError, match="stranger"):
        guidance.generate(base, "abc", steer=[DExperts(expert=expert)])


def test_permuted_expert_with_a_map_steers_like_the_plain_one(base, models, networks):
    """Renaming the expert's ids changes nothing but the names."""
    tokens = list(base.vocabulary.token_bytes)
    plain = models(7)
    order = [0, *reversed(range(1, len(tokens)))]
    network = networks(7)
    weights = network.weights
    permuted = type(network)(
        network.shape,
        type(weights)(
            embedding=weights.embedding[order], layers=weights.layers, norm=weights.norm, head=weights.head[order]
        ),
    )
    renamed = models(7, tokens=[tokens[i] for i in order])
    renamed.language_model = permuted
    mapping = match_token_bytes(base.vocabulary, renamed.vocabulary)
    texts = [
        guidance.generate(base, "the cat", steer=[steer], max_tokens=20).token_ids
        for steer in (DExperts(expert=plain), DExperts(expert=renamed, vocabulary_map=mapping))
    ]
    assert texts[0] == texts[1]
