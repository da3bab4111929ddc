"""Do to tokens and texts, slowly and obviously, what the watermark's kernels do; written from the formulas alone."""

from __future__ import annotations

import math
from fractions import Fraction
from hashlib import blake2b

WORD = 2**32


def mix(h):
    """Finalise one 32-bit word."""
    h ^= h >> 16
    h = h * 0x85EBCA6B % WORD
    h ^= h >> 13
    h = h * 0xC2B2AE35 % WORD
    return h ^ (h >> 16)


def hash_token(seeds, token):
    """Return a token's 32-bit hash under 64-bit seeds."""
    found = []
    for seed in seeds:
        low, high = seed % WORD, seed // WORD
        found.append(mix(mix((token * 0x9E3779B9 + low) % WORD) ^ high))
    return found[0] if len(found) == 1 else mix(min(found))


def keyed(key, scheme, tokens):
    """Return the seed of some tokens."""
    message = b"".join(token.to_bytes(8, "little") for token in tokens)
    return int.from_bytes(blake2b(message, digest_size=8, key=key, person=scheme.encode()).digest(), "little")


def seeds_after(watermark, tokens):
    """Return the seeds of the position after some tokens; None without a whole context."""
    window = list(tokens)[-watermark.window_size :]
    if len(window) < watermark.window_size:
        return None
    each = [keyed(watermark.key, watermark.scheme, [token]) for token in window]
    return {
        "selfhash": each,
        "minhash": [min(each)],
        "skipgram": each[:1],
    }.get(watermark.scheme, [keyed(watermark.key, watermark.scheme, window)])


def is_green(watermark, tokens, token):
    """Tell whether a token is green after some tokens."""
    return hash_token(seeds_after(watermark, tokens), token) < round(watermark.gamma * WORD)


def add_to_green(watermark, tokens, logits):
    """Return {token: logit} with green tokens favoured."""
    return {v: x + watermark.delta * is_green(watermark, tokens, v) for v, x in logits.items()}


def race(watermark, tokens, logits):
    """Return the token that wins."""
    seeds = seeds_after(watermark, tokens)
    return max(logits, key=lambda v: logits[v] - math.log(-math.log((hash_token(seeds, v) + 0.5) / WORD)))


def tournament(watermark, tokens, law):
    """Return {token: probability} after every round."""
    seeds = seeds_after(watermark, tokens)
    for level in range(watermark.depth):
        bits = {v: hash_token(seeds, v) >> level & 1 for v in law}
        green = sum(bits[v] * p for v, p in law.items())
        law = {v: p * (1 + bits[v] - green) for v, p in law.items()}
    return law


def count_green(watermark, tokens, *, start=0):
    """Return (green, scored) of a text for a red and green list, each piece of evidence once."""
    seen, green = set(), 0
    for place in range(max(start, watermark.window_size), len(tokens)):
        value = hash_token(seeds_after(watermark, tokens[:place]), tokens[place])
        if value not in seen:
            seen.add(value)
            green += value < round(watermark.gamma * WORD)
    return green, len(seen)


def binomial_tail(successes, trials, probability):
    """Return P(X >= successes), exactly."""
    p = Fraction(probability)
    terms = (math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(max(successes, 0), trials + 1))
    return float(sum(terms, Fraction(0)))
