"""Do to logits, slowly and obviously, what the kernels do."""

from __future__ import annotations

import math


def allowed_columns(mask_row, size):
    """Return the columns whose bit is set; None allows all."""
    if mask_row is None:
        return list(range(size))
    return [v for v in range(size) if v // 32 < len(mask_row) and (int(mask_row[v // 32]) >> (v % 32)) & 1]


def law_of(logits, columns, temperature):
    """Return {column: probability} of the tempered softmax over the columns."""
    best = max(logits[v] for v in columns)
    weights = {v: math.exp((logits[v] - best) / temperature) for v in columns}
    total = sum(weights.values())
    return {v: weight / total for v, weight in weights.items()}


def draw(logits, columns, *, temperature, uniform):
    """Return the greedy or the inverse-CDF choice among the columns."""
    if temperature == 0:
        return max(columns, key=lambda v: (logits[v], -v))
    running = 0.0
    law = law_of(logits, columns, temperature)
    for v in columns:
        running += law[v]
        if running > uniform:
            return v
    return columns[-1]


def nucleus(probabilities, p):
    """Return the smallest set of most likely columns whose probability reaches p."""
    kept, total = set(), 0.0
    for v in sorted(range(len(probabilities)), key=lambda v: -probabilities[v]):
        if total >= p:
            break
        kept.add(v)
        total += probabilities[v]
    return kept
