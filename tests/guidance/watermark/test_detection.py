"""Check that marked texts are found as often as the formulas say, and unmarked ones no more often."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fsm import Vocabulary
from guidance import detect_watermark
from guidance.errors import WatermarkError
from guidance.watermark import Watermark
from guidance.watermark.hashing import hash_tokens
from guidance.watermark.retokenising import merge_tokens
from guidance.watermark.seeds import context_seeds
from guidance.watermark.tails import binomial_tail, gamma_tail, normal_tail
from tests.reference import watermarks as slow

LISTS = ("lefthash", "selfhash", "minhash", "skipgram")
SIZE = 1000
WORDS = Vocabulary([b"%d " % token for token in range(SIZE)])


def write_text(mark, rng, length, *, size=SIZE, law=None):
    """Write tokens from a fixed law, marked; None writes an unmarked text."""
    law = np.full(size, 1.0 / size) if law is None else law
    tokens = rng.choice(size, 8, p=law).tolist()
    gain = math.exp(mark.delta)
    for _ in range(length):
        hashes = hash_tokens(np.array([context_seeds(mark, tokens)], dtype=np.uint64), None, size)[0]
        marked = np.where(hashes < mark.threshold, gain * law, law)
        tokens.append(int(rng.choice(size, p=marked / marked.sum())))
    return tokens[:8], tokens[8:]


def uniform_distance(p_values):
    """Return the Kolmogorov-Smirnov distance to the uniform law."""
    ordered, count = np.sort(p_values), len(p_values)
    steps = np.arange(count + 1) / count
    return max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max())


@pytest.mark.parametrize("scheme", LISTS)
def test_detection_counts_what_the_slow_twin_counts(scheme):
    """Green tokens, counted once for each piece of evidence."""
    mark = Watermark(key=b"k", scheme=scheme, context_size=2)
    tokens = np.random.default_rng(1).integers(0, 6, 80).tolist()
    verdict = detect_watermark(tokens, WORDS, mark)
    green, scored = slow.count_green(mark, tokens)
    assert (round(verdict.values[verdict.scored].sum()), verdict.num_scored) == (green, scored)
    assert verdict.p_value == pytest.approx(slow.binomial_tail(green, scored, 0.25))
    assert verdict.num_repeated == len(tokens) - scored - mark.window_size
    assert verdict.z == pytest.approx((green - 0.25 * scored) / math.sqrt(scored * 0.1875))


@pytest.mark.parametrize("scheme", LISTS)
def test_marked_texts_of_a_uniform_law_have_the_green_share_of_the_formula(scheme):
    """With gamma 1/4 and delta 2 it is .711, within three standard errors (A11)."""
    mark = Watermark(key=b"k", scheme=scheme)
    rng = np.random.default_rng(2)
    values = []
    for _ in range(12):
        prompt, text = write_text(mark, rng, 200)
        verdict = detect_watermark(text, WORDS, mark, prompt=prompt)
        assert verdict.is_watermarked
        values += verdict.values[verdict.scored].tolist()
    share = math.exp(2) * 0.25 / (1 + (math.exp(2) - 1) * 0.25)
    assert round(share, 3) == 0.711
    assert abs(np.mean(values) - share) < 3 * math.sqrt(share * (1 - share) / len(values)) + 0.25 * 8 / SIZE


def test_true_positives_reach_95_percent_where_spike_entropy_is_70_percent():
    """T = 200, gamma .25, delta 2, mean spike entropy between .7 and .75, one false positive in a thousand."""
    mark = Watermark(key=b"k", scheme="selfhash")
    law = np.r_[0.55, np.full(SIZE - 1, 0.45 / (SIZE - 1))]
    spike = float((law / (1 + mark.spike_modulus * law)).sum())
    assert 0.7 <= spike <= 0.75
    rng = np.random.default_rng(3)
    found = [detect_watermark(write_text(mark, rng, 200, law=law)[1], WORDS, mark).is_watermarked for _ in range(60)]
    assert sum(found) >= 57


@pytest.mark.parametrize("scheme", [*LISTS, "gumbel", "synthid"])
def test_unmarked_texts_have_uniform_p_values(scheme):
    """2,000 texts: the Kolmogorov-Smirnov distance and the rate at 1e-2 are those of chance."""
    mark = Watermark(key=b"null", scheme=scheme)
    rng = np.random.default_rng(4)
    verdicts = [detect_watermark(rng.integers(0, SIZE, 60).tolist(), WORDS, mark) for _ in range(2000)]
    uniform = np.array([verdict.randomised_p_value for verdict in verdicts])
    assert uniform_distance(uniform) < 1.63 / math.sqrt(2000)  # the 1 % point
    positives = int((uniform <= 1e-2).sum())
    assert min(binomial_tail(positives, 2000, 0.01), 1 - binomial_tail(positives + 1, 2000, 0.01)) > 1e-3
    assert all(verdict.p_value >= verdict.randomised_p_value for verdict in verdicts)


def test_unmarked_zipf_text_stays_calibrated_because_evidence_counts_once():
    """Counting each occurrence would spread z of such text; counting evidence keeps its deviation at one (A12)."""
    law = 1.0 / np.arange(1, SIZE + 1)
    law /= law.sum()
    rng = np.random.default_rng(5)
    z = [
        detect_watermark(rng.choice(SIZE, 200, p=law).tolist(), WORDS, Watermark(key=b"%d" % number)).z
        for number in range(600)
    ]
    assert abs(np.mean(z)) < 0.15
    assert 0.9 < np.std(z) < 1.1


@pytest.mark.parametrize("scheme", LISTS)
def test_marks_outlive_substitutions_as_the_formula_says(scheme):
    """Replacing a fifth of the tokens leaves the share of marks that `surviving_share` predicts."""
    mark = Watermark(key=b"k", scheme=scheme)
    rng = np.random.default_rng(6)
    values = []
    for _ in range(15):
        prompt, text = write_text(mark, rng, 200)
        edited = [int(rng.integers(SIZE)) if rng.random() < 0.2 else token for token in text]
        verdict = detect_watermark(edited, WORDS, mark, prompt=prompt)
        values += verdict.values[verdict.scored].tolist()
    wanted = 0.25 + (0.711 - 0.25) * mark.surviving_share(0.2)
    assert abs(np.mean(values) - wanted) < 4 * math.sqrt(0.25 / len(values))


def test_a_marked_stretch_is_found_inside_an_unmarked_text():
    """The loudest window lies where the mark is, and its corrected p-value says so."""
    mark = Watermark(key=b"k", scheme="lefthash")
    rng = np.random.default_rng(7)
    text = [*rng.integers(0, SIZE, 150).tolist(), *write_text(mark, rng, 60)[1], *rng.integers(0, SIZE, 150).tolist()]
    window = detect_watermark(text, WORDS, mark).window
    assert window.p_value < 1e-4
    assert 120 < window.start < 180
    assert 180 < window.end < 240


def test_window_p_values_are_conservative_on_unmarked_text():
    """No more than a share p of unmarked texts has a window of p-value p."""
    rng = np.random.default_rng(8)
    mark = Watermark(key=b"k")
    p_values = [detect_watermark(rng.integers(0, SIZE, 100).tolist(), WORDS, mark).window.p_value for _ in range(300)]
    assert np.mean(np.array(p_values) <= 0.1) <= 0.1


def test_another_key_finds_nothing():
    """Detection needs the key."""
    mark = Watermark(key=b"k")
    _, text = write_text(mark, np.random.default_rng(9), 200)
    assert detect_watermark(text, WORDS, mark).p_value < 1e-6
    assert detect_watermark(text, WORDS, Watermark(key=b"K")).p_value > 1e-3


def test_short_texts_say_nothing():
    """Without a scored token the p-value is one."""
    verdict = detect_watermark([1, 2, 3], WORDS, Watermark(key=b"k"))
    assert (verdict.z, verdict.p_value, verdict.num_scored, verdict.window) == (0.0, 1.0, 0, None)
    assert detect_watermark("", WORDS, Watermark(key=b"k")).p_value == 1.0


def test_prompts_are_context_and_are_not_scored():
    """With the prompt known, the first tokens count too."""
    mark = Watermark(key=b"k")
    prompt, text = write_text(mark, np.random.default_rng(10), 50)
    with_prompt, without = (detect_watermark(text, WORDS, mark, prompt=p) for p in (prompt, ()))
    assert len(with_prompt.token_ids) == len(without.token_ids) == 50
    assert with_prompt.num_scored == without.num_scored + 3


@pytest.mark.parametrize(
    ("successes", "trials", "p"), [(0, 5, 0.3), (3, 5, 0.3), (5, 5, 0.3), (6, 5, 0.3), (60, 200, 0.25)]
)
def test_binomial_tails_are_exact(successes, trials, p):
    """They equal the sum in exact fractions."""
    assert binomial_tail(successes, trials, p) == pytest.approx(slow.binomial_tail(successes, trials, p), rel=1e-9)


def test_gamma_and_normal_tails():
    """A sum of exponentials, by its density; a normal tail, by its table."""
    grid = np.linspace(3.0, 60.0, 200_001)
    density = grid**4 * np.exp(-grid) / math.factorial(4)
    assert gamma_tail(3.0, 5) == pytest.approx(
        float(((density[1:] + density[:-1]) / 2).sum() * (grid[1] - grid[0])), abs=1e-6
    )
    assert normal_tail(2.326) == pytest.approx(0.01, abs=1e-4)
    assert binomial_tail(2000, 4000, 1e-4) == 0.0


def test_texts_are_retokenised_by_merging():
    """A text becomes the tokens that byte-pair merges in the order of ids give."""
    letters = [bytes([byte]) for byte in range(256)]
    vocabulary = Vocabulary([*letters, b"th", b"the", b" the", b"he"])
    assert merge_tokens(b"the the", vocabulary) == [257, 258]
    assert merge_tokens(b"", vocabulary) == []


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"key": "text"}, "key"),
        ({"key": b""}, "key"),
        ({"key": b"k", "gamma": 1.0}, "gamma"),
        ({"key": b"k", "delta": -1.0}, "delta"),
        ({"key": b"k", "scheme": "righthash"}, "scheme"),
        ({"key": b"k", "context_size": 0}, "context_size"),
        ({"key": b"k", "depth": 33}, "depth"),
    ],
)
def test_settings_out_of_range_are_refused(settings, word):
    """Each with its name."""
    with pytest.raises(WatermarkError, match=word):
        Watermark(**settings)


def test_what_cannot_be_looked_for_is_refused():
    """A rate that is none, ids of another vocabulary, and something that is no vocabulary."""
    mark = Watermark(key=b"k")
    with pytest.raises(WatermarkError, match="false_positive_rate"):
        detect_watermark([1], WORDS, mark, false_positive_rate=0.0)
    with pytest.raises(WatermarkError, match="token id 1000"):
        detect_watermark([SIZE], WORDS, mark)
    with pytest.raises(WatermarkError, match="vocabulary"):
        detect_watermark([1], None, mark)


def test_the_key_is_not_shown():
    """Neither a watermark's text form nor a verdict's holds the key."""
    assert "secret" not in repr(Watermark(key=b"secret"))
