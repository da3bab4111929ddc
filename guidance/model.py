"""Define what the decoder asks of a language model, and join one with its tokenizer.

`CausalLM` is the protocol of the network alone (token ids in, logits out, a KV cache between); `Model` adds the
tokenizer, so that prompts are text and outputs are bytes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from fsm import Vocabulary
from guidance.encoding import TextEncoder
from guidance.errors import ModelError, PromptError

if TYPE_CHECKING:
    from guidance.output import Output

__all__ = ["CausalLM", "KvCache", "Model"]

_MOST_OUTPUTS = 64


@runtime_checkable
class KvCache(Protocol):
    """Hold the keys and values of B rows of one model; owned by the loop that decodes with it."""

    @property
    def num_rows(self) -> int:
        """Return B."""

    @property
    def num_slots(self) -> int:
        """Return how many positions every row occupies, padding included."""

    @property
    def num_bytes(self) -> int:
        """Return the memory the keys and values take."""

    def fork(self) -> KvCache:
        """Return an independent copy."""

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order; a row may be named more than once."""

    def crop(self, num_slots: int) -> None:
        """Forget every slot from `num_slots` on, in all rows."""

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b, padding not counted."""

    def join(self, other: KvCache) -> None:
        """Add the rows of another cache of the same model behind these; the other one must not be used again."""


@runtime_checkable
class CausalLM(Protocol):
    """Turn token ids into next-token logits, remembering the prefix in a KV cache.

    ``decode_step(cache, token_ids, lengths)`` appends P positions to every row. Rows are right-aligned: row b's real
    tokens are the last ``lengths[b]`` of ``token_ids[b]``, and what precedes them is padding that no later token sees.

    token_ids : int64[B, P]    padded on the left with any valid id
    logits    : float[B, N, V] the last N = `num_logits` positions
    """

    @property
    def logits_size(self) -> int:
        """Return V, which may exceed the number of tokens in the vocabulary."""

    @property
    def context_size(self) -> int:
        """Return the most positions a row may hold."""

    @property
    def device(self) -> torch.device:
        """Return where logits are returned."""

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[KvCache, torch.Tensor]:
        """Read the prompts as one batch; return their cache and the logits ``float[B, 1, V]`` after each."""

    def decode_step(
        self,
        cache: KvCache,
        token_ids: torch.Tensor,
        lengths: Sequence[int] | None = None,
        *,
        num_logits: int = 1,
    ) -> torch.Tensor:
        """Append P positions to every row and return the logits of the last `num_logits` of them."""


class Model:
    """Join a language model with its tokenizer.

    Parameters
    ----------
    network : a ``transformers`` causal language model, or anything that implements `CausalLM`.
    tokenizer : the tokenizer it was trained with.
    name : how messages call it.
    generation_config : names end tokens beside the tokenizer's (``eos_token_id``); by default the network's own.
    labels : what the outputs of a classifier stand for, in their order.
    prefix_cache_bytes : memory for the keys and values of prompts that later ones may begin with; 0 keeps none.

    forced_runs : what `guidance.decoding` has spelled already of what grammars force, kept by it.

    Raises
    ------
    ModelError : when the network is not a causal language model, or its vocabulary is smaller than the tokenizer's.
    VocabularyError : when no token bytes can be read from the tokenizer.
    """

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        *,
        name: str = "model",
        generation_config: object | None = None,
        labels: Sequence[str] = (),
        prefix_cache_bytes: int = 1 << 27,
    ) -> None:
        from guidance.device.kept import KeptSteps
        from guidance.kernels import prepare_kernels
        from guidance.kv_cache import PrefixCache
        from guidance.tokenizers import vocabulary_from

        prepare_kernels()
        self.name = name
        self.labels = tuple(labels)
        self.tokenizer = tokenizer
        self.vocabulary: Vocabulary = vocabulary_from(
            tokenizer,
            generation_config=generation_config or getattr(network, "generation_config", None),
        )
        self._encoder = TextEncoder(tokenizer, self.vocabulary)
        self.language_model: CausalLM = _as_causal_lm(network, name)
        self.prefix_cache = PrefixCache(prefix_cache_bytes, can_drop=getattr(self.language_model, "can_drop", True))
        self.device_steps = KeptSteps()
        self.forced_runs: dict[tuple[bytes, bytes], list[int] | None] = {}
        self._outputs: OrderedDict[Hashable, Output] = OrderedDict()
        _check_sizes(self)

    @property
    def context_size(self) -> int:
        """Return the most tokens, prompt and output together, that the model can hold."""
        return self.language_model.context_size

    @property
    def device(self) -> torch.device:
        """Return the device logits come from."""
        return self.language_model.device

    @property
    def is_classifier(self) -> bool:
        """Tell whether this is a sequence classifier, which judges texts and writes none."""
        return getattr(getattr(self.language_model, "weights", None), "score", None) is not None

    def encode(self, prompt: str) -> list[int]:
        """Return the prompt's token ids, with the tokenizer's own start tokens.

        Raises
        ------
        PromptError : when nothing is left to start from.
        """
        ids = self._encoder.encode_prompt(prompt)
        if not ids:
            raise PromptError(
                f"{self.name}: got the prompt {prompt!r}, which is no token at all, expected at least one; "
                "write something before the output"
            )
        return ids

    def encode_text(self, text: str) -> list[int]:
        """Return a text's token ids without start tokens, as they stand inside a longer text."""
        return self._encoder.encode_text(text)

    def decode_bytes(self, token_ids: Sequence[int]) -> bytes:
        """Return the bytes the tokens stand for; special tokens stand for none."""
        silent = self._silent
        table = self.vocabulary.token_bytes
        return b"".join(table[token] for token in token_ids if token not in silent)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text the tokens stand for; broken UTF-8 becomes U+FFFD."""
        return self.decode_bytes(token_ids).decode("utf-8", errors="replace")

    def compile(self, output: Any) -> Output:
        """Return an output type's compiled grammar and reader; the last 64 are kept.

        Raises
        ------
        GrammarError : when the type or the schema has no grammar.
        """
        from guidance.output import Output, output_key

        key = output_key(output)
        if key not in self._outputs:
            self._outputs[key] = Output(output, self.vocabulary)
            if len(self._outputs) > _MOST_OUTPUTS:
                self._outputs.popitem(last=False)
        self._outputs.move_to_end(key)
        return self._outputs[key]

    @property
    def _silent(self) -> frozenset[int]:
        return frozenset(self.vocabulary.special_token_ids) | frozenset(self.vocabulary.eos_token_ids)

    def __repr__(self) -> str:
        """Name the model, its vocabulary and its context."""
        return f"Model({self.name!r}, vocabulary={self.vocabulary.size}, context={self.context_size})"


def _as_causal_lm(network: Any, name: str) -> CausalLM:
    if isinstance(network, CausalLM):
        return network
    if isinstance(network, torch.nn.Module) and hasattr(network, "config"):
        from guidance.transformer import EncoderDecoderLM, HuggingFaceCausalLM

        if getattr(network.config, "is_encoder_decoder", False) and hasattr(network, "get_encoder"):
            return EncoderDecoderLM(network, name=name)
        return HuggingFaceCausalLM(network, name=name)
    raise ModelError(
        f"{name}: got a {type(network).__name__}, expected a transformers causal language model or an object with "
        "prefill and decode_step (guidance.model.CausalLM); load one with guidance.load(...)"
    )


def _check_sizes(model: Model) -> None:
    size, width = model.vocabulary.size, model.language_model.logits_size
    if size > width:
        raise ModelError(
            f"{model.name}: the tokenizer has {size} tokens but the logits have {width} columns; "
            "load the tokenizer that belongs to this model"
        )
