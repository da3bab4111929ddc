"""Supply a network, another one to draft, and what the outputs must be, said by outside judges."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
import torch

import grammars
import guidance
from tests.guidance.conftest import make_network, make_tokenizer

PATTERN = r"a[0-9]{3}-|b[a-f]{2,6}|c-[0-9]{2}z|the( inner)*"
SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["then", "there", "true"]},
        "flags": {"type": "array", "items": {"type": ["boolean", "null"]}, "maxItems": 3},
    },
    "required": ["kind", "flags"],
    "additionalProperties": False,
}
UNION = {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^[a-z]{1,4}$"}, {"const": {"in": None}}]}


@dataclass(frozen=True)
class Case:
    """Hold an output and its judge."""

    output: Any
    accepts: Any


def conforms(schema):
    """Return a judge of texts: JSON of this schema, by the jsonschema package."""
    validator = jsonschema.Draft202012Validator(schema)
    return lambda text: validator.is_valid(json.loads(text))


CASES = {
    "regex": Case(grammars.regex(PATTERN), lambda text: re.fullmatch(PATTERN, text) is not None),
    "schema": Case(SCHEMA, conforms(SCHEMA)),
    "union": Case(UNION, conforms(UNION)),
    "choice": Case(grammars.choice(["then", "the", "there"]), {"then", "the", "there"}.__contains__),
}


@pytest.fixture(params=sorted(CASES))
def case(request):
    """Return each output in turn."""
    return CASES[request.param]


@pytest.fixture(scope="session")
def network():
    """Return the network of the session's model, for its generate."""
    return make_network().eval()


@pytest.fixture(scope="session")
def draft():
    """Return a smaller network of the same tokenizer, which often guesses wrong."""
    torch.manual_seed(9)
    return make_network(num_layers=1).eval()


@pytest.fixture(scope="session")
def guided(network):
    """Return the network with its tokenizer."""
    return guidance.Model(network, make_tokenizer(), name="tiny")
