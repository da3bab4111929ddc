"""Check that drafts confirmed by the row's own draw never change a text: whatever drafts, whatever else is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

import guidance
from guidance.errors import ModelError, SamplingError
from guidance.logits import Processor, Stage
from tests.guidance.conftest import make_network, make_tokenizer
from tests.guidance.decoding.test_companions import Expert

TEXTS = ("the true answer", "the answer is here", "there is an answer in the train", "never", "then")
PROMPTS = ["the answer is the answer is", "a much longer prompt than the others", "x", "then the train, then the"]
LAWS = [guidance.Sampling(temperature=0.0), guidance.Sampling(temperature=0.7, top_p=0.9, seed=3, n=2)]


@dataclass(frozen=True)
class Repetition(Processor):
    """Take a little from every token written already: its state is the text."""

    stage: ClassVar[Stage] = Stage.PENALTY

    def start(self, prompt_ids):
        """Begin without the prompt."""
        return ()

    def advance(self, state, token_id, log_prob):
        """Append; the log-probability takes part, as in mirostat."""
        return (*state, (token_id, round(log_prob, 3)))

    def process(self, states, logits, context):
        """Subtract."""
        changed = logits.clone()
        for b, row in enumerate(states):
            for p, state in enumerate(row):
                for token, log_prob in state:
                    changed[b, p, token] -= 0.3 - 0.01 * log_prob
        return changed


@pytest.fixture(scope="module")
def drafts():
    """Return drafts of all kinds, good and bad."""
    tokenizer = make_tokenizer()
    same = guidance.Model(make_network(), tokenizer, name="same")
    other = guidance.Model(make_network(num_layers=1), tokenizer, name="other")
    return {"prompt-lookup": "prompt-lookup", "same": same, "other": other}


@pytest.fixture(scope="module")
def expert():
    """Return another random network over the same tokens."""
    from guidance.transformer import HuggingFaceCausalLM

    torch.manual_seed(2)
    return HuggingFaceCausalLM(make_network(num_layers=1))


def texts(results):
    """Return tokens, log-probabilities and reasons of every row."""
    flat = [row for result in results for row in (result if isinstance(result, list) else [result])]
    return [(row.token_ids, row.stop_reason) for row in flat], [row.log_probs for row in flat], flat


TREES = {"line": None, "tree": (3, 2, 1)}
CASES = [
    (draft, shape, constrained, law)
    for draft in ("prompt-lookup", "same", "other")
    for shape in TREES
    for constrained in (False, True)
    for law in LAWS
]


@pytest.mark.parametrize("case", CASES)
def test_drafts_change_no_text(model, drafts, expert, finite_grammar, case):
    """Ragged rows with steering, a penalty that remembers, stops and a budget: the same tokens, fewer model calls."""
    draft, shape, constrained, sampling = case
    settings = {
        "sampling": sampling,
        "max_tokens": 31,
        "stop": "zq",
        "steer": [Expert(expert, 0.5, model.vocabulary.size), Repetition()],
        "base_log_probs": True,
        "watermark": guidance.Watermark(key=b"secret"),
    }
    output = finite_grammar(TEXTS) if constrained else None
    plain = guidance.generate(model, PROMPTS, output, **settings)
    speculation = guidance.Speculation(draft=drafts[draft], num_tokens=3, tree=TREES[shape])
    ahead = guidance.generate(model, PROMPTS, output, speculate=speculation, **settings)
    (ours, our_log_probs, rows), (theirs, their_log_probs, _) = texts(ahead), texts(plain)
    assert ours == theirs
    for one, other in zip(our_log_probs, their_log_probs, strict=True):
        assert one == pytest.approx(other, abs=1e-3)
    assert sum(row.metrics.num_drafted_tokens for row in rows) > 0
    if draft == "same" and sampling.is_greedy and not constrained:
        assert rows[0].metrics.num_model_calls <= plain[0].metrics.num_model_calls


def test_draft_that_is_the_model_is_always_right(model, drafts):
    """Without steering every draft of the same network is confirmed, greedy and sampled."""
    for sampling in (guidance.Sampling(temperature=0.0), guidance.Sampling(seed=8)):
        speculation = guidance.Speculation(draft=drafts["same"], num_tokens=4)
        metrics = guidance.generate(model, "hello", sampling=sampling, max_tokens=41, speculate=speculation).metrics
        assert metrics.num_rejected_tokens == 0
        assert metrics.num_model_calls <= 1 + 41 // 5 + 1
        assert metrics.acceptance_rate == 1.0


def test_greedy_equals_greedy_in_a_hundred_prompts(model, drafts, expert, finite_grammar):
    """Every operator on, lines as long as the formula says, and trees: not one text differs."""
    prompts = [f"{PROMPTS[i % 4]} {i * 37 % 101}" for i in range(100)]
    settings = {
        "max_tokens": 16,
        "steer": [Expert(expert, 0.5, model.vocabulary.size), Repetition()],
        "watermark": guidance.Watermark(key=b"secret"),
    }
    for output in (None, finite_grammar(TEXTS)):
        plain = guidance.generate(model, prompts, output, **settings)
        for draft, tree in (("prompt-lookup", None), ("same", None), ("same", (2, 2, 1)), ("other", (3, 1))):
            speculation = guidance.Speculation(draft=drafts[draft], tree=tree, num_tokens=tree and len(tree))
            ahead = guidance.generate(model, prompts, output, speculate=speculation, **settings)
            assert [r.token_ids for r in ahead] == [r.token_ids for r in plain]


@pytest.mark.parametrize("draft", ["embedded/draft", "prompt-lookup"])
def test_trees_are_accepted_more_often_than_lines(draft):
    """Three tokens at each place are confirmed more often than one; both draw what is drawn without drafts."""
    sampling = guidance.Sampling(seed=4, temperature=1.5)
    prompts = [f"Who is described?\n\nMara Lindqvist, {age}, from Turin, met Nils Aalto." for age in range(30, 36)]
    plain = guidance.generate("embedded", prompts, sampling=sampling, max_tokens=40)
    rates = []
    for tree in ((1, 1), (3, 3)):
        speculation = guidance.Speculation(draft=draft, num_tokens=2, tree=tree)
        ahead = guidance.generate("embedded", prompts, sampling=sampling, max_tokens=40, speculate=speculation)
        assert [row.token_ids for row in ahead] == [row.token_ids for row in plain]
        accepted = sum(row.metrics.num_accepted_tokens for row in ahead)
        rates.append(accepted / (accepted + sum(row.metrics.num_rejected_tokens for row in ahead)))
    assert rates[1] > rates[0]


def test_rows_join_an_engine_while_trees_are_open(model, drafts):
    """Requests of different lengths come and go beside each other: texts are those without drafts."""
    prompts = [f"{PROMPTS[i % 4]} {i}" for i in range(9)]
    plain = [guidance.generate(model, prompt, max_tokens=5 + i) for i, prompt in enumerate(prompts)]
    speculation = guidance.Speculation(draft=drafts["other"], num_tokens=2, tree=(3, 2))
    with guidance.Engine(model, max_rows=3, speculate=speculation) as engine:
        tickets = [engine.submit_nowait(prompt, max_tokens=5 + i) for i, prompt in enumerate(prompts)]
        assert [ticket.result(timeout=60).token_ids for ticket in tickets] == [result.token_ids for result in plain]


def test_early_exit_drafts_with_the_models_own_layers():
    """The embedded model's text is the same, and all its layers would be refused."""
    model = guidance.load("embedded")
    plain = guidance.generate(model, "Ada Lovelace, 36, London", dict[str, int | str], max_tokens=60)
    for layer in (None, 2):
        speculation = guidance.Speculation(draft="early-exit", exit_layer=layer, num_tokens=2)
        ahead = guidance.generate(
            model, "Ada Lovelace, 36, London", dict[str, int | str], max_tokens=60, speculate=speculation
        )
        assert ahead.token_ids == plain.token_ids
    with pytest.raises(ModelError, match="exit_layer=9, expected 1 to"):
        guidance.generate(model, "x", speculate=guidance.Speculation(draft="early-exit", exit_layer=9))


def test_drafts_of_another_vocabulary_are_refused(model):
    """The message names both vocabularies and the cure."""
    with pytest.raises(ModelError, match=r"draft embedded: got a vocabulary of 1024 tokens.*load a draft of the same"):
        guidance.generate(model, "x", speculate=guidance.Speculation(draft="embedded"))


@pytest.mark.parametrize(
    "change",
    [
        {"num_tokens": 0},
        {"most_tokens": 0},
        {"acceptance": "typical"},
        {"tree": ()},
        {"tree": (2, 0)},
        {"tree": (2.5,)},
        {"tree": 3},
        {"tree": (9, 9, 9)},
        {"num_tokens": 3, "tree": (2, 2)},
    ],
)
def test_settings_that_draft_nothing_are_refused(change):
    """Each names the setting."""
    with pytest.raises(SamplingError, match=next(iter(change))):
        guidance.Speculation(draft="prompt-lookup", **change)
    with pytest.raises(SamplingError, match="wrap the draft"):
        guidance.generate("embedded", "x", speculate="prompt-lookup")
