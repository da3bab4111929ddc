"""Check that the networks of a plan stay in step with their rows, whatever is read, selected and forgotten."""

from __future__ import annotations

import random

import pytest
import torch

from guidance.errors import PromptError
from proxy_tuning import BASE, SteeringError, Term
from proxy_tuning.ensemble import Ensemble
from proxy_tuning.plan import compile_plan


def make_plan(kind, base, experts, models):
    """Return plans whose networks run alone, stacked, as rows of one another, and with prompts of their own."""
    first, second, third, _ = experts
    if kind == "single":
        return compile_plan(BASE + Term(first), base)
    if kind == "stacked":
        return compile_plan(BASE + Term(first) - Term(second) + Term(third), base)
    if kind == "variants":
        return compile_plan(BASE + Term(first) - Term(first, prompt="other") + Term(prompt="not this"), base)
    formula = BASE + Term(first, prompt=lambda text: f"say: {text}.") - Term(second) + Term(models(9, num_layers=1))
    return compile_plan(formula, base)


def fresh(plan, base, prompt, output):
    """Return every reader's logits after a prompt and an output, without a cache."""
    found = []
    for reader in plan.readers:
        text = reader.prompt_of(prompt) + reader.alignment.translate(output)
        found.append(reader.model.language_model.prefill([text])[1][0, -1, : base.vocabulary.size])
    return torch.stack(found)


def check(ensemble, plan, base, rows):
    """Compare every row with a fresh run."""
    seen = torch.stack([ensemble.logits(i)[:, -1] for i in range(len(plan.readers))], dim=1)
    for row, (prompt, output) in enumerate(rows):
        torch.testing.assert_close(seen[row], fresh(plan, base, prompt, output), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["single", "stacked", "variants", "prompts"])
def test_ensemble_equals_fresh_runs(base, experts, models, kind):
    """After random reads, drops, selections and forks, the logits are those of the rows' texts."""
    generator = random.Random(kind)
    plan = make_plan(kind, base, experts, models)
    prompts = [base.encode(text) for text in ("abc", "abc", "the cat sat")]
    ensemble = Ensemble.open(plan, prompts)
    rows = [(prompt, []) for prompt in prompts]
    check(ensemble, plan, base, rows)
    for _ in range(6):
        new = [[generator.randrange(1, 40) for _ in range(generator.randint(1, 3))] for _ in rows]
        longest = max(map(len, new))
        padded = torch.tensor([[0] * (longest - len(line)) + line for line in new])
        ensemble.read(padded, [len(line) for line in new])
        rows = [(prompt, output + line) for (prompt, output), line in zip(rows, new, strict=True)]
        check(ensemble, plan, base, rows)
        copy = ensemble.fork()
        copy.read(torch.ones(len(rows), 2, dtype=torch.long))
        counts = [generator.randint(0, len(line)) for line in new]
        ensemble.drop(counts)
        rows = [(prompt, output[: len(output) - count]) for (prompt, output), count in zip(rows, counts, strict=True)]
        if generator.random() < 0.5:
            chosen = [generator.randrange(len(rows)) for _ in range(3)]
            ensemble.select(chosen)
            rows = [(rows[row][0], list(rows[row][1])) for row in chosen]
    assert ensemble.num_bytes > 0


def test_positions_asked_for_are_those_read_last(base, experts):
    """`num_logits` positions can be processed at once, as speculation needs."""
    plan = compile_plan(BASE + Term(experts[0]), base)
    ensemble = Ensemble.open(plan, [[1, 2]])
    ensemble.read(torch.tensor([[3, 4, 5]]), num_logits=3)
    several = ensemble.logits(0)
    for position, length in enumerate((1, 2, 3)):
        alone = fresh(plan, base, [1, 2], [3, 4, 5][:length])[0]
        torch.testing.assert_close(several[0, position], alone, atol=1e-4, rtol=1e-5)


def test_an_experts_context_is_respected(base, models):
    """A text longer than the expert's context is refused, not rotated out of range."""
    plan = compile_plan(BASE + Term(models(2, context_size=8)), base)
    ensemble = Ensemble.open(plan, [[1] * 7])
    ensemble.read(torch.tensor([[1]]))
    with pytest.raises(PromptError, match="9 tokens, expected at most the expert's context of 8"):
        ensemble.read(torch.tensor([[1]]))
    with pytest.raises(PromptError, match="9 tokens"):
        Ensemble.open(plan, [[1] * 9])


def test_an_expert_that_cannot_forget_is_refused_with_drafts(base, experts, monkeypatch):
    """Recurrent layers keep no past to return to; the message says so and names the expert."""
    plan = compile_plan(BASE + Term(experts[0]), base)
    ensemble = Ensemble.open(plan, [[1, 2]])
    monkeypatch.setattr(type(experts[0].language_model), "can_drop", False, raising=False)
    ensemble.read(torch.tensor([[3]]))
    with pytest.raises(SteeringError, match="expert 2: got drafts taken back"):
        ensemble.drop([1])
