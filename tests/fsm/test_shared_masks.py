"""Places that look alike share a mask, and those that differ in what a fill looked at do not."""

from __future__ import annotations

import json

import pytest

from fsm import allocate_token_bitmask, allowed_token_ids, masks
from grammars import json_schema
from tests.fsm.test_masks import VOCABULARIES
from tests.reference.masks import allowed_by_trying

NODE = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "na": {"$ref": "#/$defs/node"}, "name": {"type": "string"}},
    "required": ["n"],
}
SCHEMAS = {
    "open": {"$defs": {"node": NODE}, "$ref": "#/$defs/node"},
    "closed": {"$defs": {"node": {**NODE, "additionalProperties": False}}, "$ref": "#/$defs/node"},
    "listed": {"$defs": {"node": NODE}, "type": "array", "items": {"anyOf": [{"$ref": "#/$defs/node"}, {"const": 1}]}},
}
# The same places, below other members and after other keys: what may follow differs by both.
VALUES = [
    {"n": 1, "na": {"n": 12, "name": "a"}, "name": "b"},
    {"name": "a", "n": 1},
    {"na": {"name": "x", "na": {"n": 7}, "n": 1}, "n": 123},
    {"na": {"n": 1}, "name": "me", "n": 2},
]


@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=list(VOCABULARIES))
@pytest.mark.parametrize("kind", SCHEMAS)
def test_shared_masks_equal_trying_every_token(kind, vocabulary, monkeypatch):
    """Over several texts of one compiled schema, every mask is right, and some were shared."""
    hits = []
    kernel = masks.mask_entry

    def counted(*arguments):
        code = kernel(*arguments)
        hits.append(code >= 0)
        return code

    monkeypatch.setattr(masks, "mask_entry", counted)
    compiled = json_schema(SCHEMAS[kind], key_order="any").compile(vocabulary)
    known = {vocabulary.token_bytes[i]: i for i in vocabulary.text_token_ids}
    mask = allocate_token_bitmask(1, vocabulary.size)
    for value in VALUES:
        matcher = compiled.matcher()
        for byte in json.dumps([value, 1] if kind == "listed" else value).encode():
            matcher.fill_next_token_bitmask(mask)
            assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher), matcher.text()
            matcher.advance(known[bytes([byte])])
    assert any(hits)
    assert not all(hits)
