"""Evaluate expressions over laws slowly: dictionaries of probabilities, one token at a time."""

from __future__ import annotations

import math

from proxy_tuning.formula import Extreme, Sum, Term


def log_law(formula, base, laws, *, legal, step):
    """Return {token: log-probability} of an expression; `laws` gives each term's own log-probabilities.

    base, laws[model] : {token: log-probability}
    """
    weighed = scores(formula, base, laws, legal=legal, step=step)
    total = sum(weight for weight, _ in weighed)
    summed = {v: sum(weight * values[v] for weight, values in weighed) / total for v in legal}
    return normalised(summed)


def scores(formula, base, laws, *, legal, step):
    """Return (weight, {token: log-probability}) of every part that is no sum."""
    if isinstance(formula, Sum):
        found = []
        for weight, part in formula.parts:
            factor = weight(step) if callable(weight) else weight
            inner = scores(part, base, laws, legal=legal, step=step)
            found += [(factor * own, values) for own, values in inner]
        return found
    if isinstance(formula, Extreme):
        parts = [log_law(part, base, laws, legal=legal, step=step) for part in formula.parts]
        choose = max if formula.is_union else min
        return [(1.0, {v: choose(part[v] for part in parts) for v in legal})]
    values = laws[formula.model] if isinstance(formula, Term) else base
    return [(1.0, normalised({v: values[v] for v in legal}))]


def normalised(values):
    """Return log-probabilities that add up to one."""
    largest = max(values.values())
    total = largest + math.log(sum(math.exp(value - largest) for value in values.values()))
    return {v: value - total for v, value in values.items()}
