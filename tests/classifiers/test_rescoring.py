"""Check re-scoring: Bayes' rule where everything is known, identities, candidates, gates, and arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from classifiers import ClassifierError, ClassifierGuidance, GeDi
from classifiers.discriminator import Reader
from fsm.mask import pack_token_ids
from guidance.logits import Context, Pipeline
from guidance.sampling import Sampling
from proxy_tuning import BASE, Attribute, ModelArithmetic
from tests.reference.latent_mixture import Mixture

WORLD = Mixture()
PREFIXES = np.random.default_rng(0).integers(0, 60, (20, 10))


class TableReader(Reader):
    """Know the world: log p(+ | prefix) from the evidence of its tokens."""

    num_bytes = 0

    def __init__(self, odds, number=1):
        self.odds, self.number = odds, number

    def read(self, token_ids, lengths=None, *, num_logits=1):
        """Add the tokens' evidence."""
        added = WORLD.evidence[token_ids.numpy()].cumsum(axis=1)
        self.odds, self.number = (self.odds[:, -1:] + added)[:, -num_logits:], num_logits

    def prefix_scores(self):
        """Return log p(+ | prefix)."""
        return torch.from_numpy(-np.log1p(np.exp(-self.odds))).float()

    def candidate_scores(self, token_ids):
        """Return log p(+ | prefix, token)."""
        ids = np.arange(60) if token_ids is None else token_ids.numpy()
        return torch.from_numpy(-np.log1p(np.exp(-(self.odds[..., None] + WORLD.evidence[ids])))).float()

    def select(self, rows):
        """Keep these rows."""
        self.odds = self.odds[list(rows)]

    def drop(self, counts):
        """Never asked here."""
        raise AssertionError

    def fork(self):
        """Return a copy."""
        return TableReader(self.odds.copy(), self.number)


class Table:
    """Open readers of the world."""

    def __init__(self, *, scores_all):
        self.scores_all = scores_all

    def open(self, prompts):
        """Start at the prompts' evidence."""
        return TableReader(np.array([[WORLD.evidence[list(prompt)].sum()] for prompt in prompts]))


class Constant(Table):
    """Say the same of every text."""

    def open(self, prompts):
        """Return a reader without evidence."""
        reader = super().open(prompts)
        reader.candidate_scores = lambda token_ids: torch.full((len(prompts), 1, 60), -0.7)
        reader.prefix_scores = lambda: torch.full((len(prompts), 1), -0.7)
        return reader


def base_logits(prefixes=PREFIXES):
    """Return the world's logits after every token of the prefixes: float32[B, T, V]."""
    return torch.from_numpy(np.log(WORLD.base_law(WORLD.evidence[prefixes].cumsum(axis=1)))).float()


def steered(method, prefixes=PREFIXES):
    """Return the law a method makes of the base at every position of the prefixes."""
    reader = method.open([[0]] * len(prefixes))
    reader.read(torch.from_numpy(prefixes), num_logits=prefixes.shape[1])
    states = [range(prefixes.shape[1])] * len(prefixes)
    return torch.softmax(method.process(states, base_logits(prefixes), Context(companion=reader)), dim=-1).numpy()


@pytest.mark.parametrize("scores_all", [False, True])
def test_strength_one_is_the_true_conditional(scores_all):
    """With every legal token a candidate, base times posterior is p(token | +), to 1e-6 in float32 (A6)."""
    method = ClassifierGuidance(scorer=Table(scores_all=scores_all), top_k=None)
    assert np.abs(steered(method) - WORLD.laws[0]).max() < 1e-6


@pytest.mark.parametrize("strength", [0.5, 2.0, 5.0, -2.0])
def test_any_strength_is_its_closed_form(strength):
    """The law is proportional to the base times the posterior's power."""
    method = ClassifierGuidance(scorer=Table(scores_all=False), strength=strength, top_k=None)
    odds = WORLD.evidence[PREFIXES].cumsum(axis=1)
    assert np.abs(steered(method) - WORLD.classifier_law(odds, strength)).max() < 2e-6


def test_class_conditional_models_at_strength_one_are_the_true_conditional():
    """GeDi with exact experts and no division by length is Bayes' rule too."""
    method = GeDi({"+": WORLD.model("+"), "-": WORLD.model("-")}, attribute="+", strength=1.0, per_token=False)
    assert np.abs(steered(method) - WORLD.laws[0]).max() < 1e-6


@pytest.mark.parametrize("scores_all", [False, True])
def test_more_candidates_come_closer_to_the_conditional(scores_all):
    """Tokens that are no candidates keep the prefix's score, so the distance falls as k grows, and support stays."""
    distances = []
    for top_k in (1, 5, 20, 40, 60):
        law = steered(ClassifierGuidance(scorer=Table(scores_all=scores_all), top_k=top_k))
        assert (law > 0).all()
        distances.append(np.abs(law - WORLD.laws[0]).sum(axis=-1).mean())
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 1e-5


def test_strength_zero_is_the_base_bit_by_bit():
    """Nothing is opened, and the logits are the very same (A1)."""
    method = ClassifierGuidance(scorer=Table(scores_all=False), strength=0.0)
    logits = base_logits()
    assert method.open([[0]]) is None
    assert method.process([[0]], logits, Context()) is logits


@pytest.mark.parametrize("scores_all", [False, True])
def test_a_constant_classifier_is_the_base(scores_all):
    """It says nothing that tells tokens apart."""
    method = ClassifierGuidance(scorer=Constant(scores_all=scores_all), strength=30.0, top_k=None)
    logits = base_logits()[:4, :1]
    found = method.process([[0]] * 4, logits, Context(companion=method.open([[0]] * 4)))
    assert torch.allclose(torch.softmax(found, -1), torch.softmax(logits, -1), atol=1e-6)


def test_only_legal_tokens_are_candidates():
    """Under a mask the law is the conditional among legal tokens, whether columns are few or all."""
    legal = [3, 45, 55]
    method = ClassifierGuidance(scorer=Table(scores_all=False), top_k=3)
    wanted = WORLD.laws[0][legal] / WORLD.laws[0][legal].sum()
    for size in (60, 600):
        logits = torch.full((1, 1, size), -30.0)
        logits[..., :60] = base_logits()[:1, :1]
        reader = method.open([[0]])
        reader.read(torch.from_numpy(PREFIXES[:1, :1]))
        law = Pipeline(Sampling(), [method]).process([[(0,)]], logits, pack_token_ids(legal, size)[None], (reader,))
        found = torch.softmax(law.logits[0, 0], dim=-1)
        columns = legal if law.token_ids is None else [law.token_ids[0, 0].tolist().index(token) for token in legal]
        assert found[columns].tolist() == pytest.approx(wanted.tolist(), abs=1e-6)


def test_gates_leave_the_base_where_they_are_closed():
    """By period, and by the entropy of the legal law."""
    method = ClassifierGuidance(scorer=Table(scores_all=False), period=3, top_k=None)
    law, base = steered(method), torch.softmax(base_logits(), dim=-1).numpy()
    is_open = np.arange(10) % 3 == 0
    assert np.array_equal(law[:, ~is_open], base[:, ~is_open])
    assert np.abs(law[:, is_open] - WORLD.laws[0]).max() < 1e-6
    entropy = -(base * np.log(base)).sum(axis=-1)
    middle = float(np.median(entropy))
    law = steered(ClassifierGuidance(scorer=Table(scores_all=False), entropy_above=middle, top_k=None))
    assert np.array_equal(law[entropy <= middle - 1e-5], base[entropy <= middle - 1e-5])
    assert np.abs(law[entropy > middle + 1e-5] - WORLD.laws[0]).max() < 1e-6


def test_plausibility_keeps_unlikely_tokens_at_the_prefix_score():
    """Tokens below a share of the best keep their odds to each other as the base has them."""
    method = ClassifierGuidance(scorer=Table(scores_all=False), top_k=None, plausible=0.2, strength=4.0)
    law, base = steered(method), torch.softmax(base_logits(), dim=-1).numpy()
    unlikely = base[0, 0] < 0.19 * base[0, 0].max()
    ratio = law[0, 0, unlikely] / base[0, 0, unlikely]
    assert ratio == pytest.approx(ratio[0], rel=1e-4)


def test_only_candidates_are_read():
    """Tokens that are illegal, or implausible in every row, cost nothing."""
    method = ClassifierGuidance(scorer=Table(scores_all=False), top_k=50, plausible=0.5)
    reader, asked = method.open([[0], [0]]), []
    scores = reader.candidate_scores
    reader.candidate_scores = lambda token_ids: asked.append(token_ids.shape[-1]) or scores(token_ids)
    logits = torch.full((2, 1, 60), float("-inf"))
    logits[0, 0, [3, 4, 5]] = torch.tensor([0.0, -0.1, -5.0])
    logits[1, 0, [7]] = 0.0
    changed = method.process([[0], [0]], logits, Context(companion=reader))
    assert asked == [2]
    assert torch.equal(changed.isneginf(), logits.isneginf())
    assert changed[0, 0, 5] == -5.0


def test_states_count_tokens_and_old_ones_stay():
    """A state is the number of tokens so far."""
    method = ClassifierGuidance(scorer=Table(scores_all=False))
    state = method.start([1, 2])
    assert (state, method.advance(state, 5, -1.0), state) == (0, 1, 0)


@pytest.mark.parametrize("scores_all", [False, True])
def test_classifiers_take_part_in_model_arithmetic(scores_all):
    """``BASE + 2 * Attribute(classifier)`` is the classifier at strength two."""
    base = WORLD.model("base")
    method = ClassifierGuidance(scorer=Table(scores_all=scores_all), top_k=None)
    bound = ModelArithmetic(law=BASE + 2.0 * Attribute(method)).bind(base)
    companion = bound.open([[0]] * 20)
    companion.read(torch.from_numpy(PREFIXES), num_logits=10)
    found = torch.softmax(bound.process([range(10)] * 20, base_logits(), Context(companion=companion)), -1).numpy()
    assert np.abs(found - steered(replace(method, strength=2.0))).max() < 1e-5


@pytest.mark.parametrize(
    "settings",
    [{"strength": float("nan")}, {"top_k": 0}, {"period": 0}, {"entropy_above": -1.0}, {"plausible": 2.0}],
)
def test_settings_out_of_range_are_refused(settings):
    """Each with its name."""
    with pytest.raises(ClassifierError, match=next(iter(settings))):
        ClassifierGuidance(scorer=Table(scores_all=False), **settings)
