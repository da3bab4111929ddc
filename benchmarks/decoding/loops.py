"""Make the loops that are measured: each decodes all prompts once and returns how many tokens came out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import torch
from pydantic import BaseModel

from benchmarks.decoding.models import Measured
from guidance.adapters.transformers import GrammarLogitsProcessor
from guidance.decoding import Decoder, Request, StopReason
from guidance.logits import Pipeline
from guidance.sampling import GREEDY, Sampling
from guidance.speculation import Speculation

__all__ = ["MAX_TOKENS", "Loop", "Person", "generate_loop", "own_loop", "processors_of", "prompts_of"]

MAX_TOKENS = 96

Loop = Callable[[], int]
"""Decode all prompts once; return how many tokens came out, drawn end tokens included."""


class Person(BaseModel):
    """Who a sentence describes."""

    name: str
    age: int
    city: str


def prompts_of(batch_size: int) -> list[str]:
    """Return the demo's sentences as prompts, from the start again when there are not enough."""
    sentences = (files("guidance.embedded") / "demo_sentences.txt").read_text(encoding="utf-8").splitlines()
    return [f"Who is described?\n\n{sentences[i % len(sentences)]}" for i in range(1, batch_size + 1)]


def own_loop(
    measured: Measured,
    prompts: Sequence[str],
    output: Any,
    *,
    sampling: Sampling = GREEDY,
    forces: bool = True,
    speculate: Speculation | None = None,
    decoders: list[Decoder] | None = None,
) -> Loop:
    """Return our loop; `decoders` gets every decoder that ran."""
    model = measured.model
    pipeline = Pipeline(sampling)
    compiled = model.compile(output).compiled
    requests = [
        Request(prompt_ids=tuple(model.encode(p)), pipeline=pipeline, max_tokens=MAX_TOKENS, compiled=compiled, row=i)
        for i, p in enumerate(prompts)
    ]

    def decode() -> int:
        decoder = Decoder(model, requests, forces=forces, speculate=speculate)
        for _ in decoder.run():
            pass
        if decoders is not None:
            decoders.append(decoder)
        return sum(len(row.token_ids) + (row.stop_reason is StopReason.EOS) for row in decoder.rows)

    return decode


def generate_loop(
    measured: Measured,
    prompts: Sequence[str],
    *,
    sampling: Sampling = GREEDY,
    make_processor: Callable[[int], Any] | None = None,
) -> Loop:
    """Return transformers' own loop, with a processor of constraints where one is given."""
    network = measured.network
    batch = measured.tokenizer(list(prompts), return_tensors="pt", padding=True)
    end = network.config.eos_token_id
    laws = {} if sampling.is_greedy else {"temperature": sampling.temperature, "top_k": 0}

    def decode() -> int:
        processors = [] if make_processor is None else [make_processor(len(prompts))]
        with torch.inference_mode():
            ids = network.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=MAX_TOKENS,
                do_sample=not sampling.is_greedy,
                pad_token_id=end,
                logits_processor=processors,
                **laws,
            )
        new = ids[:, batch["input_ids"].shape[1] :]
        ended = new[:, -1] == end
        return int((new != end).sum() + ended.sum())

    return decode


def processors_of(measured: Measured, schema: dict[str, Any]) -> dict[str, Callable[[int], Any]]:
    """Return our processor for `generate` and each installed peer's, made anew for every call as they ask for."""
    tokens = list(measured.model.vocabulary.token_bytes)
    end = measured.network.config.eos_token_id
    makers: dict[str, Callable[[int], Any]] = {"ours": lambda _: GrammarLogitsProcessor(measured.model, schema)}
    for name, make in (("xgrammar", _xgrammar), ("llguidance", _llguidance)):
        try:
            makers[name] = make(tokens, end, schema)
        except ImportError as error:
            print(f"{name}: not installed ({error})")
    return makers


def _xgrammar(tokens: list[bytes], end: int, schema: dict[str, Any]) -> Callable[[int], Any]:
    import xgrammar
    from xgrammar.contrib.hf import LogitsProcessor

    compiler = xgrammar.GrammarCompiler(xgrammar.TokenizerInfo(tokens, stop_token_ids=[end]), max_threads=1)
    compiled = compiler.compile_json_schema(
        json.dumps(schema), any_whitespace=False, separators=(", ", ": "), strict_mode=True
    )
    return lambda _: LogitsProcessor(compiled)


def _llguidance(tokens: list[bytes], end: int, schema: dict[str, Any]) -> Callable[[int], Any]:
    import llguidance
    from llguidance.torch import allocate_token_bitmask, apply_token_bitmask_inplace, fill_next_token_bitmask

    wrapper = llguidance.TokenizerWrapper(_RawTokenizer(tokens, end))
    tokenizer = llguidance.LLTokenizer(wrapper)
    options = {"x-guidance": {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False}}
    grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema | options))

    def make(batch_size: int) -> Any:
        matchers = [llguidance.LLMatcher(tokenizer, grammar, log_level=0) for _ in range(batch_size)]
        mask = allocate_token_bitmask(batch_size, tokenizer.vocab_size)
        lengths: list[int] = []

        def process(input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            for index, matcher in enumerate(matchers):
                if lengths and not matcher.is_stopped():
                    matcher.consume_token(int(input_ids[index, -1]))
                if not matcher.is_stopped():
                    fill_next_token_bitmask(matcher, mask, index)
            lengths.append(input_ids.shape[1])
            apply_token_bitmask_inplace(scores, mask)
            return scores

        return process

    return make


class _RawTokenizer:
    """Be the tokenizer that llguidance's wrapper asks for: tokens as bytes, and bytes to tokens one by one."""

    def __init__(self, tokens: list[bytes], end: int) -> None:
        self.tokens = tokens
        self.eos_token_id = end
        self.bos_token_id = None
        self.special_token_ids = [index for index, token in enumerate(tokens) if not token]
        self._singles = {token: index for index, token in enumerate(tokens) if len(token) == 1}

    def __call__(self, text: bytes | str) -> list[int]:
        data = text.encode() if isinstance(text, str) else text
        return [self._singles[bytes([byte])] for byte in data if bytes([byte]) in self._singles]
