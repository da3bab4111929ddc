"""Check our loop behind transformers' generate: the same texts as guidance.generate, in the shape generate returns."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedTokenizerFast,
    RepetitionPenaltyLogitsProcessor,
    StoppingCriteria,
)

import grammars
import guidance
from guidance.adapters.transformers import GuidanceOutput, guidance_generate
from guidance.errors import ModelError, PromptError, SamplingError
from proxy_tuning import DExperts
from tests.guidance.adapters.test_processor import PROMPTS, encode
from tests.guidance.conftest import make_network, make_tokenizer
from tests.guidance.transformer.test_encoder_decoder import bart, t5

END = 264
PAD = 270
"""A column past the tokenizer's tokens, which no output holds."""


def run(guided, custom, prompts, **settings):
    """Generate, and return the tokens of the outputs, without their ends and the padding behind them."""
    inputs = encode(guided, prompts)
    settings = {"max_new_tokens": 60, "pad_token_id": PAD, "do_sample": False, **settings}
    ids = guided.language_model.network.generate(**inputs, **settings, custom_generate=custom)
    width = inputs["input_ids"].shape[1]
    count = len(ids) // len(prompts)
    assert torch.equal(ids[:, :width], inputs["input_ids"].repeat_interleave(count, dim=0))
    return [tuple(t for t in line if t not in {END, PAD}) for line in ids[:, width:].tolist()]


def expected(guided, prompts, output, **options):
    """Return the tokens of guidance.generate, all outputs of a prompt together."""
    results = guidance.generate(guided, prompts, output, max_tokens=60, **options)
    flat = [result for group in results for result in (group if isinstance(group, list) else [group])]
    return [result.token_ids for result in flat]


def test_greedy_texts_are_those_of_guidance_generate(guided, case):
    """Left-padded prompts of different lengths, one batch."""
    found = run(guided, guidance_generate(case.output, model=guided), PROMPTS)
    assert found == expected(guided, PROMPTS, case.output)
    assert all(case.accepts(guided.decode(line)) for line in found)


def test_free_text_is_cut_where_asked(guided):
    """Nothing constrained: as many tokens as asked for, without an end token behind them."""
    found = run(guided, guidance_generate(model=guided), PROMPTS, max_new_tokens=9)
    assert found == [tokens[:9] for tokens in expected(guided, PROMPTS, None)]


STEER = [DExperts(expert=guidance.Model(make_network(num_layers=1), make_tokenizer()), alpha=0.7)]
OPTIONS = {
    "sampling": {"sampling": guidance.Sampling(temperature=1.3, top_p=0.9, seed=5)},
    "steered": {"steer": STEER},
    "watermarked": {"sampling": guidance.Sampling(seed=3), "watermark": guidance.Watermark(key=b"k")},
    "drafted": {"speculate": guidance.Speculation(draft="prompt-lookup", num_tokens=3)},
    "stopped": {"stop": "a"},
    "beams": {"search": guidance.Beams(num_beams=3)},
    "contrastive": {"search": guidance.Contrastive(k=3, alpha=0.4)},
}


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_options_reach_the_loop(guided, case, name):
    """Whatever guidance.generate does, generate does through it."""
    options = OPTIONS[name]
    found = run(guided, guidance_generate(case.output, model=guided, **options), PROMPTS)
    assert found == expected(guided, PROMPTS, case.output, **options)


SAMPLING = guidance.Sampling
ASKED = {
    "beams": ({"num_beams": 4}, {"search": guidance.Beams(num_beams=4)}),
    "beams with penalty": (
        {"num_beams": 3, "length_penalty": 0.0, "early_stopping": True},
        {"search": guidance.Beams(num_beams=3, length_penalty=0.0, stops_early=True)},
    ),
    "three of four beams": (
        {"num_beams": 4, "num_return_sequences": 3},
        {"search": guidance.Beams(num_beams=4), "sampling": SAMPLING(temperature=0, n=3)},
    ),
    "groups": (
        {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.7},
        {"search": guidance.DiverseBeams(num_groups=2, beams_per_group=2, strength=0.7)},
    ),
    "contrastive": ({"penalty_alpha": 0.6, "top_k": 4}, {"search": guidance.Contrastive(k=4, alpha=0.6)}),
    "look-up": ({"prompt_lookup_num_tokens": 3}, {}),
    "repetition": (
        {"repetition_penalty": 1.4, "no_repeat_ngram_size": 3},
        {"sampling": SAMPLING(temperature=0, penalties=guidance.Penalties(repetition=1.4, no_repeat_ngram=3))},
    ),
    "bans": (
        {"suppress_tokens": [23, 66], "bad_words_ids": [[230]], "sequence_bias": {(48,): -3.0, (70, 71): 2.0}},
        {
            "sampling": SAMPLING(
                temperature=0,
                penalties=guidance.Penalties(suppress_tokens=[23, 66, 230], logit_bias={(48,): -3.0, (70, 71): 2.0}),
            )
        },
    ),
    "shortest": (
        {"min_new_tokens": 9, "sequence_bias": [[[END], 90.0]]},
        {"sampling": SAMPLING(temperature=0, penalties=guidance.Penalties(min_tokens=9, logit_bias={END: 90.0}))},
    ),
}


@pytest.mark.filterwarnings("ignore:.*will not be used:UserWarning")
@pytest.mark.parametrize("output", [None, grammars.regex("([a-z]{1,3} ){2,9}")], ids=["free", "words"])
@pytest.mark.parametrize("name", sorted(ASKED))
def test_the_generation_config_is_honoured(guided, name, output):
    """What it asks for is what the options of guidance.generate of the same meaning do, and changes something."""
    settings, options = ASKED[name]
    prompts = PROMPTS[:2]
    found = run(guided, guidance_generate(output, model=guided), prompts, **settings)
    assert found == expected(guided, prompts, output, **options)
    if output is None and options:
        assert found != expected(guided, prompts, output)


def test_sampling_settings_are_honoured(guided):
    """The law is that of the config, and torch's seed makes texts repeatable."""
    output = grammars.regex("[a-z ]{12}")
    settings = {"do_sample": True, "temperature": 1.7, "top_k": 12, "top_p": 0.8, "num_return_sequences": 3}
    custom = guidance_generate(output, model=guided)
    torch.manual_seed(4)
    first = run(guided, custom, PROMPTS, **settings)
    other = run(guided, custom, PROMPTS, **settings)
    torch.manual_seed(4)
    assert run(guided, custom, PROMPTS, **settings) == first != other
    torch.manual_seed(4)
    sampling = SAMPLING(seed=int(torch.randint(0, 2**62, (1,))), temperature=1.7, top_k=12, top_p=0.8, n=3)
    assert first == expected(guided, PROMPTS, output, sampling=sampling)
    greedy = run(guided, custom, PROMPTS[:1], do_sample=True, top_k=1)
    assert greedy == expected(guided, PROMPTS[:1], output)
    given = guidance_generate(output, model=guided, sampling=SAMPLING(seed=9))
    assert run(guided, given, PROMPTS, do_sample=True, num_return_sequences=2) == expected(
        guided, PROMPTS, output, sampling=SAMPLING(seed=9, n=2)
    )


def test_a_dictionary_holds_typed_results(guided):
    """return_dict_in_generate gives sequences, scores of a search, and one result for each row."""
    network, inputs = guided.language_model.network, encode(guided, PROMPTS[:2])
    settings = {"max_new_tokens": 60, "pad_token_id": END, "return_dict_in_generate": True}
    custom = guidance_generate(dict[str, bool], model=guided)
    found = network.generate(**inputs, **settings, num_beams=3, num_return_sequences=2, custom_generate=custom)
    assert isinstance(found, GuidanceOutput)
    assert len(found.sequences) == len(found.results) == 4
    assert all(isinstance(result.value, dict) for result in found.results)
    assert found.sequences_scores.tolist() == pytest.approx([result.score for result in found.results])
    drawn = network.generate(**inputs, **settings, custom_generate=custom)
    assert drawn.sequences_scores is None
    assert found.to_tuple()[0] is found.sequences


def test_a_budget_is_kept_and_the_end_has_room(guided):
    """The loop ends in time, where a mask alone would be cut short; the end token never exceeds the budget."""
    output = grammars.regex("[a-z]{4,90}")
    for budget in (4, 5, 9):
        inputs = encode(guided, ["hello"])
        ids = guided.language_model.network.generate(
            **inputs, max_new_tokens=budget, pad_token_id=PAD, custom_generate=guidance_generate(output, model=guided)
        )
        line = ids[0, inputs["input_ids"].shape[1] :].tolist()
        assert len(line) <= budget
        assert 4 <= len(guided.decode(line)) <= 90
    exact = guidance_generate(grammars.regex("[xyz]{4}"), model=guided)
    inputs = encode(guided, ["hello"])
    for budget, count in ((4, 4), (5, 5)):
        ids = guided.language_model.network.generate(**inputs, max_new_tokens=budget, custom_generate=exact)
        assert ids.shape[1] - inputs["input_ids"].shape[1] == count
    assert ids[0, -1] == END
    with pytest.raises(guidance.GuidanceError, match="expected at least 4"):
        run(guided, guidance_generate(output, model=guided), ["hello"], max_new_tokens=3)


@pytest.mark.parametrize("make", [t5, bart])
def test_encoder_decoders_run_too(make, case):
    """The encoder's prompts, padded on the right; the start token stands before the output."""
    torch.manual_seed(0)
    guided = guidance.Model(make().eval(), make_tokenizer())
    prompts = ["hello", "a longer prompt"]
    lines = [[*guided.encode(prompt), END] for prompt in prompts]
    width = max(map(len, lines))
    ids = torch.tensor([line + [0] * (width - len(line)) for line in lines])
    mask = torch.tensor([[1] * len(line) + [0] * (width - len(line)) for line in lines])
    seeded = {"sampling": guidance.Sampling(seed=6)}
    for settings, options, own in (
        ({}, {}, {}),
        ({"num_beams": 2}, {"search": guidance.Beams(num_beams=2)}, {}),
        ({}, seeded, seeded),
    ):
        custom = guidance_generate(case.output, model=guided, **own)
        found = guided.language_model.network.generate(
            ids, attention_mask=mask, max_new_tokens=60, pad_token_id=PAD, custom_generate=custom, **settings
        )
        assert found[:, 0].tolist() == [END, END]
        bodies = [tuple(line[1 : line.index(END, 1)]) for line in found.tolist()]
        assert bodies == expected(guided, prompts, case.output, **options)


REFUSED = {
    "constraints": {"force_words_ids": [[[5]]]},
    "drawn beams": {"num_beams": 2, "do_sample": True},
    "use_cache": {"use_cache": False},
    "cache_implementation": {"cache_implementation": "static"},
    "max_time": {"max_time": 3.0},
    "output_scores": {"output_scores": True, "return_dict_in_generate": True},
    "output_attentions": {"output_attentions": True, "return_dict_in_generate": True},
    "dola_layers": {"dola_layers": "high"},
    "guidance_scale": {"guidance_scale": 1.5},
    "top_h": {"top_h": 0.4, "do_sample": True},
    "exponential_decay_length_penalty": {"exponential_decay_length_penalty": (3, 1.1)},
    "encoder_repetition_penalty": {"encoder_repetition_penalty": 1.2},
    "begin_suppress_tokens": {"begin_suppress_tokens": [5]},
    "forced_bos_token_id": {"forced_bos_token_id": 5},
    "forced_eos_token_id": {"forced_eos_token_id": END},
    "remove_invalid_values": {"remove_invalid_values": True},
    "max_matching_ngram_size": {"max_matching_ngram_size": 4, "prompt_lookup_num_tokens": 2},
    "prefill_chunk_size": {"prefill_chunk_size": 8},
    "bad_words_ids": {"bad_words_ids": [[5, 6]]},
    "eos_token_id": {"eos_token_id": 5},
    "position_ids": {"position_ids": torch.tensor([[3, 4, 5, 6, 7]])},
    "num_beam_groups": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.7, "early_stopping": True},
}
NAMED = {"constraints": "force_words_ids", "drawn beams": "do_sample=True"}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_our_loop_does_not_do_is_refused_by_name(guided, name):
    """Nothing of the generation config is ignored."""
    with pytest.raises((SamplingError, PromptError), match=NAMED.get(name, name)):
        run(guided, guidance_generate(bool, model=guided), ["hello"], **REFUSED[name])


class Mine(LogitsProcessor):
    """Do nothing."""

    def __call__(self, input_ids, scores):
        """Return the scores."""
        return scores


class Never(StoppingCriteria):
    """Stop never."""

    def __call__(self, input_ids, scores, **kwargs):
        """Return False."""
        return torch.zeros(len(input_ids), dtype=torch.bool)


def test_what_the_caller_brings_along_is_refused_by_name(guided):
    """Processors, criteria, prefix functions, embeddings and caches of the caller's own reach no loop unseen."""
    network, inputs = guided.language_model.network, encode(guided, ["hello"])
    custom = {"custom_generate": guidance_generate(bool, model=guided), "max_new_tokens": 20, "pad_token_id": PAD}
    with pytest.raises(SamplingError, match=r"logits_processor with a Mine"):
        network.generate(**inputs, **custom, logits_processor=LogitsProcessorList([Mine()]))
    own = RepetitionPenaltyLogitsProcessor(3.0)  # the config asks for another one of this class
    with pytest.raises(SamplingError, match=r"logits_processor with a RepetitionPenalty"):
        network.generate(**inputs, **custom, logits_processor=[own], repetition_penalty=1.2)
    with pytest.raises(SamplingError, match=r"stopping_criteria with a Never"):
        network.generate(**inputs, **custom, stopping_criteria=[Never()])
    with pytest.raises(SamplingError, match="PrefixConstrained"):
        network.generate(**inputs, **custom, prefix_allowed_tokens_fn=lambda batch, ids: [5])
    with pytest.raises(PromptError, match=r"embeds|token ids"):
        network.generate(inputs_embeds=torch.zeros(1, 3, 32), **custom)
    cache = network(inputs["input_ids"][:, :2], use_cache=True).past_key_values
    with pytest.raises(PromptError, match="past_key_values"):
        network.generate(**inputs, **custom, past_key_values=cache)


def test_settings_are_not_given_twice(guided):
    """Each thing is said in one place: the config or the options."""
    for settings, options in [
        ({"do_sample": True, "temperature": 0.5}, {"sampling": SAMPLING()}),
        ({"do_sample": True, "num_return_sequences": 2}, {"sampling": SAMPLING(n=3)}),
        ({"num_beams": 2}, {"search": guidance.Beams()}),
        ({"prompt_lookup_num_tokens": 2}, {"speculate": guidance.Speculation(draft="prompt-lookup")}),
        ({"repetition_penalty": 1.2}, {"sampling": SAMPLING(penalties=guidance.Penalties(presence=1.0))}),
    ]:
        with pytest.raises(SamplingError, match=r"expected (one of them|the same)"):
            run(guided, guidance_generate(bool, model=guided, **options), ["hello"], **settings)
    for wrong in ({"max_tokens": 9}, {"heal": True}):
        with pytest.raises(SamplingError, match=next(iter(wrong))):
            guidance_generate(bool, **wrong)
    with pytest.raises(TypeError, match="guidance_generate: got the keyword 'temperature'"):
        guidance_generate(bool, temperature=0.3)


def test_the_tokenizer_is_found_or_asked_for(guided, tmp_path):
    """A network loaded by name brings its tokenizer; another one's model is refused."""
    network = make_network().eval()
    inputs = encode(guided, ["hello"])
    settings = {"max_new_tokens": 20, "pad_token_id": PAD}
    with pytest.raises(ModelError, match=r"tokenizer=\.\.\."):
        network.generate(**inputs, **settings, custom_generate=guidance_generate(bool))
    with pytest.raises(ModelError, match="another network"):
        network.generate(**inputs, **settings, custom_generate=guidance_generate(bool, model=guided))
    given = guidance_generate(bool, tokenizer=make_tokenizer())
    first = network.generate(**inputs, **settings, custom_generate=given)
    again = guided.language_model.network.generate(**inputs, **settings, custom_generate=given)
    assert again.tolist() == first.tolist()  # equal weights in another network
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=make_tokenizer())
    tokenizer.save_pretrained(tmp_path)
    network.save_pretrained(tmp_path)
    from transformers import LlamaForCausalLM

    loaded = LlamaForCausalLM.from_pretrained(tmp_path).eval()
    assert torch.equal(loaded.generate(**inputs, **settings, custom_generate=guidance_generate(bool)), first)
