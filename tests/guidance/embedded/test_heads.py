"""The shipped draft heads: the file the card names, trained as the script trains, and of use."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import guidance
from guidance.embedded import embedded_path
from guidance.embedded.card import card_path, file_hash
from guidance.embedded.evaluate import draw_examples
from guidance.embedded.recipes import HEADS
from guidance.embedded.train_heads import read_answers, right_shares, train_heads
from guidance.speculation.heads import load_heads


@pytest.fixture(scope="module")
def base():
    """Return the embedded model."""
    return guidance.load("embedded/base")


@pytest.mark.parametrize("name", sorted(HEADS))
def test_heads_are_small_and_those_the_card_names(name):
    """The hash is the file's, the figures those noted in training."""
    folder = embedded_path(name) / "heads"
    card = card_path().read_text(encoding="utf-8")
    section = card.partition(f"## {name}\n")[2].partition("\n## ")[0]
    noted = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert file_hash(folder / "heads.safetensors") in section
    assert (folder / "heads.safetensors").stat().st_size < 1_000_000
    assert ", ".join(f"{share:.1f} %" for share in noted["right_percent"]) in section


def test_heads_guess_what_the_model_writes(base):
    """On answers to prompts of another seed: the shares that the card says, to seven points; nearer tokens better."""
    recipe = replace(HEADS["base"], num_heads=load_heads(base).num_heads)
    shares = right_shares(base, load_heads(base), read_answers(base, recipe, count=40, seed=3))
    noted = json.loads((embedded_path("base") / "heads" / "training.json").read_text(encoding="utf-8"))
    for share, percent in zip(shares, noted["right_percent"], strict=True):
        assert abs(100 * share - percent) < 7
    assert shares[0] > shares[-1]


def test_training_makes_heads_guess_better(base):
    """Some steps on a few answers; the model's own weights stay as they are."""
    recipe = replace(HEADS["base"], num_heads=2, width=32, batch_size=256)
    before = base.language_model.weights.layers[0].qkv.clone()
    answers = read_answers(base, recipe, count=24, seed=4)
    shares = [right_shares(base, train_heads(base, answers, recipe, steps=steps), answers) for steps in (1, 60)]
    assert all(after > untrained + 0.1 for untrained, after in zip(*shares, strict=True))
    assert before.equal(base.language_model.weights.layers[0].qkv)


@pytest.mark.parametrize("tree", [None, (3, 2, 1)])
def test_drafting_with_heads_saves_a_third_of_the_model_calls(base, tree):
    """On held-out sentences, with the texts of a run without drafts."""
    prompts = [example.prompt for example in draw_examples("seen", 6)]
    plain = guidance.generate(base, prompts, max_tokens=60)
    ahead = guidance.generate(
        base, prompts, max_tokens=60, speculate=guidance.Speculation(draft="heads", num_tokens=3, tree=tree)
    )
    assert [row.token_ids for row in ahead] == [row.token_ids for row in plain]
    calls = [max(row.metrics.num_model_calls for row in rows) for rows in (ahead, plain)]
    assert calls[0] < 0.67 * calls[1]
    assert sum(row.metrics.num_accepted_tokens for row in ahead) > sum(row.metrics.num_rejected_tokens for row in ahead)
