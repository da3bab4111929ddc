"""The loop on the device draws what the loop with matchers draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fsm import MaskError, Vocabulary, allocate_token_bitmask
from fsm.freezing.frozen import freeze
from grammars import choice, json_schema, regex
from guidance.decoding.frozen import FrozenGrammar
from guidance.logits.sampler import draw_tokens

PIECES = [b"</s>", b"", *(bytes([byte]) for byte in range(32, 127)), b"ab", b'{"', b'": ', b"true", b"12", b"yes"]
VOCABULARY = Vocabulary(PIECES, eos_token_ids=[0])
GRAMMARS = [
    regex("[ab]{2,5}x?"),
    choice(["yes", "no", "maybe"]),
    json_schema({"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": False}),
]
STEPS, WIDE = 12, 128


def laws(seed):
    """Return a fixed table of logits: the next law depends on the token before."""
    return torch.randn(WIDE, WIDE, generator=torch.Generator().manual_seed(seed))


def draw_by_matcher(compiled, table, scales, uniforms):
    """Decode one row with a matcher on the host; end tokens once it has ended."""
    matcher, logits, drawn = compiled.matcher(), table[0], []
    mask = allocate_token_bitmask(1, WIDE)
    for uniform in uniforms:
        matcher.fill_next_token_bitmask(mask)
        token = draw_tokens(logits[None], mask, scales=[scales], uniforms=[uniform]).token_ids[0]
        if not matcher.is_terminated:
            matcher.advance(token)
        drawn.append(token)
        logits = table[token]
    return drawn, matcher


@pytest.mark.parametrize("grammar", GRAMMARS, ids=str)
@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
def test_frozen_loop_draws_what_matchers_draw(grammar, scale):
    """Tokens are equal in every row, greedy and sampled, with padded logits."""
    compiled = grammar.compile(VOCABULARY)
    frozen = FrozenGrammar(freeze(compiled), logits_size=WIDE)
    table = laws(1)
    uniforms = torch.rand(STEPS, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    tokens, states = frozen.run(
        lambda drawn: table.index_select(0, drawn),
        table[:1].expand(5, WIDE),
        scales=torch.full((5,), scale),
        uniforms=uniforms,
    )
    for row in range(5):
        drawn, matcher = draw_by_matcher(compiled, table, scale, uniforms[:, row].tolist())
        assert tokens[row].tolist() == drawn
        assert bool(frozen.is_ended(states)[row]) == matcher.is_terminated


def test_masks_are_the_matchers_masks():
    """The mask of a state is the packed mask of the tables."""
    tables = freeze(GRAMMARS[0].compile(VOCABULARY))
    frozen = FrozenGrammar(tables)
    masks = frozen.mask(torch.arange(tables.num_states))
    bits = np.unpackbits(tables.masks.view(np.uint8), axis=1, bitorder="little")[:, : VOCABULARY.size]
    assert (masks.numpy() == bits.astype(bool)).all()


def test_narrow_logits_are_refused():
    """Logits have a column for every token."""
    with pytest.raises(MaskError, match="expected at least"):
        FrozenGrammar(freeze(GRAMMARS[0].compile(VOCABULARY)), logits_size=10)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_step_is_captured_in_a_cuda_graph():
    """A step reads nothing back: it replays in a CUDA graph, and draws what the CPU draws."""
    frozen = FrozenGrammar(freeze(GRAMMARS[0].compile(VOCABULARY)), "cuda", logits_size=WIDE)
    table = laws(1).cuda()
    logits, states = table[:4].clone(), frozen.start(4)
    scales, uniforms = torch.ones(4, device="cuda"), torch.full((4,), 0.3, dtype=torch.float64, device="cuda")

    def step():
        tokens = frozen.draw(states, logits, scales=scales, uniforms=uniforms)
        states.copy_(frozen.advance(states, tokens))
        logits.copy_(table.index_select(0, tokens))
        return tokens

    step()
    torch.cuda.synchronize()
    states.copy_(frozen.start(4))
    logits.copy_(table[:4])
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        drawn = step()
    states.copy_(frozen.start(4))
    logits.copy_(table[:4])
    on_cpu = FrozenGrammar(frozen.tables, logits_size=WIDE)
    expected_states, expected_logits = on_cpu.start(4), table[:4].cpu()
    for _ in range(6):
        graph.replay()
        expected = on_cpu.draw(expected_states, expected_logits, scales=scales.cpu(), uniforms=uniforms.cpu())
        expected_states = on_cpu.advance(expected_states, expected)
        expected_logits = table.cpu().index_select(0, expected)
        assert drawn.tolist() == expected.tolist()
