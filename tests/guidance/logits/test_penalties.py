"""Check penalties and bans one by one; their composition is checked in test_law.py and test_support.py."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import guidance
from fsm.mask import pack_token_ids
from grammars import regex
from guidance.errors import SamplingError
from guidance.logits import BannedText, CountPenalty, History, NoRepeatNgram, Pipeline, RepetitionPenalty, SequenceBias
from guidance.logits.penalties import DryPenalty, find_repeats
from guidance.sampling import Sampling
from tests.reference import samplers
from tests.reference.tiny_world import END, SIZE, TOKENS, Table, make_model

MODEL = make_model(Table(1))
TEXTS = st.lists(st.integers(0, 3), max_size=12)


def processed(processor, prompt, output, logits):
    """Return one position's logits after these tokens."""
    state = processor.start(prompt)
    for token in output:
        state = processor.advance(state, token, -1.0)
    return processor.process([[state]], torch.tensor([[logits]], dtype=torch.float64))[0, 0].tolist()


def test_repetition_penalty_takes_from_both_signs():
    """Positive logits are divided, negative ones multiplied, unseen ones untouched."""
    assert processed(RepetitionPenalty(2.0), (0, 1), (2,), [3.0, -3.0, 0.0, 1.5]) == [1.5, -6.0, 0.0, 1.5]


def test_repetition_penalty_sees_raw_logits_under_search_too():
    """Beams penalise before they normalise, as sampling does: the best first token is the same."""
    from guidance.decoding import Request
    from guidance.search import Beams

    pipeline = Pipeline(Sampling(temperature=0.0, penalties=guidance.Penalties(repetition=3.0)))
    for seed in range(20):
        table = Table(seed)
        request = Request(prompt_ids=(1, 2), pipeline=pipeline, max_tokens=1)
        decoder = Beams(num_beams=2).decoder(make_model(table), [request], wants_base=False)
        for _ in decoder.run():
            pass
        drawn = pipeline.draw([pipeline.start((1, 2))], table.prefill([[1, 2]])[1][0], None, uniforms=[0.0])
        found = decoder.rows[0].token_ids or [END]
        assert found == drawn.token_ids


def test_count_penalty_counts_the_output_only():
    """Frequency for every time, presence once, and the prompt for nothing."""
    found = processed(CountPenalty(0.5, 0.25), (3, 3), (0, 1, 0), [1.0, 1.0, 1.0, 1.0])
    assert found == [-0.25, 0.25, 1.0, 1.0]


@given(prompt=TEXTS, output=TEXTS, window=st.none() | st.integers(2, 6), allowed=st.integers(1, 4))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_dry_equals_its_slow_twin(prompt, output, window, allowed):
    """Suffixes, breakers and windows as a double loop finds them."""
    dry = guidance.Dry(allowed_length=allowed, window=window, breakers=("d",))
    found = processed(DryPenalty(dry, tuple(TOKENS)), prompt, output, [0.0] * SIZE)
    assert found == pytest.approx(samplers.dry([0.0] * SIZE, dry, [*prompt, *output], TOKENS))


def test_dry_grows_with_the_repeat():
    """After a b c d … a b c, the d loses more than after b c."""
    dry = DryPenalty(guidance.Dry(multiplier=1.0, base=2.0, allowed_length=2, breakers=()), tuple(TOKENS))
    losses = [-processed(dry, (0, 1, 2, 3), (6, *tail), [0.0] * SIZE)[3] for tail in ((2,), (1, 2), (0, 1, 2))]
    assert losses == [0.0, 1.0, 2.0]


@given(tokens=st.lists(st.integers(0, 2), max_size=20), longest=st.integers(0, 6))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_find_repeats_equals_the_naive_loop(tokens, longest):
    """The kernel finds what its docstring's loop finds."""
    expected = []
    for j in range(len(tokens) - 1):
        if longest and tokens[j] == tokens[-1]:
            length = 0
            while length < longest and length <= j and tokens[j - length] == tokens[len(tokens) - 1 - length]:
                length += 1
            expected.append((tokens[j + 1], length))
    found = find_repeats(np.array(tokens, dtype=np.int64), longest)
    assert list(zip(*found, strict=True)) == expected


@given(prompt=TEXTS, output=TEXTS, size=st.integers(1, 4))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_ngram_comes_twice(prompt, output, size):
    """Exactly the tokens that would complete an n-gram of prompt and output are forbidden."""
    tokens = [*prompt, *output]
    grams = {tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)}
    found = processed(NoRepeatNgram(size), prompt, output, [0.0] * SIZE)
    last = tuple(tokens[len(tokens) - size + 1 :]) if size > 1 else ()
    assert [z == -math.inf for z in found] == [(*last, token) in grams for token in range(SIZE)]


def test_banned_text_never_appears_however_tokens_are_cut():
    """Over every path of four tokens that the bans allow, no word is written; paths without words are all allowed."""
    table = (b"a", b"b", b"ab", b"ba", b"c", b"abc", b"")
    words = (b"ab", b"cc")
    processor = BannedText(words, table)
    for path in itertools.product(range(len(table)), repeat=4):
        text, state, is_allowed = b"", processor.start((0, 1)), True
        for token in path:
            logits = processor.process([[state]], torch.zeros(1, 1, len(table)))[0, 0]
            if logits[token] == -math.inf:
                is_allowed = False
                text += table[token]
                break
            text += table[token]
            state = processor.advance(state, token, 0.0)
        assert is_allowed == (not any(word in text for word in words))


def test_sequence_bias_needs_its_beginning():
    """The last token is biased where the others were just written, prompt included."""
    processor = SequenceBias((((0, 1, 2), 5.0), ((1, 3), -1.0)))
    assert processed(processor, (0,), (1,), [0.0] * 4) == [0.0, 0.0, 5.0, -1.0]
    assert processed(processor, (), (1,), [0.0] * 4) == [0.0, 0.0, 0.0, -1.0]
    assert processed(processor, (0, 1), (0,), [0.0] * 4) == [0.0] * 4


def test_text_bias_is_a_bias_of_its_tokens():
    """A text is encoded by the model's tokenizer."""
    by_text = Pipeline(Sampling(penalties=guidance.Penalties(logit_bias={"ab": 2.0, "c": 1.0})), model=MODEL)
    by_ids = Pipeline(Sampling(penalties=guidance.Penalties(logit_bias={(0, 1): 2.0, 2: 1.0})), model=MODEL)
    assert by_text.processors == by_ids.processors


def test_bans_that_a_grammar_contradicts_are_overruled_and_counted():
    """Only the end is legal, and the end is banned: it is drawn all the same."""
    pipeline = Pipeline(Sampling(penalties=guidance.Penalties(min_tokens=5)), model=MODEL)
    mask = pack_token_ids([END], SIZE)[None]
    draws = pipeline.draw([pipeline.start(())], torch.zeros(1, SIZE), mask, uniforms=[0.5])
    assert (draws.token_ids, draws.rescued) == ([END], [True])


def test_rescue_takes_the_most_likely_legal_token_and_leaves_the_other_rows():
    """Where all legal tokens are banned, raw logits choose among them."""
    pipeline = Pipeline(Sampling(penalties=guidance.Penalties(suppress_tokens=[1, 2])), model=MODEL)
    masks = np.stack([pack_token_ids([1, 2], SIZE), pack_token_ids([1, 2, 3], SIZE)])
    logits = torch.tensor([[9.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]]).repeat(2, 1)
    draws = pipeline.draw([pipeline.start(())] * 2, logits, masks, uniforms=[0.5, 0.5], wants_base=True)
    assert (draws.token_ids, draws.rescued) == ([2, 3], [True, False])
    base = torch.log_softmax(logits[0], -1)
    assert draws.base_log_probs == pytest.approx([float(base[2]), float(base[3])], abs=1e-5)


@pytest.mark.parametrize(
    ("penalties", "output", "message"),
    [
        ({"suppress_tokens": range(1024)}, None, "suppress_tokens with all 1024 tokens"),
        ({"bad_words": ["a", "b"]}, regex("a+|b"), "forbid every token the grammar allows at the beginning"),
        ({"min_tokens": 9}, None, "got min_tokens=9 and max_tokens=8"),
        ({"suppress_tokens": [5000]}, None, r"got token ids \[5000\], expected ids below 1024"),
        ({"logit_bias": {(1, 2000): 1.0}}, None, r"got token ids \[2000\]"),
    ],
)
def test_penalties_that_cannot_work_are_refused_before_generating(penalties, output, message):
    """The message says what clashes."""
    model = guidance.load("embedded")
    sampling = Sampling(penalties=guidance.Penalties(**penalties))
    with pytest.raises(SamplingError, match=message):
        guidance.generate(model, "hello", output, sampling=sampling, max_tokens=8)


def test_penalties_work_in_generation():
    """Bad words stay away, texts get long enough, and nothing is rescued."""
    model = guidance.load("embedded")
    penalties = guidance.Penalties(bad_words=["a", "e"], min_tokens=12, repetition=1.1, no_repeat_ngram=2)
    sampling = Sampling(temperature=1.3, seed=4, n=6, penalties=penalties)
    for result in guidance.generate(model, "hello", sampling=sampling, max_tokens=20):
        assert len(result.token_ids) >= 12
        assert not {"a", "e"} & set(result.text)
        assert result.metrics.num_rescued_draws == 0


def test_texts_need_a_model():
    """Without one the message says how to give it."""
    with pytest.raises(SamplingError, match=r"got bad_words but no model.*Pipeline\(..., model=model\)"):
        Pipeline(Sampling(penalties=guidance.Penalties(bad_words=["a"])))


@pytest.mark.parametrize(
    "settings",
    [
        {"repetition": 0.0},
        {"frequency": math.inf},
        {"presence": math.nan},
        {"no_repeat_ngram": -1},
        {"bad_words": "word"},
        {"bad_words": [""]},
        {"suppress_tokens": [-1]},
        {"min_tokens": -2},
    ],
)
def test_penalties_out_of_range_are_refused(settings):
    """The message names the setting, what it got and what it expected."""
    (name,) = settings
    with pytest.raises(SamplingError, match=f"got {name}=.*expected.*; change {name}"):
        guidance.Penalties(**settings)


def test_contradicting_biases_are_refused():
    """A bias on what is never drawn, and a bias that is not a number."""
    with pytest.raises(SamplingError, match=r"tokens \[3\] both in logit_bias and in suppress_tokens"):
        guidance.Penalties(logit_bias={3: 1.0}, suppress_tokens=[3])
    with pytest.raises(SamplingError, match="expected finite numbers; forbid tokens with suppress_tokens"):
        guidance.Penalties(logit_bias={3: -math.inf})
    with pytest.raises(SamplingError, match="expected at least one token"):
        guidance.Penalties(logit_bias={(): 1.0})


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=40))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_histories_are_values(steps):
    """Whichever history is appended to, all others keep their tokens."""
    histories, lists = [History.of([])], [[]]
    for place, token in steps:
        index = place % len(histories)
        histories.append(histories[index].append(token))
        lists.append([*lists[index], token])
    assert [history.tokens.tolist() for history in histories] == lists
