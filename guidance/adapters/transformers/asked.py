"""Read what a ``GenerationConfig`` asks for as options of our own loop; what it does not do is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from guidance.errors import SamplingError
from guidance.options import Options, Search, complete_options
from guidance.penalties import Penalties
from guidance.sampling import GREEDY, Sampling
from guidance.search import Beams, Contrastive, DiverseBeams
from guidance.speculation import Speculation

__all__ = ["options_asked_for"]

_READ = frozenset(
    {
        *("max_length", "max_new_tokens", "min_length", "min_new_tokens", "num_return_sequences"),
        *("do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"),
        *("num_beams", "num_beam_groups", "diversity_penalty", "length_penalty", "early_stopping", "penalty_alpha"),
        *("repetition_penalty", "no_repeat_ngram_size", "bad_words_ids", "suppress_tokens", "sequence_bias"),
        *("prompt_lookup_num_tokens", "assistant_early_exit"),
        *("eos_token_id", "pad_token_id", "decoder_start_token_id", "return_dict_in_generate"),
    }
)
"""Settings that are honoured, here and in ``custom_generate.py``."""

_WITHOUT_EFFECT = frozenset({"transformers_version", "bos_token_id", "renormalize_logits", "disable_compile"})
"""Settings that change nothing here: prompts are given, and every law is normalised."""

_LAW = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")

_CURES = {
    "constraints": "give the grammar: guidance_generate(output=...)",
    "dola_layers": "steer with it: guidance_generate(steer=[proxy_tuning.DoLa(...)])",
    "force_words_ids": "give the grammar: guidance_generate(output=...)",
    "guidance_scale": "steer with it: guidance_generate(steer=[proxy_tuning.ClassifierFree(...)])",
    "output_scores": "set return_dict_in_generate, and read log_probs of its results",
    "stop_strings": "give them to the loop: guidance_generate(stop=...)",
    "token_healing": "call guidance.generate(..., heal=True)",
    "watermarking_config": "mark with guidance_generate(watermark=guidance.Watermark(key=...))",
}


def options_asked_for(
    config: Any, options: Options, *, num_prompt_tokens: int, is_encoder_decoder: bool = False
) -> Options:
    """Return the options of a call of our loop.

    Parameters
    ----------
    config : a ``GenerationConfig`` as ``generate`` has prepared it: ``max_length`` counts the prompt.
    options : what the caller gave beside it; the two may not speak about the same.
    num_prompt_tokens : the width of the prompts.
    is_encoder_decoder : the prompt is the encoder's, so that what looks back at it means something else.

    Raises
    ------
    SamplingError : for what our loop does not do, or what both ask for.

    Examples
    --------
    >>> from transformers import GenerationConfig
    >>> config = GenerationConfig(max_length=30, do_sample=True, temperature=0.5)
    >>> options_asked_for(config, {}, num_prompt_tokens=10)["sampling"].temperature
    0.5
    """
    _refuse_others(config)
    asked: Options = {**options}
    asked["max_tokens"] = config.max_length - num_prompt_tokens
    asked["sampling"] = _sampling(config, options.get("sampling"))
    penalties = _penalties(config, num_prompt_tokens, is_encoder_decoder=is_encoder_decoder)
    if penalties is not None:
        if asked["sampling"].penalties is not None:
            raise _both("penalties", "sampling.penalties")
        asked["sampling"] = replace(asked["sampling"], penalties=penalties)
    search, speculate = _search(config), _speculation(config)
    if search is not None:
        if options.get("search") is not None:
            raise _both("a search (num_beams, penalty_alpha)", "search")
        asked["search"] = search
    if speculate is not None:
        if options.get("speculate") is not None:
            raise _both("drafts (prompt_lookup_num_tokens, assistant_early_exit)", "speculate")
        asked["speculate"] = speculate
    return complete_options("generate", asked)


def _defaults(config: Any) -> Mapping[str, Any]:
    """Return the values that settings have where nobody asks for anything.

    From version 5 on they are filled in late, from a list; before, a new config has them.
    """
    late = getattr(config, "_get_default_generation_params", dict)
    return {**vars(type(config)()), **late()}


def _refuse_others(config: Any) -> None:
    defaults = _defaults(config)
    for name, value in vars(config).items():
        if name.startswith("_") or name in _READ or name in _WITHOUT_EFFECT or value is None:
            continue
        default = defaults.get(name)
        if value == default or (default is None and value is False):
            continue
        raise SamplingError(
            f"generate: got {name}={value!r}, which our loop does not do, expected it unset; "
            f"{_CURES.get(name, 'leave it out, or leave custom_generate out')}"
        )


def _is_set(config: Any, name: str) -> bool:
    value = getattr(config, name, None)
    return value is not None and value != _defaults(config).get(name)


def _both(asked: str, given: str) -> SamplingError:
    return SamplingError(
        f"generate: got {asked} in the generation config and {given}= in guidance_generate, expected one of them; "
        "drop one"
    )


def _sampling(config: Any, given: Sampling | None) -> Sampling:
    """Return how tokens are drawn; the seed comes from torch's generator, so that ``torch.manual_seed`` holds."""
    count = config.num_return_sequences or 1
    if given is not None:
        law = [name for name in _LAW if _is_set(config, name)]
        if config.do_sample and law:
            raise _both(law[0], "sampling")
        if given.n not in {1, count}:
            raise SamplingError(
                f"generate: got num_return_sequences={count} and sampling.n={given.n}, expected the same; "
                "drop sampling.n"
            )
        return replace(given, n=count)
    if not config.do_sample:
        return replace(GREEDY, n=count)
    return Sampling(
        n=count,
        seed=int(torch.randint(0, 2**62, (1,))),
        temperature=_or(config.temperature, 1.0),
        top_k=config.top_k or None,
        top_p=_unless(config.top_p, 1.0),
        min_p=config.min_p,
        typical_p=_unless(config.typical_p, 1.0),
        epsilon=config.epsilon_cutoff or None,
        eta=config.eta_cutoff or None,
    )


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _unless(value: float | None, neutral: float) -> float | None:
    return None if value is None or value >= neutral else value


def _search(config: Any) -> Search | None:
    num_beams, num_groups = config.num_beams or 1, getattr(config, "num_beam_groups", None) or 1
    if num_beams == 1:
        alpha, k = getattr(config, "penalty_alpha", None) or 0.0, config.top_k or 0
        return Contrastive(k=k, alpha=alpha) if alpha > 0 and k > 1 and not config.do_sample else None
    if config.do_sample:
        raise SamplingError(
            f"generate: got num_beams={num_beams} and do_sample=True, expected one of them: our beams are not drawn; "
            "drop one, or draw without replacement with guidance_generate(search=guidance.StochasticBeams(...))"
        )
    length_penalty = _or(config.length_penalty, 1.0)
    if num_groups == 1:
        stops_early = config.early_stopping is True
        return Beams(num_beams=num_beams, length_penalty=length_penalty, stops_early=stops_early)
    if config.early_stopping is True or num_beams % num_groups:
        raise SamplingError(
            f"generate: got num_beams={num_beams}, num_beam_groups={num_groups}, early_stopping="
            f"{config.early_stopping}, expected groups of equal size that do not stop early; change one of them"
        )
    return DiverseBeams(
        num_groups=num_groups,
        beams_per_group=num_beams // num_groups,
        strength=_or(config.diversity_penalty, 0.0),
        length_penalty=length_penalty,
    )


def _speculation(config: Any) -> Speculation | None:
    if config.prompt_lookup_num_tokens is not None:
        return Speculation(draft="prompt-lookup", num_tokens=config.prompt_lookup_num_tokens)
    if config.assistant_early_exit is not None:
        return Speculation(draft="early-exit", exit_layer=config.assistant_early_exit)
    return None


def _penalties(config: Any, num_prompt_tokens: int, *, is_encoder_decoder: bool) -> Penalties | None:
    biases = _biases(config.sequence_bias)
    looking_back = [name for name in ("repetition_penalty", "no_repeat_ngram_size") if _is_set(config, name)]
    looking_back += ["sequence_bias"] if any(len(sequence) > 1 for sequence in biases) else []
    if is_encoder_decoder and looking_back:
        raise SamplingError(
            f"generate: got {looking_back[0]} for an encoder-decoder, expected it unset: generate looks back at the "
            "output alone, our loop at the prompt too; leave it out, or leave custom_generate out"
        )
    penalties = Penalties(
        repetition=_or(config.repetition_penalty, 1.0),
        no_repeat_ngram=config.no_repeat_ngram_size or 0,
        logit_bias=biases,
        suppress_tokens=sorted({*(config.suppress_tokens or ()), *_bad_tokens(config)}),
        min_tokens=max((config.min_length or 0) - num_prompt_tokens, 0),
    )
    return None if penalties == Penalties() else penalties


def _biases(given: Any) -> dict[Any, float]:
    """Return the bias of each sequence of tokens; they come as a dict or as a list of pairs."""
    pairs = given.items() if isinstance(given, Mapping) else given or ()
    return {tuple(sequence): float(bias) for sequence, bias in pairs}


def _bad_tokens(config: Any) -> list[int]:
    """Return the tokens of ``bad_words_ids``; sequences of several are refused."""
    words = config.bad_words_ids or ()
    longer = [word for word in words if len(word) > 1]
    if longer:
        raise SamplingError(
            f"generate: got bad_words_ids with {longer[0]}, expected single tokens: our loop bans strings, however "
            "their tokens are cut; give guidance_generate(sampling=guidance.Sampling(penalties=guidance.Penalties("
            "bad_words=[...])))"
        )
    return [int(word[0]) for word in words]
