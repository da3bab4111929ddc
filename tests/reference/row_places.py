"""Say what may follow a row of tokens, from the beginning each time and token by token: slow and obvious."""

from __future__ import annotations

from guidance.decoding.forcing import Forcing


def allowed_after(model, compiled, token_ids):
    """Return the set of tokens that may follow an output's tokens; None where no text begins like the row.

    The law is that of the loop: what is forced comes in the tokenizer's own tokens, after the end only end tokens.
    """
    ends = set(model.vocabulary.eos_token_ids)
    matcher, forcing = compiled.matcher(), Forcing(model)
    queue = settle(matcher, forcing, ends)
    for token in token_ids:
        if token in ends:
            return ends
        allowed = {queue[0]} if queue else tokens_of(matcher, model, ends)
        if token not in allowed:
            return None
        matcher.advance(token)
        queue = queue[1:] if queue else settle(matcher, forcing, ends)
        if matcher.is_complete:
            queue = []
    return {queue[0]} if queue else tokens_of(matcher, model, ends)


def settle(matcher, forcing, ends):
    """Return what is forced behind a matcher, up to an end token."""
    if matcher.is_complete:
        return []
    tokens = forcing.tokens(matcher)
    return tokens[: next((i for i, token in enumerate(tokens) if token in ends), len(tokens))]


def tokens_of(matcher, model, ends):
    """Return the tokens a matcher takes, tried one by one; only end tokens behind a text that is over."""
    if matcher.is_complete:
        return ends
    return {token for token in range(model.vocabulary.size) if takes(matcher.fork(), token)}


def takes(matcher, token):
    """Tell whether a matcher takes a token."""
    return matcher.try_advance(token)
