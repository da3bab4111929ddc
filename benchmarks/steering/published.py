"""Measure steering beside published code: transformers' classifier-free guidance, and experts without a cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import torch

import guidance
from benchmarks.steering.rows import Row
from benchmarks.steering.texts import load_model, prompts_for
from guidance.embedded import embedded_path
from guidance.logits import Processor
from guidance.model import Model
from proxy_tuning import ClassifierFree, DExperts

__all__ = ["measure"]

SECTION = "published"
NUM_TOKENS, REPEATS = 40, 5
BATCH_SIZES = (1, 8)
GAMMA, NEGATIVE = 1.5, "Write about the weather.\n\n"


def measure(num_texts: int) -> Iterator[Row]:
    """Yield milliseconds per token of one row, ours and theirs, greedy, for texts of 40 tokens."""
    del num_texts
    torch.set_num_threads(1)
    writer, positive, negative = (load_model(name) for name in ("writer", "positive", "negative"))
    free = ClassifierFree(gamma=GAMMA, negative_prompt=NEGATIVE)
    experts = DExperts(expert=positive, antiexpert=negative)
    for batch_size in BATCH_SIZES:
        prompts = [prompts_for(1)[0]] * batch_size  # equal ones: the published loops differ in how they pad
        loops = {
            "ours, classifier-free": _own_loop(writer, prompts, free),
            "transformers, classifier-free": _transformers_loop(writer, prompts),
            "ours, dexperts": _own_loop(writer, prompts, experts),
            "as published, dexperts without a cache": _uncached_loop((writer, positive, negative), prompts),
        }
        best = _fastest(loops)
        for ours, theirs in (tuple(loops)[:2], tuple(loops)[2:]):
            ratio = best[theirs] / best[ours]
            yield Row(section=SECTION, name=f"{ours}, batch {batch_size}", figures={"ms_per_token": best[ours]})
            yield Row(
                section=SECTION,
                name=f"{theirs}, batch {batch_size}",
                figures={"ms_per_token": best[theirs], "slower_than_ours": ratio},
            )


Loop = Callable[[], int]
"""Write texts; return how many tokens each row got."""


def _own_loop(writer: Model, prompts: list[str], method: Processor) -> Loop:
    def loop() -> int:
        # One prompt a row: equal prompts would be read once for all.
        results = guidance.generate(writer, prompts, steer=[method], max_tokens=NUM_TOKENS)
        return max(len(result.token_ids) for result in results)

    return loop


def _transformers_loop(writer: Model, prompts: list[str]) -> Loop:
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    network = AutoModelForCausalLM.from_pretrained(embedded_path("writer"), dtype=torch.float32).eval()
    ids = torch.tensor([writer.encode(prompt) for prompt in prompts])
    negative = torch.tensor([writer.encode(NEGATIVE)] * len(prompts))

    def loop() -> int:
        with torch.inference_mode():
            found: Any = network.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                negative_prompt_ids=negative,
                negative_prompt_attention_mask=torch.ones_like(negative),
                guidance_scale=GAMMA,
                max_new_tokens=NUM_TOKENS,
                do_sample=False,
                pad_token_id=network.config.eos_token_id,
            )
        return int(found.shape[1] - ids.shape[1])

    return loop


def _uncached_loop(models: tuple[Model, Model, Model], prompts: list[str]) -> Loop:
    """Return the published loop: three whole forward passes for each token, a nucleus, a sum."""
    networks = [model.language_model for model in models]
    end = models[0].vocabulary.eos_token_ids[0]
    start = [models[0].encode(prompt) for prompt in prompts]

    def loop() -> int:
        texts = [list(text) for text in start]
        for count in range(NUM_TOKENS):
            base, plus, minus = (network.prefill(texts)[1][:, -1] for network in networks)
            ordered, columns = torch.softmax(base, -1).sort(dim=-1, descending=True)
            outside = (ordered.cumsum(-1) - ordered >= 0.9).gather(-1, columns.argsort(-1))
            chosen = (base.masked_fill(outside, float("-inf")) + 2.0 * (plus - minus)).argmax(-1).tolist()
            if all(token == end for token in chosen):
                return count
            for text, token in zip(texts, chosen, strict=True):
                text.append(token)
        return NUM_TOKENS

    return loop


def _fastest(loops: dict[str, Loop]) -> dict[str, float]:
    """Run the loops in turns; return the fewest milliseconds per token of each."""
    best: dict[str, float] = {}
    for _ in range(REPEATS):
        for name, loop in loops.items():
            started = perf_counter()
            count = loop()
            taken = 1e3 * (perf_counter() - started) / max(1, count)
            best[name] = min(best.get(name, taken), taken)
    return best
