"""Check beam search against the list of all texts, with and without grammars."""

from __future__ import annotations

import pytest

import guidance
from grammars import regex
from guidance.decoding import Decoder, Request, StopReason
from guidance.errors import SamplingError
from guidance.logits import Pipeline
from guidance.search import Beams, DiverseBeams
from tests.reference.tiny_world import END, SIZE, VOCABULARY, Table, list_texts, make_model

PROMPT = (0, 3)
GRAMMARS = {"free": None, "masked": regex("((a|b)[bc]?|cd|e)f?|g")}


def compile_grammar(name):
    """Return a compiled grammar, or None."""
    return None if GRAMMARS[name] is None else GRAMMARS[name].compile(VOCABULARY)


def search(table, options, *, pipeline=None, compiled=None, prompts=(PROMPT,), max_tokens=3):
    """Return the finished beams, one list per prompt."""
    pipeline = pipeline or Pipeline(guidance.Sampling(temperature=0.0))
    n = pipeline.sampling.n
    requests = [
        Request(prompt_ids=prompt, pipeline=pipeline, max_tokens=max_tokens, compiled=compiled, row=row)
        for prompt in prompts
        for row in range(n)
    ]
    decoder = options.decoder(make_model(table), requests, wants_base=False)
    for _ in decoder.run():
        pass
    return [decoder.rows[i : i + n] for i in range(0, len(requests), n)]


def text_of(beam):
    """Return a beam's tokens, with the end token it drew."""
    return (*beam.token_ids, END) if beam.stop_reason is StopReason.EOS else tuple(beam.token_ids)


def best_texts(texts, length_penalty):
    """Return all texts, the best first."""
    return sorted(texts, key=lambda text: -texts[text] / max(len(text), 1) ** length_penalty)


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0, -0.5])
@pytest.mark.parametrize("seed", [1, 2])
def test_beams_as_many_as_texts_find_the_exact_best(grammar, length_penalty, seed):
    """With 512 beams for at most 512 texts, the ranking is that of enumeration."""
    table, compiled = Table(seed), compile_grammar(grammar)
    pipeline = Pipeline(guidance.Sampling(temperature=0.0, n=3))
    texts = list_texts(table, pipeline, PROMPT, max_tokens=3, compiled=compiled)
    assert sum(2.718281828459045**value for value in texts.values()) == pytest.approx(1, abs=1e-5)
    options = Beams(num_beams=SIZE**3, length_penalty=length_penalty)
    (found,) = search(table, options, pipeline=pipeline, compiled=compiled)
    expected = best_texts(texts, length_penalty)[:3]
    assert [text_of(beam) for beam in found] == expected
    for beam, text in zip(found, expected, strict=True):
        assert beam.total == pytest.approx(texts[text], abs=1e-5)
        assert beam.score == pytest.approx(texts[text] / len(text) ** length_penalty, abs=1e-5)


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("num_beams", [1, 2, 5])
def test_beams_equal_the_textbook(grammar, num_beams):
    """Few beams keep what a loop over whole lists keeps."""
    table, compiled = Table(7), compile_grammar(grammar)
    pipeline = Pipeline(guidance.Sampling(temperature=0.0))
    (found,) = search(table, Beams(num_beams=num_beams), compiled=compiled)
    texts = list_texts(table, pipeline, PROMPT, max_tokens=3, compiled=compiled)
    assert text_of(found[0]) == textbook_beams(texts, num_beams)


def textbook_beams(texts, num_beams):
    """Return the best finished text when only the best unfinished prefixes of each length go on."""

    def mass(prefix):
        return sum(2.718281828459045**value for text, value in texts.items() if text[: len(prefix)] == prefix)

    running, finished = [()], []
    while running:
        children = {text[: len(prefix) + 1] for prefix in running for text in texts if text[: len(prefix)] == prefix}
        running = []
        for child in sorted(children, key=lambda child: -mass(child)):
            if child in texts:
                finished.append(child)
            else:
                running.append(child)
            if len(running) == num_beams:
                break
    return max(finished, key=lambda text: texts[text] / len(text))


def test_one_beam_is_greedy_decoding():
    """With one beam and no choice of ends, the text is the decoder's own."""
    compiled = compile_grammar("masked")
    pipeline = Pipeline(guidance.Sampling(temperature=0.0))
    for seed in range(5):
        request = Request(
            prompt_ids=PROMPT, pipeline=pipeline, max_tokens=5, compiled=regex("[a-g]{5}").compile(VOCABULARY)
        )
        decoder = Decoder(make_model(Table(seed)), [request])
        for _ in decoder.run():
            pass
        (found,) = search(Table(seed), Beams(num_beams=1), compiled=request.compiled, max_tokens=5)
        assert found[0].token_ids == decoder.rows[0].token_ids
    assert compiled is not None


def test_beams_carry_states_and_prompts_apart():
    """Penalties follow their own beam, and several prompts of different lengths give what each gives alone."""
    penalties = guidance.Penalties(repetition=1.7, frequency=0.4, no_repeat_ngram=2)
    pipeline = Pipeline(guidance.Sampling(temperature=0.0, penalties=penalties))
    prompts = [(0, 3), (1,), (5, 5, 2)]
    together = search(Table(4), Beams(num_beams=SIZE**3), pipeline=pipeline, prompts=prompts)
    for prompt, found in zip(prompts, together, strict=True):
        texts = list_texts(Table(4), pipeline, prompt, max_tokens=3)
        assert text_of(found[0]) == best_texts(texts, 1.0)[0]


def test_beams_end_when_nothing_better_can_come():
    """A certain end takes one step, not the whole budget."""
    table = Table(1)
    table.table[:, :, END] = 20.0
    (found,) = search(table, Beams(num_beams=1, length_penalty=0.0), max_tokens=50)
    assert (text_of(found[0]), table.num_steps) == ((END,), 0)


def test_beams_never_leave_the_budget():
    """Under a grammar every result is a whole text, however short the budget."""
    compiled = regex("a{2}|b{5}").compile(VOCABULARY)
    table = Table(3)
    table.table[:, :, 1] += 10  # b is what the model wants
    (found,) = search(table, Beams(num_beams=3), compiled=compiled, max_tokens=3)
    assert (found[0].token_ids, found[0].stop_reason) == ([0, 0], StopReason.ACCEPTED)


def test_beams_stop_a_prompt_with_broken_logits_only():
    """Its neighbour is found as ever."""
    prompts = [(0, 3), (1, 1)]
    first, second = search(Table(5, broken_after=1), Beams(num_beams=2), prompts=prompts, compiled=None)
    assert second[0].stop_reason is StopReason.ERROR
    assert first[0].stop_reason in {StopReason.EOS, StopReason.LENGTH}


def test_more_results_than_texts_are_errors():
    """What a grammar does not have is not made up."""
    pipeline = Pipeline(guidance.Sampling(temperature=0.0, n=4))
    (found,) = search(Table(2), Beams(), pipeline=pipeline, compiled=regex("ab|ac").compile(VOCABULARY))
    assert [beam.stop_reason for beam in found] == [StopReason.ACCEPTED] * 2 + [StopReason.ERROR] * 2
    with pytest.raises(SamplingError, match="got n=4 outputs of a prompt, expected at most 2"):
        search(Table(2), Beams(num_beams=2), pipeline=pipeline)


def test_diverse_beams_without_strength_or_groups_are_beams():
    """One group is beam search; many without a penalty are all the same."""
    for options in (
        DiverseBeams(num_groups=1, beams_per_group=3),
        DiverseBeams(num_groups=3, beams_per_group=3, strength=0),
    ):
        (found,) = search(Table(6), options)
        (expected,) = search(Table(6), Beams(num_beams=3))
        assert text_of(found[0]) == text_of(expected[0])


def test_diverse_beams_begin_differently():
    """A strong penalty gives every group a first token of its own; scores stay those of the law."""
    pipeline = Pipeline(guidance.Sampling(temperature=0.0, n=4))
    (found,) = search(Table(6), DiverseBeams(num_groups=4, beams_per_group=1, strength=50.0), pipeline=pipeline)
    texts = list_texts(Table(6), pipeline, PROMPT, max_tokens=3)
    assert len({text_of(beam)[0] for beam in found}) == 4
    for beam in found:
        assert beam.total == pytest.approx(texts[text_of(beam)], abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Beams, {"num_beams": 0}),
        (Beams, {"length_penalty": float("nan")}),
        (DiverseBeams, {"num_groups": 0}),
        (DiverseBeams, {"strength": -1.0}),
    ],
)
def test_settings_out_of_range_are_refused(kind, settings):
    """The message names the setting and what was expected."""
    (name,) = settings
    with pytest.raises(SamplingError, match=f"got {name}=.*expected.*; change {name}"):
        kind(**settings)


def test_the_last_step_tries_no_more_tokens_than_it_keeps(monkeypatch):
    """Where every child ends, the search stops at the first that cannot be among the best."""
    from guidance.search.beam import Grower

    grown, grow = [], Grower.grow
    monkeypatch.setattr(Grower, "grow", lambda *args, **kwargs: grown.append(1) or grow(*args, **kwargs))
    table = Table(1)
    table.table[:, :, END] = -20.0
    search(table, Beams(num_beams=2), max_tokens=2)
    assert len(grown) <= 6
