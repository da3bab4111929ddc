"""Find processors and stopping criteria that the generation config does not ask for: they are the caller's own.

``generate`` hands a custom loop one list, its own and the caller's together; its own are made again and compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers.generation import LogitsProcessorList, StoppingCriteriaList

from guidance.errors import SamplingError

__all__ = ["check_criteria", "check_processors"]


def check_processors(network: Any, config: Any, given: Sequence[Any], arguments: Mapping[str, Any]) -> None:
    """Refuse logits processors of the caller's own.

    Parameters
    ----------
    network : the network that generates.
    config : the generation config, prepared.
    given : what the loop was handed.
    arguments : what ``generate`` makes its own processors with, beside the config.

    Raises
    ------
    SamplingError : for one that the config does not ask for.
    """
    own = network._get_logits_processor(  # noqa: SLF001 - it has no public name
        generation_config=config, logits_processor=LogitsProcessorList(), device=network.device, **arguments
    )
    cure = "write it as a guidance.logits.Processor and give it as steer=[...]"
    _refuse_strangers("logits_processor", given, own, cure)


def check_criteria(network: Any, config: Any, given: Sequence[Any]) -> None:
    """Refuse stopping criteria of the caller's own; parameters as in `check_processors`.

    Raises
    ------
    SamplingError : for one that the config does not ask for.
    """
    own = network._get_stopping_criteria(  # noqa: SLF001 - it has no public name
        generation_config=config, stopping_criteria=StoppingCriteriaList()
    )
    _refuse_strangers("stopping_criteria", given, own, "stop at texts with guidance_generate(stop=...)")


def _refuse_strangers(argument: str, given: Sequence[Any], own: Sequence[Any], cure: str) -> None:
    for item in given:
        if not any(_is_alike(item, known) for known in own):
            raise SamplingError(
                f"generate: got {argument} with a {type(item).__name__}, which our loop does not call, expected none "
                f"of the caller's own; {cure}, or leave custom_generate out"
            )


def _is_alike(one: Any, other: Any) -> bool:
    """Tell whether two objects of transformers do the same: one class, equal settings."""
    if type(one) is not type(other) or vars(one).keys() != vars(other).keys():
        return False
    return all(_is_equal(value, vars(other)[name]) for name, value in vars(one).items())


def _is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    return bool(one == other)
