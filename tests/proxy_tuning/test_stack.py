"""Check that stacked networks compute what each computes alone."""

from __future__ import annotations

import pytest
import torch

from proxy_tuning.stack import StackedLlama, can_stack


@pytest.mark.parametrize("extras", [False, True], ids=["plain", "biases and norms"])
@pytest.mark.parametrize("num_networks", [1, 2, 3])
def test_stack_equals_its_networks(networks, extras, num_networks):
    """Prefill of ragged rows, steps of one and of several tokens, ragged steps: to 1e-4."""
    parts = [networks(seed, extras=extras) for seed in range(num_networks)]
    stack = StackedLlama(parts)
    prompts = [[1, 2, 3], [4, 5, 6, 7, 8], [9]]
    cache, logits = stack.prefill(prompts * num_networks)
    alone = [network.prefill(prompts) for network in parts]
    torch.testing.assert_close(logits, torch.cat([own for _, own in alone]), atol=1e-4, rtol=1e-4)
    steps = [
        ([[3], [4], [5]], None),
        ([[6, 7], [8, 9], [1, 2]], None),
        ([[0, 3], [4, 5], [0, 6]], [1, 2, 1]),
        ([[0] * 5 + [3], [1] * 6, [0] * 5 + [6]], [1, 6, 1]),
    ]
    for block, lengths in steps:
        token_ids = torch.tensor(block)
        everywhere = None if lengths is None else lengths * num_networks
        logits = stack.decode_step(cache, token_ids.repeat(num_networks, 1), everywhere, num_logits=len(block[0]))
        own = [
            network.decode_step(cache_of, token_ids, lengths, num_logits=len(block[0]))
            for network, (cache_of, _) in zip(parts, alone, strict=True)
        ]
        live = logits if lengths is None else logits[:, -1:]
        expected = torch.cat(own) if lengths is None else torch.cat(own)[:, -1:]
        torch.testing.assert_close(live, expected, atol=1e-4, rtol=1e-4)


def test_stack_reads_different_prompts_in_each_network(networks):
    """Rows of one network may hold other texts than those of the next."""
    parts = [networks(seed) for seed in range(2)]
    _, logits = StackedLlama(parts).prefill([[1, 2, 3], [4], [5, 6], [7, 8, 9]])
    expected = torch.cat([parts[0].prefill([[1, 2, 3], [4]])[1], parts[1].prefill([[5, 6], [7, 8, 9]])[1]])
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


def test_only_networks_of_one_shape_stack(networks):
    """Other sizes, other parts, or one network alone: no stack."""
    assert can_stack([networks(1), networks(2)])
    assert not can_stack([networks(1)])
    assert not can_stack([networks(1), networks(2, num_layers=3)])
    assert not can_stack([networks(1), networks(2, extras=True)])
    assert not can_stack([networks(1), networks(2, width=60)])
