"""Check that requests of one running batch keep their own outputs, by judges from outside and our own loop."""

from __future__ import annotations

import logging
import time

import pytest
import torch
from transformers import ContinuousBatchingConfig, GenerationConfig

import grammars
import guidance
from guidance.errors import ModelError, OutputError, SamplingError
from tests.guidance.adapters.conftest import CASES
from tests.guidance.adapters.test_processor import PROMPTS

pytest.importorskip("transformers.generation.continuous_batching.cb_logits_processors")

from transformers.generation.continuous_batching import RequestState

from guidance.adapters.transformers.continuous_batching import GrammarBatching

END = 264


def make_manager(network, config=None, **settings):
    """Return a manager that has not been started."""
    settings = {"max_new_tokens": 60, "eos_token_id": END, "pad_token_id": END, "do_sample": False, **settings}
    config = config or ContinuousBatchingConfig(num_blocks=64, max_batch_tokens=128, per_request_processors=True)
    return network.init_continuous_batching(GenerationConfig(**settings), config)


def collect(manager, count, seconds=60):
    """Start the manager, wait for so many results, and stop it."""
    results, end = {}, time.monotonic() + seconds
    while len(results) < count and time.monotonic() < end:
        result = manager.get_result(timeout=1)
        if result is not None and result.is_finished():
            results[result.request_id] = result
    manager.stop()
    assert len(results) == count
    return results


def test_requests_of_one_batch_keep_their_own_outputs(network, guided):
    """Four outputs and free text side by side, greedy: every text is that of guidance.generate."""
    manager = make_manager(network)
    batching = GrammarBatching(manager, guided)
    outputs = {name: batching.output(case.output) for name, case in CASES.items()}
    asked = {}
    manager.start()
    for prompt in PROMPTS:
        ids = guided.encode(prompt)
        for name, output in outputs.items():
            asked[manager.add_request(ids, grammar=output)] = prompt, name
        asked[manager.add_request(ids)] = prompt, None
    results = collect(manager, len(asked))
    for request, (prompt, name) in asked.items():
        tokens = results[request].generated_tokens
        output = None if name is None else CASES[name].output
        expected = guidance.generate(guided, prompt, output, max_tokens=60)
        assert tuple(token for token in tokens if token != END) == expected.token_ids
        if name is not None:
            assert CASES[name].accepts(guided.decode(tokens))
            assert outputs[name].read(results[request]) == expected.value


def test_drawn_texts_are_accepted_at_each_request_s_own_temperature(network, guided, case):
    """Sampling, with truncation behind the mask, and several outputs of a prompt, which fork behind its prefill."""
    manager = make_manager(network, do_sample=True, temperature=0.7, top_k=5, num_return_sequences=3)
    output = GrammarBatching(manager, guided).output(case.output)
    torch.manual_seed(2)
    manager.start()
    for index, prompt in enumerate(PROMPTS):
        manager.add_request(guided.encode(prompt), grammar=output, temperature=0.5 + index)
    results = collect(manager, 3 * len(PROMPTS))
    for result in results.values():
        assert result.error is None
        assert case.accepts(guided.decode(result.generated_tokens))


def test_truncation_chooses_among_legal_tokens(network, guided):
    """The mask stands before top-k: the one token that top_k=1 leaves is the likeliest legal one."""
    manager = make_manager(network, do_sample=True, top_k=1, temperature=2.0)
    batching = GrammarBatching(manager, guided)
    asked = {}
    manager.start()
    for name, case in CASES.items():
        asked[manager.add_request(guided.encode("hello"), grammar=batching.output(case.output))] = name
    results = collect(manager, len(asked))
    for request, name in asked.items():
        tokens = tuple(token for token in results[request].generated_tokens if token != END)
        assert tokens == guidance.generate(guided, "hello", CASES[name].output, max_tokens=60).token_ids


def test_requests_that_lose_their_memory_go_on_where_they_were(network, guided, monkeypatch):
    """A cache too small for all makes some begin anew, their own tokens now part of the prompt."""
    begun_anew = []
    begin = RequestState.create_equivalent_initial_request
    monkeypatch.setattr(
        RequestState,
        "create_equivalent_initial_request",
        lambda state: begun_anew.append(len(state.generated_tokens)) or begin(state),
    )
    config = ContinuousBatchingConfig(num_blocks=6, page_size=16, max_batch_tokens=64, allow_block_sharing=False)
    manager = make_manager(network, config)
    output = grammars.regex("[a-z]{40}")
    asked = GrammarBatching(manager, guided).output(output)
    manager.start()
    requests = {manager.add_request(guided.encode(prompt), grammar=asked): prompt for prompt in PROMPTS}
    results = collect(manager, len(requests))
    assert max(begun_anew) > 0
    for request, prompt in requests.items():
        tokens = tuple(token for token in results[request].generated_tokens if token != END)
        assert tokens == guidance.generate(guided, prompt, output, max_tokens=60).token_ids


def test_a_grammar_of_the_wrong_kind_fails_its_request_alone(network, guided, caplog):
    """What is given as grammar must come from the batching; others of the batch go on."""
    manager = make_manager(network)
    output = GrammarBatching(manager, guided).output(bool)
    manager.start()
    with caplog.at_level(logging.CRITICAL):
        wrong = manager.add_request(guided.encode("a"), grammar=bool)
        right = manager.add_request(guided.encode("a"), grammar=output)
        results = collect(manager, 2)
    assert "expected BatchOutput" in results[wrong].error
    assert output.read(results[right]) in {True, False}
    results[right].generated_tokens = results[right].generated_tokens[:1]
    with pytest.raises(OutputError, match="cut short"):
        output.read(results[right])


def test_managers_it_was_not_written_for_are_refused(network, guided):
    """Started ones, other objects, and settings under which masks would come late."""
    manager = make_manager(network)
    manager.warmup()
    with pytest.raises(ModelError, match="started or warmed up"):
        GrammarBatching(manager, guided)
    with pytest.raises(ModelError, match="lacks logits_processor"):
        GrammarBatching(object(), guided)
    for name, value in {"use_async_batching": True, "use_cuda_graph": (True, False)}.items():
        manager = make_manager(network)
        setattr(manager.continuous_batching_config, name, value)
        with pytest.raises(SamplingError, match=rf"{name}=False"):
            GrammarBatching(manager, guided)
