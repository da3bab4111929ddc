"""Score candidates slowly and obviously: every text from scratch, one by one, with the transformers library."""

from __future__ import annotations

import torch


def score_text(network, token_ids, attribute):
    """Return log p(attribute | text) of a causal sequence classifier, read at the last token."""
    with torch.inference_mode():
        hidden = network.model(torch.tensor([list(token_ids)]), use_cache=False).last_hidden_state[0, -1]
        return float(torch.log_softmax(network.score(hidden).float(), dim=-1)[attribute])


def score_candidates(network, prefix, candidates, attribute):
    """Return log p(attribute | prefix, candidate) for each candidate."""
    return [score_text(network, [*prefix, candidate], attribute) for candidate in candidates]


def log_law(network, token_ids):
    """Return the log-probabilities of the next token of a causal language model."""
    with torch.inference_mode():
        logits = network(torch.tensor([list(token_ids)]), use_cache=False).logits[0, -1]
        return torch.log_softmax(logits.float(), dim=-1)
