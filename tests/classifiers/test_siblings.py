"""Check that candidates scored in one pass over a shared prefix score what each scores as a text of its own."""

from __future__ import annotations

import pytest
import torch

from classifiers import ClassifierError, Fudge
from tests.reference.classifiers import score_candidates, score_text

PROMPTS = [[40, 50, 60, 70, 80], [200, 300], [99, 98, 97]]


@pytest.fixture
def reader(sentiment):
    """Return a reader of prompts of three lengths."""
    return Fudge(sentiment, attribute="positive").discriminator.open(PROMPTS)


def check(reader, slow, texts, *, num_logits=1, count=4, seed=0):
    """Compare the scores of random candidates, and of the prefixes, at the last positions of every row."""
    generator = torch.Generator().manual_seed(seed)
    candidates = torch.randint(10, 1000, (len(texts), num_logits, count), generator=generator)
    scores = reader.candidate_scores(candidates)
    prefix = reader.prefix_scores()
    for row, text in enumerate(texts):
        for place in range(num_logits):
            before = text[: len(text) - num_logits + 1 + place]
            wanted = score_candidates(slow, before, candidates[row, place].tolist(), 1)
            assert scores[row, place].tolist() == pytest.approx(wanted, abs=2e-4)
            assert float(prefix[row, place]) == pytest.approx(score_text(slow, before, 1), abs=2e-4)
    return candidates


def test_candidates_score_what_whole_texts_score(reader, slow_sentiment):
    """At the prompts, after chosen candidates, and after tokens that were none."""
    texts = [list(prompt) for prompt in PROMPTS]
    candidates = check(reader, slow_sentiment, texts)
    for step in range(3):
        chosen = candidates[:, -1, step]
        texts = [[*text, token] for text, token in zip(texts, chosen.tolist(), strict=True)]
        reader.read(chosen[:, None])
        candidates = check(reader, slow_sentiment, texts, seed=step + 1)
    reader.read(torch.tensor([[7], [8], [9]]))
    check(reader, slow_sentiment, [[*text, 7 + row] for row, text in enumerate(texts)], seed=9)


def test_a_chosen_candidate_is_read_without_a_forward_pass(reader, monkeypatch):
    """Its keys and values are copied."""
    candidates = torch.arange(20, 32).view(3, 1, 4)
    reader.candidate_scores(candidates)
    calls = []
    network = type(reader._network)
    for name in ("decode_step", "decode_branches"):
        monkeypatch.setattr(network, name, lambda *a, name=name, **k: calls.append(name))
    reader.read(candidates[:, 0, 2:3])
    scores = reader.prefix_scores()
    assert calls == []
    assert scores.shape == (3, 1)


def test_the_same_candidates_are_not_read_twice(reader, monkeypatch):
    """A second draw at the same place asks for the same scores."""
    candidates = torch.arange(20, 32).view(3, 1, 4)
    first = reader.candidate_scores(candidates)
    monkeypatch.setattr(type(reader._network), "decode_branches", None)
    assert torch.equal(reader.candidate_scores(candidates.clone()), first)


def test_rows_of_their_own_lengths_stay_in_step(reader, slow_sentiment):
    """Ragged reads, several positions at once, and texts read before anything is scored."""
    texts = [list(prompt) for prompt in PROMPTS]
    reader.read(torch.tensor([[11, 12, 13], [0, 0, 14], [0, 15, 16]]), [3, 1, 2])
    texts = [[*texts[0], 11, 12, 13], [*texts[1], 14], [*texts[2], 15, 16]]
    reader.read(torch.tensor([[17], [18], [19]]))
    texts = [[*text, 17 + row] for row, text in enumerate(texts)]
    check(reader, slow_sentiment, texts)
    reader.read(torch.tensor([[21, 22, 23], [24, 25, 26], [27, 28, 29]]), num_logits=3)
    texts = [[*text, 21 + 3 * row, 22 + 3 * row, 23 + 3 * row] for row, text in enumerate(texts)]
    check(reader, slow_sentiment, texts, num_logits=3)


def test_rows_are_selected_forgotten_and_forked(reader, slow_sentiment):
    """What the loop does to the model's cache, the reader does too; a fork stays as it was."""
    texts = [list(prompt) for prompt in PROMPTS]
    candidates = check(reader, slow_sentiment, texts)
    reader.select([2, 0, 0])
    texts = [texts[2], texts[0], texts[0]]
    chosen = candidates[[2, 0, 0], -1, 1]
    reader.read(chosen[:, None])
    texts = [[*text, token] for text, token in zip(texts, chosen.tolist(), strict=True)]
    fork = reader.fork()
    reader.read(torch.tensor([[31, 32, 33], [34, 35, 36], [37, 38, 39]]), num_logits=3)
    longer = [[*text, 31 + 3 * row, 32 + 3 * row, 33 + 3 * row] for row, text in enumerate(texts)]
    check(reader, slow_sentiment, longer, num_logits=3)
    reader.drop([0, 2, 3])
    kept = [longer[0], longer[1][:-2], longer[2][:-3]]
    reader.read(torch.tensor([[41], [42], [43]]))
    check(reader, slow_sentiment, [[*text, 41 + row] for row, text in enumerate(kept)])
    check(fork, slow_sentiment, texts, seed=5)


@pytest.mark.parametrize("has_read", [False, True])
def test_rows_may_have_fewer_candidates_than_others(reader, slow_sentiment, has_read):
    """Where there is none, nothing is read; the others score as ever, and the chosen one is kept."""
    texts = [list(prompt) for prompt in PROMPTS]
    if has_read:
        reader.read(torch.tensor([[11], [12], [13]]))
        texts = [[*text, 11 + row] for row, text in enumerate(texts)]
    candidates = torch.tensor([[[20, 21, 22, 23, 24, 25]], [[30, -1, -1, -1, -1, -1]], [[40, 41, -1, -1, -1, -1]]])
    scores = reader.candidate_scores(candidates)
    for row, count in enumerate((6, 1, 2)):
        wanted = score_candidates(slow_sentiment, texts[row], candidates[row, 0, :count].tolist(), 1)
        assert scores[row, 0, :count].tolist() == pytest.approx(wanted, abs=2e-4)
    reader.read(torch.tensor([[25], [30], [41]]))
    check(reader, slow_sentiment, [[*text, token] for text, token in zip(texts, (25, 30, 41), strict=True)])


def test_tokens_without_text_keep_the_score_of_the_prefix(reader, sentiment):
    """The classifier has never seen an end token; it says nothing about it."""
    end = sentiment.vocabulary.special_token_ids[0]
    scores = reader.candidate_scores(torch.full((3, 1, 2), end))
    assert torch.equal(scores, reader.prefix_scores()[..., None].expand_as(scores))


def test_a_text_beyond_the_context_is_refused(sentiment):
    """By name, before anything is computed."""
    reader = Fudge(sentiment, attribute=1).discriminator.open([[5] * 1020])
    with pytest.raises(ClassifierError, match="context"):
        reader.read(torch.tensor([[5] * 8]))


def test_reader_reports_its_memory(reader):
    """The cache has bytes."""
    assert reader.num_bytes > 0
