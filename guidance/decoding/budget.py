"""Meet max_tokens and the grammar in one place: fill masks, refuse budgets no output fits, keep the end in reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from guidance.decoding.request import MatcherLike, Request
from guidance.errors import BudgetError, PromptError
from guidance.model import Model

__all__ = ["can_finish", "check_budget", "check_context", "fill_mask", "forbid", "truncate_left"]


def check_context(request: Request, context_size: int) -> None:
    """Refuse a prompt that leaves no room for a single token.

    Raises
    ------
    PromptError : when the prompt fills the context.
    """
    num_tokens = len(request.prompt_ids)
    if num_tokens >= context_size:
        raise PromptError(
            f"prompt: got {num_tokens} tokens, expected fewer than the model's context of {context_size}; "
            "shorten the prompt, load a model with a longer context, or cut it with overflow='truncate-left'"
        )


def truncate_left(token_ids: tuple[int, ...], model: Model, *, num_reserved: int) -> tuple[int, ...]:
    """Return the end of a prompt that leaves room for `num_reserved` tokens; its special first token stays.

    Where the context is not even twice that room, half of it is left to the prompt.
    """
    room = max(model.context_size - num_reserved, model.context_size // 2, 1)
    if len(token_ids) <= room:
        return token_ids
    starts = token_ids[0] in model.vocabulary.special_token_ids and room > 1
    return (token_ids[0], *token_ids[1 - room :]) if starts else token_ids[-room:]


def check_budget(matcher: MatcherLike, max_tokens: int) -> None:
    """Refuse a budget in which the grammar's shortest output cannot be certain to end.

    Raises
    ------
    BudgetError : when ``max_tokens`` is below the bytes of the shortest output (one token per byte is always enough).
    """
    needed = matcher.shortest_completion()
    if needed > max_tokens:
        raise BudgetError(
            f"max_tokens: got {max_tokens}, expected at least {needed}, the bytes of the shortest output the grammar "
            f"accepts; raise max_tokens to {needed} or more",
            max_tokens=max_tokens,
            needed=needed,
        )


def fill_mask(matcher: MatcherLike, mask: NDArray[np.int32], index: int) -> None:
    """Write the tokens the grammar allows next."""
    matcher.fill_next_token_bitmask(mask, index)


def forbid(mask: NDArray[np.int32], index: int, token_id: int) -> None:
    """Take one token out of a row."""
    mask.view(np.uint32)[index, token_id >> 5] &= np.uint32(0xFFFFFFFF ^ (1 << (token_id & 31)))


def can_finish(matcher: MatcherLike, num_left: int) -> bool:
    """Tell whether a whole output is certainly in reach: one token per byte is always enough."""
    return matcher.shortest_completion() <= num_left
