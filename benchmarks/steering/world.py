"""Measure in a world whose laws are closed forms, where the shares that must come out are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

import guidance
from benchmarks.steering.rows import Row
from guidance.logits import Context, Processor
from guidance.model import Model
from proxy_tuning import BASE, Attribute, DExperts, ModelArithmetic
from tests.reference.latent_mixture import PROMPT, Mixture, PerfectClassifier, figures_of

__all__ = ["measure"]

SECTION = "world"
NUM_TEXTS, NUM_TOKENS = 4000, 20
EXACT = 1e-6
Law = Callable[[NDArray[np.float64]], NDArray[np.float64]]
# (share of + texts, perplexity under the base, 1 - TV), as known from 4,000 texts of 20 tokens
KNOWN_EXPERTS = {
    0.0: (0.504, 34.38, 1.0),
    0.5: (0.771, 34.42, 0.946),
    1.0: (0.934, 34.55, 0.880),
    2.0: (1.000, 35.12, 0.723),
    3.2: (1.000, 36.25, 0.534),
    -3.2: (0.000, 36.30, 0.534),
}
KNOWN_CLASSIFIER = {1.0: (0.767, 34.38, 0.964), 2.0: (0.926, 34.39, 0.938), 5.0: (0.999, 34.48, 0.888)}


def measure(num_texts: int) -> Iterator[Row]:
    """Yield the table, and the largest difference from the true conditional law."""
    del num_texts  # the table is of 4,000 texts
    world = Mixture()
    base, plus, minus = (world.model(kind) for kind in ("base", "+", "-"))
    for alpha, known in KNOWN_EXPERTS.items():
        method = DExperts(expert=plus, antiexpert=minus, alpha=alpha, base_top_p=1.0)
        yield _row(f"experts {alpha:g}", _draw(base, method, partial(world.experts_law, alpha=alpha)), known)
    for strength, known in KNOWN_CLASSIFIER.items():
        classifier = ModelArithmetic(law=BASE + strength * Attribute(PerfectClassifier(world)))
        figures = _draw(base, classifier, partial(world.classifier_law, strength=strength))
        yield _row(f"classifier {strength:g}", figures, known)
    difference = _difference(world, base)
    yield Row(
        section=SECTION,
        name="classifier 1 less p(token | +)",
        figures={"largest_difference": difference},
        aim=f"at most {EXACT:g} in float32",
        is_reached=difference <= EXACT,
    )


def _draw(base: Model, method: Processor, law: Law) -> dict[str, float]:
    """Return the figures of texts drawn through the whole decoder."""
    sampling = guidance.Sampling(seed=11, n=NUM_TEXTS)
    results = guidance.generate(base, PROMPT, steer=[method], sampling=sampling, max_tokens=NUM_TOKENS)
    return figures_of(Mixture(), np.array([result.token_ids for result in results]), law)


def _row(name: str, figures: dict[str, float], known: tuple[float, float, float]) -> Row:
    share, perplexity, acceptance = known
    deviation = np.sqrt(2 * max(share * (1 - share), 1 / NUM_TEXTS) / NUM_TEXTS)
    is_reached = (
        abs(figures["plus"] - share) <= 3 * deviation
        and abs(figures["perplexity"] / perplexity - 1) <= 0.02
        and abs(figures["acceptance"] - acceptance) <= 0.005
    )
    known_figures = {"known_plus": share, "known_perplexity": perplexity, "known_acceptance": acceptance}
    return Row(
        section=SECTION,
        name=name,
        figures={**figures, **known_figures},
        aim="within sampling error",
        is_reached=bool(is_reached),
    )


def _difference(world: Mixture, base: Model) -> float:
    """Return the largest difference between the law at strength 1 and the true conditional, over 2,000 prefixes."""
    method = ModelArithmetic(law=BASE + Attribute(PerfectClassifier(world))).bind(base)
    prefixes = torch.from_numpy(np.random.default_rng(0).integers(0, 60, (100, NUM_TOKENS)))
    prompts = [[0]] * len(prefixes)
    cache, _ = base.language_model.prefill(prompts)
    logits = base.language_model.decode_step(cache, prefixes, num_logits=NUM_TOKENS).float()
    companion = method.open(prompts)
    assert companion is not None
    companion.read(prefixes, num_logits=NUM_TOKENS)
    found = method.process([list(range(NUM_TOKENS))] * len(prefixes), logits, Context(companion=companion))
    return float(np.abs(torch.softmax(found, -1).numpy() - world.laws[0]).max())
