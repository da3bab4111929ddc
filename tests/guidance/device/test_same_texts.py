"""Check that decoding on the device writes what the usual loop writes, and reads nothing back within a step."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import guidance
from grammars import choice, regex
from guidance.decoding import Decoder, Request
from guidance.device import DeviceLoop, DeviceStep, find_plan
from guidance.device.loop import PARKED
from guidance.errors import SamplingError
from guidance.logits import Pipeline
from guidance.sampling import GREEDY, row_word, uniform

PROMPTS = [
    "Who is described?\n\nMara Lindqvist is 36 and lives in Turin.",
    "Who is described?\n\nIn Oslo lives Tamo Beresk, aged 61.",
    "Who is described?\n\nAda Lovelace, 36, London",
]
RECORD = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "kind": {"enum": ["person", "place"]}, "known": {"type": "boolean"}},
    "required": ["name", "kind", "known"],
    "additionalProperties": False,
}
LAWS = {
    "greedy": {},
    "sampled": {"temperature": 1.3, "seed": 2},
    "several": {"seed": 5, "n": 3},
    "nucleus": {"temperature": 1.5, "top_p": 0.8, "seed": 4},
    "everything": {"temperature": 2.0, "top_k": 40, "top_p": 0.95, "min_p": 0.01, "seed": 1},
    "last": {"temperature": 3.0, "top_p": 0.7, "temperature_last": True, "seed": 3},
}
OUTPUTS = {
    "free": None,
    "record": RECORD,
    "regex": regex(r"[a-z]{3,9}( [a-z]+)?!"),
    "choice": choice(["Turin", "Turku", "Oslo"]),
}


@pytest.fixture(scope="module")
def model():
    """Return the embedded model."""
    return guidance.load("embedded")


def compare(model, prompts=PROMPTS, **options):
    """Check that both loops give the same results; return them."""
    expected = _flat(guidance.generate(model, prompts, on_device=False, base_log_probs=True, **options))
    found = _flat(guidance.generate(model, prompts, on_device=True, base_log_probs=True, **options))
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.token_ids, ours.text) == (theirs.token_ids, theirs.text)
        assert ours.stop_reason == theirs.stop_reason
        assert ours.log_probs == pytest.approx(theirs.log_probs, abs=1e-4)
        assert ours.base_log_probs == pytest.approx(theirs.base_log_probs, abs=1e-4, nan_ok=True)
        assert ours.metrics.num_forced_tokens == theirs.metrics.num_forced_tokens
    return found


def _flat(results):
    return [one for result in results for one in (result if isinstance(result, list) else [result])]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_texts_are_those_of_the_usual_loop(model, law, output):
    """Tokens, log-probabilities, reasons and forced tokens agree, whatever the law and the grammar."""
    compare(
        model, output=OUTPUTS[output], sampling=guidance.Sampling(**{"temperature": 0.0, **LAWS[law]}), max_tokens=50
    )


@pytest.mark.parametrize("output", OUTPUTS)
def test_static_caches_are_taken_over(output):
    """What was read into a static cache is gone on with as what was read into a growing one."""
    model = guidance.load("embedded", static_cache=300)
    compare(model, output=OUTPUTS[output], sampling=guidance.Sampling(**LAWS["everything"]), max_tokens=50)


@pytest.mark.parametrize("max_tokens", [33, 36, 48])
def test_budgets_that_bind_are_met(model, max_tokens, monkeypatch):
    """A draw that leaves no room for the end is drawn anew by the usual loop, and the text is whole."""
    handed_back = []
    hand_back = DeviceLoop._hand_back

    def spy(*arguments, begun, outcomes):
        handed_back.extend(outcome == PARKED for outcome in outcomes)
        hand_back(*arguments, begun=begun, outcomes=outcomes)

    monkeypatch.setattr(DeviceLoop, "_hand_back", spy)
    sampling = guidance.Sampling(temperature=4.0, seed=1, n=3)
    schema = {**RECORD, "properties": {**RECORD["properties"], "known": {"enum": ["yes"]}}}
    results = compare(model, output=schema, sampling=sampling, max_tokens=max_tokens + 12)
    assert all(result.is_valid for result in results)
    assert any(handed_back)


def test_stop_strings_end_a_text_where_they_begin(model):
    """What the device wrote beyond a stop string is not part of the result."""
    compare(model, stop=["Lov", '": "T', "61"], max_tokens=40)


def test_a_stream_tells_the_text_as_it_grows(model):
    """Events come for each chunk; the last one has the result of the usual loop."""
    *events, last = guidance.stream(model, PROMPTS[0], max_tokens=60, on_device=True)
    assert last.result.text == guidance.generate(model, PROMPTS[0], max_tokens=60, on_device=False).text
    assert "".join(event.delta for event in [*events, last]) == last.result.text
    assert len(events) > 1


def test_a_step_is_kept_for_the_next_call(model):
    """Calls of one shape share buffers, and a row's text does not depend on what they held before."""
    kept = model.device_steps
    sampling = guidance.Sampling(temperature=1.5, seed=8)
    first = guidance.generate(model, PROMPTS[:2], RECORD, sampling=sampling, on_device=True, max_tokens=60)
    size = kept.num_bytes
    guidance.generate(model, PROMPTS[1:], RECORD, sampling=sampling, on_device=True, max_tokens=50)
    again = guidance.generate(model, PROMPTS[:2], RECORD, sampling=sampling, on_device=True, max_tokens=60)
    assert [one.token_ids for one in again] == [one.token_ids for one in first]
    assert kept.num_bytes == size > 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"speculate": guidance.Speculation(draft="prompt-lookup")}, "drafts"),
        ({"sampling": guidance.Sampling(typical_p=0.5)}, "the law takes more"),
        ({"sampling": guidance.Sampling(penalties=guidance.Penalties(repetition=1.2))}, "the law takes more"),
        ({"watermark": guidance.Watermark(key=b"k")}, "the law takes more"),
        ({"output": {"type": "array", "items": {"$ref": "#"}}}, "states|without recursion|limit"),
        ({"output": guidance.template("{age:int}")}, "captures"),
        ({"search": guidance.Beams(num_beams=2)}, "search"),
    ],
)
def test_what_cannot_be_done_on_the_device_is_refused_with_the_reason(model, options, reason):
    """True means there or nowhere; by default the usual loop does it."""
    with pytest.raises(SamplingError, match=reason):
        guidance.generate(model, PROMPTS[0], on_device=True, max_tokens=40, **options)


def test_other_networks_are_refused(model):
    """Only the plain decoder has steps of fixed shape."""
    from tests.guidance.conftest import make_network, make_tokenizer

    other = guidance.Model(make_network(), make_tokenizer(), name="tiny")
    with pytest.raises(SamplingError, match="tiny is a HuggingFaceCausalLM"):
        guidance.generate(other, "x", on_device=True, max_tokens=4)


def test_nothing_need_be_forced(model):
    """Without forced tokens every token is drawn, as in the usual loop that measures what they save."""
    compiled = model.compile(RECORD).compiled
    request = Request(
        prompt_ids=tuple(model.encode(PROMPTS[0])), pipeline=Pipeline(GREEDY), max_tokens=60, compiled=compiled
    )
    rows = []
    for on_device in (False, True):
        decoder = Decoder(model, [request], forces=False, on_device=on_device)
        for _ in decoder.run():
            pass
        rows += decoder.rows
    assert rows[0].token_ids == rows[1].token_ids
    assert rows[0].num_forced == rows[1].num_forced == 0


class NoReading(TorchDispatchMode):
    """Refuse every operation whose result's shape or value the host would have to wait for."""

    waiting = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "equal", "item", "bincount", "is_nonzero")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert not any(func.__name__.startswith(name) for name in self.waiting), func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("law", LAWS)
def test_a_step_reads_nothing_back_and_moves_nothing(model, law):
    """No operation of a step waits for the device, and every buffer stays where a graph expects it."""
    pipeline = Pipeline(guidance.Sampling(**{"temperature": 0.0, **LAWS[law]}))
    requests = [
        Request(prompt_ids=(5, 6), pipeline=pipeline, max_tokens=50, compiled=model.compile(RECORD).compiled, row=row)
        for row in range(3)
    ]
    decoder = Decoder(model, requests, wants_base=True)
    plan = find_plan(model, requests, decoder._writer, is_drafted=False)
    loop = DeviceLoop(model, plan, decoder._writer)
    step = loop._make_step(loop._shape_of(decoder.rows))
    assert isinstance(step, DeviceStep)
    buffers = {name: value for name, value in vars(step).items() if isinstance(value, torch.Tensor)}
    before = {name: value.data_ptr() for name, value in buffers.items()}
    places = step.cache.keys.data_ptr(), step.cache.values.data_ptr()
    with NoReading():
        step.run(3)
    assert {name: getattr(step, name).data_ptr() for name in buffers} == before
    assert (step.cache.keys.data_ptr(), step.cache.values.data_ptr()) == places


def test_random_numbers_are_the_hosts_to_the_last_bit():
    """Any seed, row and step give the number of ``guidance.sampling.uniform``."""
    from guidance.device.uniforms import uniforms_at, words_of

    cases = [(seed, row, step) for seed in (0, 7, -3, 2**63, 2**64 - 1) for row in (0, 1, 99) for step in (0, 5, 10**6)]
    words = words_of([row_word(seed, row) for seed, row, _ in cases], torch.device("cpu"))
    found = uniforms_at(words, torch.tensor([step for _, _, step in cases]))
    assert found.tolist() == [uniform(*case) for case in cases]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_captured_steps_write_what_the_cpu_writes(law, output):
    """The graph replays what its twin computes."""
    options = {"sampling": guidance.Sampling(**{"temperature": 0.0, **LAWS[law]}), "max_tokens": 50}
    on_cpu, on_gpu = guidance.load("embedded"), guidance.load("embedded", device="cuda", dtype="float32")
    expected = _flat(guidance.generate(on_cpu, PROMPTS, OUTPUTS[output], on_device=True, **options))
    found = _flat(guidance.generate(on_gpu, PROMPTS, OUTPUTS[output], on_device=True, **options))
    assert [one.token_ids for one in found] == [one.token_ids for one in expected]
