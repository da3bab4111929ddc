"""Compute the law of the next token slowly and obviously: plain numbers, one rule after the other."""

from __future__ import annotations

import math

NEVER = -math.inf


def softmax(logits):
    """Return probabilities."""
    top = max(logits)
    weights = [math.exp(z - top) if z > NEVER else 0.0 for z in logits]
    total = sum(weights)
    return [weight / total for weight in weights]


def entropy(law):
    """Return nats."""
    return -sum(p * math.log(p) for p in law if p > 0)


def keep(logits, kept):
    """Return logits with the rest at minus infinity."""
    return [z if v in kept else NEVER for v, z in enumerate(logits)]


def best_of(logits):
    """Return the first arg-max."""
    return max(range(len(logits)), key=lambda v: (logits[v], -v))


def prefix_reaching(order, law, p):
    """Return the shortest beginning of an order whose probability reaches p."""
    kept, total = set(), 0.0
    for v in order:
        if total >= p:
            break
        kept.add(v)
        total += law[v]
    return kept


def top_n_sigma(logits, n):
    """Keep what is within n deviations of the largest; forbidden tokens do not count."""
    finite = [z for z in logits if z > NEVER]
    mean = sum(finite) / len(finite)
    deviation = math.sqrt(sum((z - mean) ** 2 for z in finite) / len(finite))
    floor = max(finite) - n * deviation
    return keep(logits, {v for v, z in enumerate(logits) if z >= floor})


def top_k(logits, k):
    """Keep k and ties."""
    if k >= len(logits):
        return logits
    edge = sorted(logits, reverse=True)[k - 1]
    return keep(logits, {v for v, z in enumerate(logits) if z >= edge})


def top_p(logits, p):
    """Keep the nucleus."""
    law = softmax(logits)
    return keep(logits, prefix_reaching(sorted(range(len(law)), key=lambda v: (-law[v], v)), law, p))


def min_p(logits, share):
    """Keep what is likely enough beside the best."""
    law = softmax(logits)
    floor = share * max(law)
    return keep(logits, {v for v, q in enumerate(law) if q >= floor})


def typical(logits, p):
    """Keep what is nearest the entropy."""
    law = softmax(logits)
    middle = entropy(law)
    order = sorted(range(len(law)), key=lambda v: (abs(-math.log(law[v]) - middle) if law[v] > 0 else math.inf, v))
    return keep(logits, prefix_reaching(order, law, p))


def epsilon(logits, least):
    """Drop what is unlikely, except the best."""
    law = softmax(logits)
    return keep(logits, {v for v, q in enumerate(law) if q >= least} | {best_of(logits)})


def eta(logits, value):
    """Drop what is unlikely for this entropy, except the best."""
    law = softmax(logits)
    return epsilon(logits, min(value, math.sqrt(value) * math.exp(-entropy(law))))


def xtc(logits, threshold):
    """Drop all tokens over the threshold but the least likely of them (the last on ties)."""
    law = softmax(logits)
    over = [v for v, q in enumerate(law) if q >= threshold and q > 0]
    if len(over) < 2:
        return logits
    spared = min(over, key=lambda v: (law[v], -v))
    return keep(logits, {v for v in range(len(law)) if v not in over or v == spared})


def adaptive_factor(logits):
    """Return the published polynomial of the entropy."""
    law = softmax(logits)
    h = -sum(q * math.log(q + 1e-9) for q in law)
    if h <= 0.5:
        return 1.0
    return max(-0.037 * h**4 + 0.481 * h**3 - 2.3 * h**2 + 4.917 * h - 1.791, 1.0)


def mirostat2(logits, mu):
    """Drop what surprises more than mu bits, except the best."""
    law = softmax(logits)
    return keep(logits, {v for v, q in enumerate(law) if q > 0 and -math.log2(q) <= mu + 1e-9} | {best_of(logits)})


def mirostat1(logits, mu):
    """Keep as many tokens as Zipf's law, fitted to the most likely 100, gives for mu bits."""
    law = sorted((q for q in softmax(logits) if q > 0), reverse=True)
    steps = range(min(len(law) - 1, 100))
    fit = sum(math.log((i + 2) / (i + 1)) ** 2 for i in steps)
    s = sum(math.log(law[i] / law[i + 1]) * math.log((i + 2) / (i + 1)) for i in steps) / fit if fit else 1.0
    if s <= 0:
        return logits
    n, excess = max(len(law), 2), s - 1
    shape = 1 / math.log(n) if abs(excess) < 1e-9 else excess / (1 - n**-excess)
    k = max(1, min(len(law), round((shape * 2**mu) ** (1 / s))))
    return top_k(logits, k)


def temper(logits, temperature):
    """Divide."""
    return [z / temperature for z in logits]


def penalised(logits, penalties, prompt, output, *, token_bytes, ends):  # noqa: C901 - a list of rules
    """Apply penalties in the order of their fields."""
    logits = list(logits)
    everything = [*prompt, *output]
    for v in set(everything):
        logits[v] = logits[v] / penalties.repetition if logits[v] > 0 else logits[v] * penalties.repetition
    for v in set(output):
        logits[v] -= penalties.frequency * output.count(v) + penalties.presence
    if penalties.dry is not None:
        logits = dry(logits, penalties.dry, everything, token_bytes)
    for key, bias in penalties.logit_bias.items():
        sequence = (key,) if isinstance(key, int) else tuple(key)
        if tuple(everything[len(everything) - len(sequence) + 1 :]) == sequence[:-1]:
            logits[sequence[-1]] += bias
    if penalties.no_repeat_ngram:
        n = penalties.no_repeat_ngram
        grams = {tuple(everything[i : i + n]) for i in range(len(everything) - n + 1)}
        last = tuple(everything[len(everything) - n + 1 :])
        logits = [NEVER if (*last, v) in grams else z for v, z in enumerate(logits)]
    text = b"".join(token_bytes[v] for v in output if v not in ends)
    for word in penalties.bad_words:
        for v, piece in enumerate(token_bytes):
            if v not in ends and word.encode() in (text + piece)[max(0, len(text) - len(word) + 1) :]:
                logits[v] = NEVER
    for v in penalties.suppress_tokens:
        logits[v] = NEVER
    if len(output) < penalties.min_tokens:
        for v in ends:
            logits[v] = NEVER
    return logits


def dry(logits, settings, tokens, token_bytes):
    """Penalise what would lengthen a repeat."""

    def breaks(v):
        return any(breaker.encode() in token_bytes[v] for breaker in settings.breakers)

    tokens = tokens if settings.window is None else tokens[-settings.window :]
    longest = {}
    for j in range(len(tokens) - 1):
        length = 0
        while length <= j and length < 50:
            v = tokens[len(tokens) - 1 - length]
            if tokens[j - length] != v or breaks(v):
                break
            length += 1
        if length and not breaks(tokens[j + 1]):
            longest[tokens[j + 1]] = max(longest.get(tokens[j + 1], 0), length)
    logits = list(logits)
    for v, length in longest.items():
        if length >= settings.allowed_length:
            logits[v] -= settings.multiplier * settings.base ** (length - settings.allowed_length)
    return logits


RULES = (
    ("top_n_sigma", top_n_sigma),
    ("top_k", top_k),
    ("top_p", top_p),
    ("min_p", min_p),
    ("typical_p", typical),
    ("epsilon", epsilon),
    ("eta", eta),
)


def next_law(  # noqa: C901 - a list of rules
    logits, sampling, *, legal=None, prompt=(), output=(), mu=None, token_bytes=(), ends=(), protected=()
):
    """Return (law, law before truncation) of the next token; the best legal token where nothing is left."""
    raw = list(logits)
    if sampling.penalties is not None:
        logits = penalised(logits, sampling.penalties, list(prompt), list(output), token_bytes=token_bytes, ends=ends)
    legal = set(range(len(raw))) if legal is None else legal
    logits = keep(logits, legal)
    if max(logits) == NEVER:
        logits = keep(raw, {best_of(keep(raw, legal))})
    if sampling.is_greedy:
        return softmax(keep(logits, {best_of(logits)})), None
    first = not sampling.temperature_last
    if first:
        logits = temper(logits, sampling.temperature)
        if sampling.adaptive_temperature:
            logits = temper(logits, 1 / adaptive_factor(logits))
    before = softmax(logits)
    for name, rule in RULES:
        value = getattr(sampling, name)
        if value is not None:
            logits = rule(logits, value)
    if sampling.mirostat is not None:
        logits = (mirostat1 if sampling.mirostat == 1 else mirostat2)(logits, mu)
    chance = sampling.xtc_probability
    cut = xtc(logits, sampling.xtc_threshold) if chance else logits
    if any(logits[v] > NEVER and cut[v] == NEVER for v in protected):
        cut = logits
    if not first:
        logits, cut = temper(logits, sampling.temperature), temper(cut, sampling.temperature)
    law = [(1 - chance) * a + chance * b for a, b in zip(softmax(logits), softmax(cut), strict=True)]
    if not first and sampling.adaptive_temperature:
        logs = [math.log(p) if p > 0 else NEVER for p in law]
        law = softmax(temper(logs, 1 / adaptive_factor(logs)))
    return law, before
