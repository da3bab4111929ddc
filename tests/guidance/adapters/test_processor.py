"""Check the processor under every loop of transformers' generate, against judges from outside and our own loop."""

from __future__ import annotations

import re

import pytest
import torch
from transformers import GenerationConfig

import grammars
import guidance
from fsm.errors import MaskError, UnsupportedFeatureError
from guidance.adapters.transformers import GrammarLogitsProcessor
from guidance.errors import ModelError, OutputError, PromptError, SamplingError
from tests.guidance.adapters.conftest import CASES, PATTERN
from tests.reference.beam_search import every_text, score

END = 264
PROMPTS = ["hello the inn", "a", "the train then the tr", "x y z"]

LOOPS = {
    "greedy": {},
    "sample": {"do_sample": True},
    "samples": {"do_sample": True, "num_return_sequences": 4, "top_k": 5, "temperature": 1.5},
    "nucleus": {"do_sample": True, "top_p": 0.3, "num_return_sequences": 2},
    "beams": {"num_beams": 4},
    "beams, two returned": {"num_beams": 5, "num_return_sequences": 2, "early_stopping": True},
    "drawn beams": {"num_beams": 3, "do_sample": True},
    "static cache": {"cache_implementation": "static"},
    "chunked prefill": {"prefill_chunk_size": 2},
}


def encode(model, prompts):
    """Return prompts as one left-padded batch."""
    lines = [model.encode(prompt) for prompt in prompts]
    width = max(map(len, lines))
    ids = torch.tensor([[END] * (width - len(line)) + line for line in lines])
    mask = torch.tensor([[0] * (width - len(line)) + [1] * len(line) for line in lines])
    return {"input_ids": ids, "attention_mask": mask}


def run(network, processors, inputs, **settings):
    """Generate, and return the tokens behind the prompt's."""
    settings = {"max_new_tokens": 60, "pad_token_id": END, **settings}
    config = GenerationConfig(**settings, eos_token_id=END)
    torch.manual_seed(settings.get("seed", 1))
    with torch.no_grad():
        ids = network.generate(**inputs, generation_config=config, logits_processor=processors)
    return [line[inputs["input_ids"].shape[1] :].tolist() for line in ids]


def text_of(model, line):
    """Return the text of a finished line; it must have its end token."""
    assert END in line
    return model.decode(line[: line.index(END)])


@pytest.mark.parametrize("loop", sorted(LOOPS))
def test_every_text_is_accepted_in_every_loop(network, guided, case, loop):
    """Left-padded prompts of different lengths, rows that fork and reorder: what ends is an output."""
    processor = GrammarLogitsProcessor(guided, case.output)
    lines = run(network, [processor], encode(guided, PROMPTS), **LOOPS[loop])
    assert len(lines) == len(PROMPTS) * LOOPS[loop].get("num_return_sequences", 1)
    for line in lines:
        assert case.accepts(text_of(guided, line))


DRAFTS = {
    "assisted": lambda draft: {"assistant_model": draft},
    "assisted, drawn": lambda draft: {"assistant_model": draft, "do_sample": True},
    "prompt look-up": lambda draft: {"prompt_lookup_num_tokens": 5},
    "prompt look-up, drawn": lambda draft: {"prompt_lookup_num_tokens": 5, "do_sample": True},
    "early exit": lambda draft: {"assistant_early_exit": 1},
}


def run_drafted(network, processors, inputs, **settings):
    """Generate with drafts; the assistant is an argument of generate and no setting."""
    assistant = settings.pop("assistant_model", None)
    config = GenerationConfig(max_new_tokens=60, eos_token_id=END, pad_token_id=END, **settings)
    torch.manual_seed(1)
    options = {} if assistant is None else {"assistant_model": assistant}
    ids = network.generate(**inputs, generation_config=config, logits_processor=processors, **options)
    return ids[0, inputs["input_ids"].shape[1] :].tolist()


@pytest.mark.parametrize("loop", sorted(DRAFTS))
@pytest.mark.parametrize("prompt", PROMPTS[:3])
def test_drafted_texts_are_accepted_and_greedy_ones_unchanged(guided, draft, case, loop, prompt):
    """One processor serves draft and target, whose rows run ahead and fall back; drafts change no greedy text."""
    network = guided.language_model.network
    settings = DRAFTS[loop](draft)
    inputs = encode(guided, [prompt])
    processor = GrammarLogitsProcessor(guided, case.output)
    line = run_drafted(network, [processor], inputs, **settings)
    assert case.accepts(text_of(guided, line))
    if not settings.get("do_sample"):
        plain = run(network, [GrammarLogitsProcessor(guided, case.output)], inputs)
        assert [line] == plain


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_equals_our_own_loop(network, guided, case, prompt):
    """The mask, what is forced, and the end are those of guidance.generate."""
    (line,) = run(network, [GrammarLogitsProcessor(guided, case.output)], encode(guided, [prompt]))
    result = guidance.generate(guided, prompt, case.output, max_tokens=60)
    assert tuple(line[: line.index(END)]) == result.token_ids
    assert result.is_valid


@pytest.mark.parametrize("length_penalty", [1.0, 0.0])
@pytest.mark.parametrize("prompt", PROMPTS[:3])
def test_beams_find_the_best_of_all_texts(network, guided, prompt, length_penalty):
    """With as many beams as there are texts, beam search is exhaustive: its best are those of trying every text."""
    output = grammars.choice(["then", "the", "there", "train", "inn", "in"])
    texts = every_text(guided, guided.compile(output).compiled, 12)
    ids = guided.encode(prompt)
    ranked = sorted(texts, key=lambda line: -score(network, ids, line, length_penalty))
    lines = run(
        network,
        [GrammarLogitsProcessor(guided, output)],
        encode(guided, [prompt]),
        num_beams=len(texts),
        num_return_sequences=4,
        early_stopping="never",
        length_penalty=length_penalty,
    )
    assert [line[: line.index(END) + 1] for line in lines] == ranked[:4]


def test_groups_of_beams_see_their_own_rows_only(guided):
    """Searches in groups ask for each group's rows apart: a subset of the rows, all prompts in their order."""
    outputs = [grammars.choice(["true"]), grammars.choice(["in"])]
    processor = GrammarLogitsProcessor(guided, outputs=outputs)
    rows = torch.tensor([[7, 8], [7, 8], [9, 10], [9, 10]])
    whole = processor(rows, torch.zeros(4, 280))
    assert torch.equal(processor(rows[[0, 2]], torch.zeros(2, 280)), whole[[0, 2]])
    assert whole[0].isfinite().nonzero().tolist() != whole[2].isfinite().nonzero().tolist()


@pytest.mark.parametrize("loop", ["greedy", "samples", "beams, two returned"])
def test_each_prompt_has_its_own_output(network, guided, loop):
    """A list of outputs, one of them free text; rows of a prompt stand together, however many there are."""
    chosen = [CASES["regex"], CASES["schema"], None, CASES["choice"]]
    outputs = [None if case is None else case.output for case in chosen]
    processor = GrammarLogitsProcessor(guided, outputs=outputs)
    inputs = encode(guided, PROMPTS)
    lines = run(network, [processor], inputs, **LOOPS[loop])
    per_prompt = len(lines) // len(PROMPTS)
    for row, line in enumerate(lines):
        case = chosen[row // per_prompt]
        if case is not None:
            assert case.accepts(text_of(guided, line))
    if loop == "greedy":
        assert tuple(lines[2]) == guidance.generate(guided, PROMPTS[2], max_tokens=60).token_ids


@pytest.mark.parametrize("pad", [0, END])
def test_rows_that_ended_take_any_padding(network, guided, pad):
    """Short rows wait for long ones, behind their end token, whatever token pads them; a late stop asks once more."""
    outputs = [grammars.choice(["in"]), grammars.regex("[a-z]{30}")]
    processor = GrammarLogitsProcessor(guided, outputs=outputs)
    inputs = encode(guided, PROMPTS[:2])
    short, long = run(network, [processor], inputs, pad_token_id=pad)
    assert text_of(guided, short) == "in"
    assert re.fullmatch("[a-z]{30}", text_of(guided, long))
    rows = torch.cat([inputs["input_ids"], torch.tensor([short, long])], dim=1)
    for _ in range(2):
        late = processor(rows, torch.randn(2, 280))
        assert torch.isfinite(late).sum(dim=1).tolist() == [1, 1]
        assert late.argmax(dim=1).tolist() == [END, END]
        rows = torch.cat([rows, torch.tensor([[pad], [pad]])], dim=1)


def test_a_stop_that_is_noticed_late_changes_nothing(network, guided, monkeypatch):
    """The loop that stops a step late, undoing the last one, gives the same texts."""
    utils = pytest.importorskip("transformers.generation.utils")
    late = getattr(utils, "DeferredStopCheck", None)
    if late is None:
        pytest.skip("this transformers stops at once")
    inputs = encode(guided, PROMPTS)
    expected = run(network, [GrammarLogitsProcessor(guided, CASES["schema"].output)], inputs)
    calls = []
    monkeypatch.setattr(late, "is_supported", staticmethod(lambda *a, **k: True))
    monkeypatch.setattr(late, "__init__", _one_step_late)
    monkeypatch.setattr(late, "__call__", lambda self, unfinished, tokens, length: self.ask(unfinished, calls))
    monkeypatch.setattr(late, "finish", lambda self: self.num_late)
    assert run(network, [GrammarLogitsProcessor(guided, CASES["schema"].output)], inputs) == expected
    assert calls


def _one_step_late(self, *arguments, **options):
    self.num_late, self.is_over = 0, False

    def ask(unfinished, calls):
        calls.append(1)
        was_over, self.is_over = self.is_over, bool(unfinished.max() == 0)
        self.num_late = int(was_over)
        return was_over

    self.ask = ask


def test_values_are_typed(network, guided):
    """What generate returned is read as the outputs' types; what was cut short says so."""
    processor = GrammarLogitsProcessor(guided, outputs=[dict[str, int], bool, grammars.regex(PATTERN), str])
    inputs = encode(guided, PROMPTS)
    settings = {"max_new_tokens": 60, "eos_token_id": END, "pad_token_id": END, "do_sample": False}
    sequences = network.generate(**inputs, **settings, logits_processor=[processor])
    values = processor.values(sequences)
    assert [type(value) for value in values] == [dict, bool, str, str]
    assert re.fullmatch(PATTERN, values[2])
    with pytest.raises(OutputError, match="cut short"):
        processor.values(sequences[:, : inputs["input_ids"].shape[1] + 1])


def test_rows_of_another_call_are_refused(network, guided):
    """A processor whose prompts are another call's would read them as output: refused by name, with the cure."""
    processor = GrammarLogitsProcessor(guided, bool)
    first = encode(guided, ["hello"])
    (line,) = run(network, [processor], first)
    assert run(network, [processor], first) == [line]
    with pytest.raises(PromptError, match=r"do not begin with the .* make a processor for each call"):
        run(network, [processor], encode(guided, ["other"]))
    chat = {"input_ids": torch.cat([first["input_ids"], torch.tensor([[*line, 70, 71, 72]])], dim=1)}
    with pytest.raises(PromptError, match="prompts of another call"):
        run(network, [processor], chat)
    told = GrammarLogitsProcessor(guided, bool, prompt_length=5)
    assert [len(run(network, [told], encode(guided, [prompt]))) for prompt in ("hello", "xyzzy")] == [1, 1]
    with pytest.raises(PromptError, match="prompt_length=5"):
        told(torch.tensor([[1, 2]]), torch.zeros(1, 280))


def test_what_others_forbid_comes_back_where_nothing_is_left(network, guided):
    """The grammar holds beside min_new_tokens and banned n-grams, and a text that is complete ends."""
    output = grammars.regex("(ab){4}")
    for settings in ({"min_new_tokens": 30}, {"no_repeat_ngram_size": 2}, {"no_repeat_ngram_size": 2, "num_beams": 2}):
        (line,) = run(network, [GrammarLogitsProcessor(guided, output)], encode(guided, ["x"]), **settings)
        assert text_of(guided, line) == "abababab"


def test_scores_are_not_changed_in_place(guided):
    """Prompt look-up asks again and again with one tensor of scores."""
    processor = GrammarLogitsProcessor(guided, bool)
    scores = torch.ones(1, 280)
    processor(torch.tensor([[5, 6]]), scores)
    assert torch.equal(scores, torch.ones(1, 280))


def test_arguments_that_cannot_work_are_refused(guided):
    """Both kinds of outputs, none, too narrow scores, parts with limits of their own, and no end token."""
    with pytest.raises(SamplingError, match="expected one of the two"):
        GrammarLogitsProcessor(guided, bool, outputs=[int])
    with pytest.raises(SamplingError, match="got 0 outputs"):
        GrammarLogitsProcessor(guided, outputs=[])
    with pytest.raises(MaskError, match="265 tokens"):
        GrammarLogitsProcessor(guided, bool)(torch.tensor([[5]]), torch.zeros(1, 200))
    limited = grammars.capture("name", grammars.regex("[a-z]+"), max_tokens=3)
    with pytest.raises(UnsupportedFeatureError, match="max_tokens of its own"):
        GrammarLogitsProcessor(guided, limited)
    with pytest.raises(PromptError, match="3 rows for 2 outputs"):
        GrammarLogitsProcessor(guided, outputs=[bool, int])(torch.tensor([[5]] * 3), torch.zeros(3, 280))
    endless = guidance.Model(guided.language_model, [bytes([i]) for i in range(256)])
    with pytest.raises(ModelError, match="end token"):
        GrammarLogitsProcessor(endless, bool)
