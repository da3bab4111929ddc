"""Find the best finished texts of a network by trying all that may be written: slow and obvious."""

from __future__ import annotations

import torch

from tests.reference.row_places import allowed_after


def every_text(model, compiled, limit):
    """Return the token ids of every output, its end token included, of at most so many tokens."""
    found, open_lines = [], [[]]
    while open_lines:
        line = open_lines.pop()
        for token in sorted(allowed_after(model, compiled, line)):
            if token in model.vocabulary.eos_token_ids:
                found.append([*line, token])
            elif len(line) + 1 < limit:
                open_lines.append([*line, token])
    return found


def score(network, prompt, line, length_penalty=1.0):
    """Return a text's log-probability under the network alone, over its length; as transformers' beams rank it."""
    with torch.inference_mode():
        logits = network(torch.tensor([[*prompt, *line]])).logits[0].float()
    law = torch.log_softmax(logits, dim=-1)
    total = sum(float(law[len(prompt) - 1 + place, token]) for place, token in enumerate(line))
    return total / len(line) ** length_penalty
