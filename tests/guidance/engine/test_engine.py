"""Check the running batch: texts of their own, joining, leaving, waiting, and ends of every kind."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

import pytest
import torch

import guidance
from guidance.engine import Engine
from guidance.errors import BudgetError, EngineError, PromptError
from tests.guidance.decoding.test_companions import Expert

TEXTS = ("the true answer", "the answer is here", "never", "then")
PROMPTS = ["hello", "a much longer prompt than the others, which is read in several chunks", "x", "the train"]


@pytest.fixture
def expert():
    """Return another random network over the same tokens."""
    from guidance.transformer import HuggingFaceCausalLM
    from tests.guidance.conftest import make_network

    torch.manual_seed(2)
    return HuggingFaceCausalLM(make_network(num_layers=1))


@pytest.fixture
def unhurried(model, monkeypatch):
    """Return the tiny model, each step of which takes long enough to do something meanwhile."""
    decode_step = model.language_model.decode_step

    def decode_slowly(*lines, **options):
        time.sleep(0.01)
        return decode_step(*lines, **options)

    monkeypatch.setattr(model.language_model, "decode_step", decode_slowly)
    return model


def requests(model, expert, grammar):
    """Return requests that differ in everything."""
    return [
        (PROMPTS[0], None, {"max_tokens": 12}),
        (PROMPTS[1], grammar, {"sampling": guidance.Sampling(seed=3), "max_tokens": 30}),
        (PROMPTS[2], None, {"sampling": guidance.Sampling(seed=4, temperature=0.8, top_p=0.9), "max_tokens": 20}),
        (PROMPTS[3], None, {"steer": [Expert(expert, 0.7, model.vocabulary.size)], "max_tokens": 9}),
        (PROMPTS[0], None, {"sampling": guidance.Sampling(seed=5), "max_tokens": 25, "stop": "e"}),
        (PROMPTS[2], grammar, {"max_tokens": 30}),
        (PROMPTS[1], None, {"watermark": guidance.Watermark(key=b"k"), "max_tokens": 7}),
    ]


@pytest.mark.parametrize("max_rows", [1, 3, 16])
@pytest.mark.parametrize(
    "speculate", [None, *(guidance.Speculation(draft="prompt-lookup", num_tokens=2, tree=t) for t in (None, (2, 2)))]
)
def test_texts_do_not_depend_on_batch_mates(model, expert, finite_grammar, max_rows, speculate):
    """Every request gets what generate gives it alone, whoever runs beside it."""
    wanted = requests(model, expert, finite_grammar(TEXTS))
    alone = [guidance.generate(model, prompt, output, **options) for prompt, output, options in wanted]
    with Engine(model, max_rows=max_rows, chunk_size=10, speculate=speculate) as engine:
        tickets = [engine.submit_nowait(prompt, output, **options) for prompt, output, options in wanted * 2]
        results = [ticket.result(timeout=60) for ticket in tickets]
    for result, expected in zip(results, alone * 2, strict=True):
        assert result.token_ids == expected.token_ids
        assert result.stop_reason == expected.stop_reason
        assert result.log_probs == pytest.approx(expected.log_probs, abs=1e-3)
        assert result.value == expected.value


def test_requests_join_a_batch_that_runs(unhurried):
    """A request that comes while another runs decodes beside it, and may finish first."""
    with Engine(unhurried, max_rows=4) as engine:
        long = engine.submit_nowait("hello", max_tokens=200)
        next(iter(long))
        short = engine.submit_nowait("x", max_tokens=3)
        assert len(short.result(timeout=60).token_ids) == 3
        assert not long.is_done
        engine.cancel(long)
        assert long.result(timeout=60).stop_reason == "cancelled"
        assert 0 < len(long.result().token_ids) < 200


def test_a_long_prompt_does_not_stop_the_running_rows(unhurried, monkeypatch):
    """Between two chunks of a prompt the rows that run get a token each."""
    network = unhurried.language_model
    inner, sizes = network.decode_step, []

    def recorded(cache, token_ids, *args, **kwargs):
        sizes.append(tuple(token_ids.shape))
        return inner(cache, token_ids, *args, **kwargs)

    monkeypatch.setattr(network, "decode_step", recorded)
    with Engine(unhurried, max_rows=4, chunk_size=16) as engine:
        running = engine.submit_nowait("hello", max_tokens=100)
        next(iter(running))
        late = engine.submit_nowait("y" * 100, max_tokens=2)
        late.result(timeout=60)
        running.cancel()
    chunks = [i for i, size in enumerate(sizes) if size == (1, 16)]
    assert len(chunks) >= 6
    assert all(later > sooner + 1 for sooner, later in itertools.pairwise(chunks))


def test_events_are_read_without_blocking(model, finite_grammar):
    """Several readers in one event loop; deltas join to the text."""

    async def read(engine, prompt):
        ticket = await engine.submit(prompt, finite_grammar(TEXTS), max_tokens=30)
        events = [event async for event in ticket]
        assert "".join(event.delta for event in events) == events[-1].text == (await ticket).text
        return events[-1].result.text

    async def main():
        async with Engine(model, max_rows=2) as engine:
            return await asyncio.gather(*(read(engine, prompt) for prompt in PROMPTS))

    texts = asyncio.run(main())
    assert texts == [guidance.generate(model, p, finite_grammar(TEXTS), max_tokens=30).text for p in PROMPTS]


def test_a_full_engine_pushes_back(unhurried):
    """The room to wait is bounded: nowait raises, submit waits for a place."""

    async def main():
        async with Engine(unhurried, max_rows=1, max_waiting=2) as engine:
            first = engine.submit_nowait("hello", max_tokens=150)
            async for _ in first:
                break
            waiting = [engine.submit_nowait("x", max_tokens=2) for _ in range(2)]
            with pytest.raises(EngineError, match="got a request while 2 wait, expected fewer than 2; await"):
                engine.submit_nowait("x", max_tokens=2)
            late = asyncio.create_task(engine.submit("y", max_tokens=2))
            await asyncio.sleep(0.02)
            assert not late.done()
            engine.cancel(first)
            ticket = await asyncio.wait_for(late, 30)
            await asyncio.gather(ticket, *waiting)
            return engine.num_waiting, engine.num_running

    assert asyncio.run(main()) == (0, 0)


def test_bad_requests_are_refused_when_submitted(model, finite_grammar):
    """What cannot work raises at once and leaves the engine running."""
    with Engine(model) as engine:
        with pytest.raises(BudgetError):
            engine.submit_nowait("x", finite_grammar(("never",)), max_tokens=2)
        with pytest.raises(PromptError, match="expected one prompt and n=1"):
            engine.submit_nowait("x", sampling=guidance.Sampling(n=2))
        with pytest.raises(PromptError, match="got speculate, expected None"):
            engine.submit_nowait("x", speculate=guidance.Speculation(draft="prompt-lookup"))
        with pytest.raises(PromptError, match="give base_log_probs=True to the engine"):
            engine.submit_nowait("x", base_log_probs=True)
        assert len(engine.submit_nowait("x", max_tokens=2).result(timeout=60).token_ids) == 2
    with pytest.raises(EngineError, match="got a closed engine"):
        engine.submit_nowait("x")
    with pytest.raises(EngineError, match="max_rows=0"):
        Engine(model, max_rows=0)


def test_cancelled_while_waiting(unhurried):
    """A request that never got a row ends without a token."""
    with Engine(unhurried, max_rows=1) as engine:
        first = engine.submit_nowait("hello", max_tokens=200)
        second = engine.submit_nowait("x", max_tokens=2)
        engine.cancel(second)
        assert second.result(timeout=60).token_ids == ()
        engine.cancel(first)


def test_errors_reach_every_caller_and_the_engine_goes_on(model, monkeypatch):
    """A bug in a step ends the requests that ran, not the engine."""
    with Engine(model, max_rows=4) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(model.language_model, "decode_step", broken)
            ticket = engine.submit_nowait("hello", max_tokens=10)
            with pytest.raises(ZeroDivisionError):
                ticket.result(timeout=60)
        assert len(engine.submit_nowait("x", max_tokens=2).result(timeout=60).token_ids) == 2


def broken(*args, **kwargs):
    """Be a bug."""
    raise ZeroDivisionError


def test_engine_goes_on_with_fewer_rows_when_memory_ends(model, monkeypatch):
    """Requests start again, and their texts are what they would have been."""
    alone = [guidance.generate(model, prompt, max_tokens=8).token_ids for prompt in PROMPTS]
    network = model.language_model
    inner = network.decode_step

    def limited(cache, token_ids, *args, **kwargs):
        if token_ids.shape[0] > 2:
            raise MemoryError
        return inner(cache, token_ids, *args, **kwargs)

    monkeypatch.setattr(network, "decode_step", limited)
    gate = threading.Event()
    monkeypatch.setattr("warnings.warn", lambda *args, **kwargs: gate.set())
    with Engine(model, max_rows=4) as engine:
        tickets = [engine.submit_nowait(prompt, max_tokens=8) for prompt in PROMPTS]
        assert [ticket.result(timeout=60).token_ids for ticket in tickets] == alone
    assert gate.is_set()


def test_closing_ends_what_runs(model):
    """Readers of a closed engine get an error, not silence."""
    engine = Engine(model)
    ticket = engine.submit_nowait("hello", max_tokens=200)
    engine.close()
    with pytest.raises(EngineError, match="got a closed engine"):
        ticket.result(timeout=60)
