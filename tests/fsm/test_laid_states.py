"""Automata laid at once read what those do that are laid state by state."""

from __future__ import annotations

import json

import pytest

from fsm import Vocabulary, allocate_token_bitmask
from grammars import json_schema
from grammars.json_schema.formats import SMALL_FORMATS, format_dfa
from grammars.json_schema.sample import FORMAT_EXAMPLES

TOKENS = [b"</s>", *(bytes([byte]) for byte in range(256))]
TOKENS += [b"20", b"200", b"0-", b"-1", b"10", b'10"', b".10", b"0-0", b"P1", b'D"', b'"/', b"{a", b"~1/"]
VOCABULARY = Vocabulary(TOKENS, eos_token_ids=[0])


def num_states(dfa) -> int:
    """Count the states that can be reached."""
    seen, waiting = {dfa.start}, [dfa.start]
    while waiting:
        for _, _, target in dfa.edges(waiting.pop()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return len(seen)


@pytest.mark.parametrize("name", sorted(SMALL_FORMATS))
def test_formats_laid_at_once_are_small(name):
    """Laying them costs less than what a few of their states do."""
    assert num_states(format_dfa(name)) < 50


@pytest.mark.parametrize("name", sorted(SMALL_FORMATS))
def test_masks_and_moves_are_those_of_states_laid_one_by_one(name, monkeypatch):
    """Two values side by side, the second one closed by what is around it."""
    text = json.dumps([FORMAT_EXAMPLES[name]] * 2)
    schema = {"type": "array", "items": {"type": "string", "format": name}}
    seen = []
    for is_small in (True, False):
        monkeypatch.setattr(format_dfa(name), "is_small", is_small)
        compiled = json_schema(schema).compile(VOCABULARY)
        matcher, mask = compiled.matcher(), allocate_token_bitmask(1, VOCABULARY.size)
        found = []
        for byte in text.encode():
            matcher.fill_next_token_bitmask(mask)
            found.append((mask.tobytes(), matcher.shortest_completion(), matcher.forced_bytes()))
            matcher.advance(byte + 1)
        assert matcher.is_accepting
        seen.append(found)
        assert len(compiled.network.origins) > (30 if is_small and name in {"date", "uuid"} else 0)
    assert seen[0] == seen[1]
