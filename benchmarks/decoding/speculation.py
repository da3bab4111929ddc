"""Compare what speculation brings with what the published formula says it would."""

from __future__ import annotations

from statistics import median

import guidance
from benchmarks.decoding.loops import Person, own_loop, prompts_of
from benchmarks.decoding.models import Measured
from guidance.decoding import Decoder

__all__ = ["measure_speculation"]


_DRAFTS: tuple[tuple[str, tuple[int, ...] | None], ...] = (
    ("prompt-lookup", None),
    ("prompt-lookup", (2, 1, 1, 1)),
    ("embedded/draft", None),
    ("embedded/draft", (2, 1, 1, 1)),
    ("heads", None),
    ("heads", (3, 2, 1)),
)
"""What drafts, and the tree it drafts; None for a line as long as the formula says."""


def measure_speculation(measured: Measured, repeats: int) -> dict[str, float]:
    """Return figures of every kind of draft on the extraction task, one prompt at a time, free and constrained."""
    figures: dict[str, float] = {}
    for draft, tree in _DRAFTS:
        shape = "" if tree is None else ".tree" + "".join(map(str, tree))
        for kind, output in (("free", None), ("typed", Person)):
            found = _compare(measured, guidance.Speculation(draft=draft, tree=tree), output, repeats)
            figures |= {f"speculation.{draft}{shape}.{kind}.{name}": value for name, value in found.items()}
    return figures


def _compare(measured: Measured, speculation: guidance.Speculation, output: object, repeats: int) -> dict[str, float]:
    """Return the decode phases' ratio, and means over the prompts of what the metrics report."""
    plain: list[Decoder] = []
    ahead: list[Decoder] = []
    loops = [
        (
            own_loop(measured, [prompt], output, decoders=plain),
            own_loop(measured, [prompt], output, speculate=speculation, decoders=ahead),
        )
        for prompt in prompts_of(8)
    ]
    for _ in range(repeats + 1):
        for without, drafted in loops:
            without()
            drafted()
    shown = [d.clock.speculation for d in ahead[len(loops) :] if d.clock.speculation is not None]
    speedup = _decode_seconds(plain, len(loops)) / _decode_seconds(ahead, len(loops))
    if not shown:
        return {"speedup": speedup}
    predicted = median(f.predicted_speedup for f in shown)
    actual = median(f.actual_speedup for f in shown)
    return {
        "speedup": speedup,
        "acceptance": median(f.acceptance for f in shown),
        "cost_ratio": median(f.cost_ratio for f in shown),
        "num_tokens": median(f.num_tokens for f in shown),
        "predicted_speedup": predicted,
        "actual_speedup": actual,
        "actual_over_predicted": actual / predicted,
    }


def _decode_seconds(decoders: list[Decoder], num_prompts: int) -> float:
    """Return the fastest decode phase of each prompt, summed; the first round warms up."""
    seconds = [decoder.clock.ended - decoder.clock.prefilled for decoder in decoders]
    return sum(min(seconds[k::num_prompts][1:]) for k in range(num_prompts))
