"""Tell whether requests can be decoded on the device alone, and make what that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from fsm.compiled import Compiled
from fsm.errors import LimitError, UnsupportedFeatureError
from fsm.freezing.frozen_compiled import FrozenCompiled
from guidance.decoding.request import Request
from guidance.decoding.writing import Writer
from guidance.device.grammar import DeviceGrammar, ask_matchers
from guidance.logits.sampler import Limits
from guidance.model import Model
from guidance.transformer import LlamaCausalLM

__all__ = ["DevicePlan", "find_plan"]

_MOST_STATES = 512
"""Grammars of more states are not frozen: asking about each would take longer than it gains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePlan:
    """Hold what all rows of a batch share on the device.

    Parameters
    ----------
    network : the plain decoder.
    grammar : of every row.
    limits : truncations of the law.
    scale : 1 / temperature; 0 takes the most likely token.
    """

    network: LlamaCausalLM
    grammar: DeviceGrammar
    limits: Limits
    scale: float


def find_plan(model: Model, requests: Sequence[Request], writer: Writer, *, is_drafted: bool) -> DevicePlan | str:
    """Return how to decode on the device, or a sentence that says why the usual loop must.

    Parameters
    ----------
    model : whose network reads.
    requests : all rows.
    writer : knows what grammars force.
    is_drafted : whether something runs ahead of the model.
    """
    network, first = model.language_model, requests[0]
    limits = first.pipeline.drawn_limits
    obstacles = (
        (
            model.device.type == "cuda" and find_spec("triton") is None,
            "Triton, which its kernels need, is not installed",
        ),
        (is_drafted, "drafts are checked by the host"),
        (limits is None, "the law takes more than a grammar, temperature, top-k, top-p and min-p"),
        (
            any(other.pipeline is not first.pipeline or other.compiled is not first.compiled for other in requests),
            "the rows have different laws or grammars",
        ),
        (any(request.head for request in requests), "the prompt's end is healed"),
    )
    reason = next((reason for stands, reason in obstacles if stands), None)
    if type(network) is not LlamaCausalLM:
        return f"{model.name} is a {type(network).__name__}, and only the plain decoder has steps of fixed shape"
    if reason is not None or limits is None:
        return str(reason)
    grammar = _find_grammar(model, network, first, writer)
    if isinstance(grammar, str):
        return grammar
    return DevicePlan(network=network, grammar=grammar, limits=limits, scale=first.pipeline.scale)


def _find_grammar(model: Model, network: LlamaCausalLM, request: Request, writer: Writer) -> DeviceGrammar | str:
    compiled, kept = request.compiled, model.device_steps
    if compiled is None:
        return kept.grammar(None, lambda: DeviceGrammar.of_free_text(network.device))
    if not isinstance(compiled, Compiled):
        return f"a {type(compiled).__name__} has no tables to freeze"

    def make() -> DeviceGrammar | str:
        try:
            tables = (
                compiled.tables if isinstance(compiled, FrozenCompiled) else compiled.freeze(max_states=_MOST_STATES)
            )
        except (LimitError, UnsupportedFeatureError) as error:
            return str(error)
        return DeviceGrammar(tables, ask_matchers(compiled, tables, writer.tokens_forced), network.device)

    return kept.grammar((compiled, writer.forces), make)
