"""Guess tokens ahead as draft heads do, one number at a time, from a whole pass over the text."""

from __future__ import annotations

import math

import torch


def last_state(network, token_ids):
    """Return the last hidden state, after the last norm, of a transformers model that reads a text anew."""
    with torch.inference_mode():
        return network.model(torch.tensor([token_ids])).last_hidden_state[0, -1]


def guess(network, tensors, state, before, head):
    """Return float[V]: what head `head`, counted from 1, says after a hidden state and the token just before."""
    embedded = network.get_input_embeddings().weight[before].tolist()
    width, size = tensors["hidden"].shape[1:]
    read = []
    for place in range(size):
        total = float(state[place])
        for unit in range(width):
            inner = float(tensors["bias"][head - 1, unit])
            inner += sum(float(tensors["hidden"][head - 1, unit, k]) * float(state[k]) for k in range(size))
            inner += sum(float(tensors["token"][head - 1, unit, k]) * embedded[k] for k in range(size))
            total += float(tensors["out"][head - 1, place, unit]) * inner / (1 + math.exp(-inner))
        read.append(total)
    with torch.inference_mode():
        return network.lm_head.weight @ torch.tensor(read)
