"""Check that every setting of a generation config becomes the option that means the same, with its value."""

from __future__ import annotations

import pytest
from transformers import GenerationConfig

from guidance import Beams, BestOf, Contrastive, DiverseBeams, Penalties, Sampling, Speculation
from guidance.adapters.transformers.asked import options_asked_for
from guidance.errors import SamplingError

GREEDY = Sampling(temperature=0.0)


def prepare(**settings):
    """Return a config as generate prepares it; before version 5, defaults are in it from the start."""
    config = GenerationConfig(**{"max_length": 30, **settings})
    if hasattr(config, "_get_default_generation_params"):
        config.update(**config._get_default_generation_params(), defaults_only=True)
    return config


def ask(options=None, **settings):
    """Return what a prepared config asks for, behind a prompt of ten tokens."""
    config = prepare(**settings)
    return options_asked_for(config, options or {}, num_prompt_tokens=10)


SEARCHES = [
    ({"num_beams": 3}, Beams(num_beams=3, length_penalty=1.0, stops_early=False)),
    (
        {"num_beams": 3, "length_penalty": 0.2, "early_stopping": True},
        Beams(num_beams=3, length_penalty=0.2, stops_early=True),
    ),
    ({"num_beams": 3, "early_stopping": "never"}, Beams(num_beams=3, stops_early=False)),
    (
        {"num_beams": 6, "num_beam_groups": 3, "diversity_penalty": 0.7, "length_penalty": 0.0},
        DiverseBeams(num_groups=3, beams_per_group=2, strength=0.7, length_penalty=0.0),
    ),
    ({"penalty_alpha": 0.4, "top_k": 7}, Contrastive(k=7, alpha=0.4)),
    ({"penalty_alpha": 0.4, "top_k": 1}, None),
    ({"penalty_alpha": 0.4, "top_k": 7, "do_sample": True}, None),
    ({}, None),
]


@pytest.mark.parametrize(("settings", "search"), SEARCHES, ids=str)
def test_searches(settings, search):
    """Beams, groups of beams, and contrastive search, each with all its numbers."""
    assert ask(**settings)["search"] == search


LAWS = {
    "temperature": (0.6, "temperature", 0.6),
    "top_k": (9, "top_k", 9),
    "top_p": (0.8, "top_p", 0.8),
    "min_p": (0.1, "min_p", 0.1),
    "typical_p": (0.7, "typical_p", 0.7),
    "epsilon_cutoff": (0.01, "epsilon", 0.01),
    "eta_cutoff": (0.02, "eta", 0.02),
    "num_return_sequences": (3, "n", 3),
}


@pytest.mark.parametrize("name", sorted(LAWS))
def test_laws(name):
    """Each number of the law is where it belongs, the others at the values generate has."""
    given, field, expected = LAWS[name]
    sampling = ask(do_sample=True, **{name: given})["sampling"]
    assert getattr(sampling, field) == expected
    plain = Sampling(seed=sampling.seed, top_k=50)
    others = {other for _, other, _ in LAWS.values()} - {field}
    assert all(getattr(sampling, other) == getattr(plain, other) for other in others)
    if name != "num_return_sequences":
        assert ask(**{name: given})["sampling"] == GREEDY


def test_top_k_zero_is_no_limit():
    """Generate writes no limit as 0, and as 1.0 for probabilities."""
    sampling = ask(do_sample=True, top_k=0, top_p=1.0, typical_p=1.0)["sampling"]
    assert sampling == Sampling(seed=sampling.seed)


PENALTIES = [
    ({"repetition_penalty": 1.3}, Penalties(repetition=1.3)),
    ({"no_repeat_ngram_size": 3}, Penalties(no_repeat_ngram=3)),
    ({"suppress_tokens": [5, 3], "bad_words_ids": [[4], [3]]}, Penalties(suppress_tokens=[3, 4, 5])),
    ({"sequence_bias": {(1, 2): 0.5, (3,): -1.0}}, Penalties(logit_bias={(1, 2): 0.5, (3,): -1.0})),
    ({"sequence_bias": [[[1, 2], 0.5]]}, Penalties(logit_bias={(1, 2): 0.5})),
    ({"min_length": 14}, Penalties(min_tokens=4)),
    ({"min_length": 8}, None),
    ({}, None),
]


@pytest.mark.parametrize(("settings", "penalties"), PENALTIES, ids=str)
def test_penalties(settings, penalties):
    """Each is the one of the same meaning; lengths are counted behind the prompt."""
    assert ask(**settings)["sampling"].penalties == penalties


def test_drafts_and_lengths():
    """Drafts keep their numbers, and the budget is what the prompt leaves."""
    assert ask()["max_tokens"] == 20
    assert ask(prompt_lookup_num_tokens=4)["speculate"] == Speculation(draft="prompt-lookup", num_tokens=4)
    assert ask(assistant_early_exit=2)["speculate"] == Speculation(draft="early-exit", exit_layer=2)


def test_options_beside_the_config_are_kept():
    """What the config says nothing about is the caller's."""
    search, sampling = BestOf(num_samples=3), Sampling(seed=4, temperature=0.3)
    options = ask({"search": search, "sampling": sampling, "stop": "x"}, do_sample=True, num_return_sequences=2)
    assert options["search"] is search
    assert options["sampling"] == Sampling(seed=4, temperature=0.3, n=2)
    assert options["stop"] == "x"


def test_a_setting_that_is_new_to_us_is_refused():
    """Configs grow; what is not known is not ignored."""
    config = prepare()
    config.brand_new_penalty = 0.5
    with pytest.raises(SamplingError, match=r"brand_new_penalty=0\.5"):
        options_asked_for(config, {}, num_prompt_tokens=10)


@pytest.mark.parametrize(
    "settings", [{"repetition_penalty": 1.2}, {"no_repeat_ngram_size": 2}, {"sequence_bias": {(1, 2): 0.5}}], ids=str
)
def test_what_looks_back_is_refused_for_encoder_decoders(settings):
    """There generate looks back at the output alone, our loop at the prompt too."""
    config = prepare(**settings)
    with pytest.raises(SamplingError, match=next(iter(settings))):
        options_asked_for(config, {}, num_prompt_tokens=1, is_encoder_decoder=True)
