"""Say how to draft tokens that the model then verifies."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from guidance.decoding.proposal import Drafter
from guidance.decoding.writing import Writer
from guidance.errors import ModelError, SamplingError
from guidance.loading import as_model
from guidance.model import CausalLM, Model
from guidance.speculation.draft_model import DraftModel
from guidance.speculation.drafting import Plan
from guidance.speculation.early_exit import exit_early
from guidance.speculation.head_drafter import HeadDrafter, Headed
from guidance.speculation.heads import load_heads
from guidance.speculation.noting import hide_output_layer
from guidance.speculation.pace import Costs
from guidance.speculation.prompt_lookup import PromptLookup
from guidance.speculation.trust import Trust
from guidance.transformer.llama import LlamaCausalLM
from guidance.transformer.trees import check_reads_trees

__all__ = ["EARLY_EXIT", "HEADS", "PROMPT_LOOKUP", "Speculation"]

PROMPT_LOOKUP = "prompt-lookup"
EARLY_EXIT = "early-exit"
HEADS = "heads"

_LARGEST_TREE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Speculation:
    """Describe how to draft; the law of the output stays exactly what it is without drafts.

    Parameters
    ----------
    draft : a smaller model of the same vocabulary, or its name; ``"prompt-lookup"`` copies from the text so far;
        ``"early-exit"`` takes the first layers of the model itself; ``"heads"`` its block-wise draft heads, which
        ``"embedded"`` has.
    num_tokens : tokens to draft one after the other at each step; None chooses by the published formula from what is
        measured.
    most_tokens : the most it may choose; a tree has its own depth.
    tree : how many different tokens to propose at each place, level by level: ``(3, 2, 1)`` proposes three next
        tokens, two after each of them, and one after each of those: 15 tokens, of which three may be accepted. The
        model reads them all in one pass. None drafts a line.
    acceptance : ``"matching"`` confirms a draft where the row's own draw gives it: texts are those of a run without
        drafts, token for token. ``"rejection"`` accepts with probability min(1, p / q), which accepts more often where
        the law is flat; texts then depend on how many tokens are drafted, their distribution does not.
    exit_layer : how many layers draft, for ``"early-exit"``; None takes a quarter of them.

    What steps cost, and which copies came true, is remembered here: a second call drafts from its first step on.

    Raises
    ------
    SamplingError : when a setting is out of range.

    Examples
    --------
    >>> Speculation(draft="prompt-lookup").acceptance
    'matching'
    """

    draft: Model | str
    num_tokens: int | None = None
    most_tokens: int = 16
    acceptance: Literal["matching", "rejection"] = "matching"
    exit_layer: int | None = None
    tree: tuple[int, ...] | None = None
    costs: dict[tuple[int, int], Costs] = field(default_factory=dict, init=False, repr=False, compare=False)
    trust: dict[int, Trust] = field(default_factory=dict, init=False, repr=False, compare=False)
    headed: dict[int, Headed] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse settings that draft nothing."""
        if self.num_tokens is not None and self.num_tokens < 1:
            raise SamplingError(
                f"Speculation: got num_tokens={self.num_tokens}, expected at least 1, or None to choose; change it"
            )
        if self.most_tokens < 1:
            raise SamplingError(f"Speculation: got most_tokens={self.most_tokens}, expected at least 1; change it")
        if self.acceptance not in {"matching", "rejection"}:
            raise SamplingError(
                f"Speculation: got acceptance={self.acceptance!r}, expected 'matching' or 'rejection'; change it"
            )
        if self.tree is not None:
            self._check_tree(self.tree)

    def _check_tree(self, tree: object) -> None:
        is_tuple = isinstance(tree, tuple) and all(isinstance(width, int) and width > 0 for width in tree)
        widths: tuple[int, ...] = self.tree or () if is_tuple else ()
        size = sum(math.prod(widths[: depth + 1]) for depth in range(len(widths)))
        if not 0 < size <= _LARGEST_TREE:
            raise SamplingError(
                f"Speculation: got tree={tree!r}, {size} tokens, expected a tuple of numbers from 1 on, one for each "
                f"level, and at most {_LARGEST_TREE} tokens together; change it, such as to (3, 2, 1)"
            )
        if self.num_tokens is not None and self.num_tokens > len(widths):
            raise SamplingError(
                f"Speculation: got num_tokens={self.num_tokens} with a tree of {len(widths)} levels, expected at most "
                "as many; lower num_tokens or give the tree more levels"
            )

    def drafter(self, model: Model, writer: Writer, *, num_rows: int) -> Drafter:
        """Return what drafts for one batch of this model.

        Raises
        ------
        ModelError : when the draft has another vocabulary, or the model cannot take back what it has read.
        """
        _check_can_drop(model)
        if self.tree is not None:
            check_reads_trees(model)
        # Steps of like batches take like times: sizes are told apart by powers of two.
        costs = self.costs.setdefault((id(model), num_rows.bit_length()), Costs())
        tree = self.tree or ()
        plan = Plan(num_tokens=self.num_tokens, most=len(tree) or self.most_tokens, tree=tree)
        if self.draft == PROMPT_LOOKUP:
            return PromptLookup(writer, costs, plan, self.trust.setdefault(id(model), Trust()))
        size, keeps_laws = model.vocabulary.size, self.acceptance == "rejection"
        if self.draft == HEADS:
            headed = self._headed(model)
            return HeadDrafter(headed, writer, size, costs=costs, plan=plan, keeps_laws=keeps_laws)
        return DraftModel(self._network(model), writer, size, costs=costs, plan=plan, keeps_laws=keeps_laws)

    def _headed(self, model: Model) -> Headed:
        """Return the model's network with its heads, which are read once."""
        known = self.headed.get(id(model))
        if known is None or known.network is not model.language_model:
            heads, network = load_heads(model), model.language_model
            assert isinstance(network, LlamaCausalLM), "no other network has heads"
            known = self.headed[id(model)] = Headed(network=network, headless=hide_output_layer(network), heads=heads)
        return known

    def _network(self, model: Model) -> CausalLM:
        if self.draft == EARLY_EXIT:
            return exit_early(model, self.exit_layer)
        draft = as_model(self.draft)
        if getattr(draft.language_model, "reads_prompts_apart", False):
            raise ModelError(
                f"draft {draft.name}: got an encoder-decoder, expected a decoder-only model; use 'prompt-lookup'"
            )
        if draft.vocabulary.fingerprint != model.vocabulary.fingerprint:
            raise ModelError(
                f"draft {draft.name}: got a vocabulary of {draft.vocabulary.size} tokens "
                f"({draft.vocabulary.fingerprint[:8]}), expected that of {model.name}, {model.vocabulary.size} tokens "
                f"({model.vocabulary.fingerprint[:8]}); load a draft of the same family, or use 'prompt-lookup'"
            )
        if self.tree is not None:
            check_reads_trees(draft)
        return draft.language_model


def _check_can_drop(model: Model) -> None:
    if not getattr(model.language_model, "can_drop", True):
        raise ModelError(
            f"{model.name}: got speculate for a recurrent network, expected one whose cache can forget tokens; "
            "leave speculate out"
        )
