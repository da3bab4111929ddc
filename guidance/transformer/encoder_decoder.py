"""Run encoder-decoder models of the transformers library (T5, BART): the encoder once, then the same loop.

A prompt is what the encoder reads; the decoder begins at its start token. Rows keep a cache each: these networks take
positions from the cache itself, so that rows padded side by side would not be what they are alone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from guidance.errors import ModelError
from guidance.model import KvCache
from guidance.transformer.threads import ThreadLimit

__all__ = ["EncoderDecoderCache", "EncoderDecoderLM"]


@dataclass(slots=True)
class _Row:
    """Hold one row: what the encoder made of its prompt, the decoder's cache, and the last logits."""

    encoded: Any
    cache: Any
    logits: torch.Tensor

    def fork(self) -> _Row:
        return _Row(self.encoded, copy.deepcopy(self.cache), self.logits)


class EncoderDecoderCache:
    """Hold one cache for each row; the encoder's outputs and the cross-attention belong to it."""

    __slots__ = ("rows",)

    def __init__(self, rows: list[_Row]) -> None:
        self.rows = rows

    @property
    def num_rows(self) -> int:
        """Return B."""
        return len(self.rows)

    @property
    def num_slots(self) -> int:
        """Return the most positions a decoder row occupies."""
        return max((row.cache.get_seq_length() for row in self.rows), default=0)

    @property
    def num_bytes(self) -> int:
        """Return the memory of keys and values, the cross-attention's included."""
        inner = [
            part for row in self.rows for part in (row.cache.self_attention_cache, row.cache.cross_attention_cache)
        ]
        layers = [layer for part in inner for layer in part.layers if getattr(layer, "keys", None) is not None]
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)

    def fork(self) -> EncoderDecoderCache:
        """Return an independent copy."""
        return EncoderDecoderCache([row.fork() for row in self.rows])

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order; a row may be named more than once."""
        seen: set[int] = set()
        chosen = []
        for index in rows:
            chosen.append(self.rows[index].fork() if index in seen else self.rows[index])
            seen.add(index)
        self.rows = chosen

    def crop(self, num_slots: int) -> None:
        """Forget every slot from `num_slots` on, in all rows."""
        self.drop([max(0, row.cache.get_seq_length() - num_slots) for row in self.rows])

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        for row, count in zip(self.rows, counts, strict=True):
            if count:
                row.cache.self_attention_cache.crop(-count)

    def join(self, other: KvCache) -> None:
        """Add the rows of another cache of the same model behind these; the other one must not be used again."""
        assert isinstance(other, EncoderDecoderCache)
        self.rows = self.rows + other.rows


class EncoderDecoderLM:
    """Adapt one transformers encoder-decoder to `CausalLM`.

    Parameters
    ----------
    network : a ``PreTrainedModel`` with a language-model head, such as ``T5ForConditionalGeneration``.
    name : how messages call it.

    Raises
    ------
    ModelError : when it names no token for its decoder to begin with.
    """

    reads_prompts_apart = True
    """Prompts go to the encoder: what a grammar forces at once is the decoder's, and read after them."""

    def __init__(self, network: Any, *, name: str = "model") -> None:
        self.name = name
        self.network = network.eval()
        self.config = network.config
        start = getattr(self.config, "decoder_start_token_id", None)
        if start is None:
            raise ModelError(
                f"{name}: got an encoder-decoder without decoder_start_token_id, expected one; set it in its config"
            )
        self._start = int(start)
        self._num_parameters = int(network.num_parameters())
        self._logits_size = int(network.get_output_embeddings().weight.shape[0])

    @property
    def logits_size(self) -> int:
        """Return the width of the output layer."""
        return self._logits_size

    @property
    def context_size(self) -> int:
        """Return the most positions that prompt and output may take together; relative positions have no limit."""
        size = getattr(self.config, "max_position_embeddings", None)
        return int(size) if size else 1 << 20

    @property
    def device(self) -> torch.device:
        """Return the device of the network's first parameter."""
        device: torch.device = self.network.device
        return device

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[EncoderDecoderCache, torch.Tensor]:
        """Let the encoder read the prompts, and the decoder its start token."""
        cache = EncoderDecoderCache([self._encode(prompt) for prompt in prompts])
        return cache, self.decode_step(cache, torch.full((len(prompts), 1), self._start))

    @torch.inference_mode()
    def decode_step(
        self,
        cache: KvCache,
        token_ids: torch.Tensor,
        lengths: Sequence[int] | None = None,
        *,
        num_logits: int = 1,
    ) -> torch.Tensor:
        """Append P positions to every row and return the logits of the last `num_logits` of them."""
        assert isinstance(cache, EncoderDecoderCache)
        size = token_ids.shape[1]
        sizes = [size] * len(cache.rows) if lengths is None else lengths
        logits = []
        for row, line, length in zip(cache.rows, token_ids, sizes, strict=True):
            if length:
                row.logits = self._read(row, line[size - length :])
            logits.append(_last(row.logits, num_logits))
        return torch.stack(logits)

    def _encode(self, prompt: Sequence[int]) -> _Row:
        from transformers import DynamicCache
        from transformers import EncoderDecoderCache as Cache

        end = self.config.eos_token_id
        line = [*prompt] if end is None or prompt[-1] == end else [*prompt, end]
        with torch.inference_mode():
            encoded = self.network.get_encoder()(input_ids=torch.tensor([line], device=self.device), return_dict=True)
        empty = torch.zeros(1, self._logits_size, device=self.device)
        return _Row(encoded, Cache(DynamicCache(), DynamicCache()), empty)

    def _read(self, row: _Row, token_ids: torch.Tensor) -> torch.Tensor:
        with ThreadLimit(token_ids.numel() * self._num_parameters, self.device):
            output = self.network(
                encoder_outputs=row.encoded,
                decoder_input_ids=token_ids[None].to(self.device),
                past_key_values=row.cache,
                use_cache=True,
                return_dict=True,
            )
        logits: torch.Tensor = output.logits[0]
        return logits


def _last(logits: torch.Tensor, num_logits: int) -> torch.Tensor:
    """Return float[N, V]; a row that read fewer positions is padded in front."""
    missing = num_logits - logits.shape[0]
    return torch.nn.functional.pad(logits, (0, 0, missing, 0)) if missing > 0 else logits[-num_logits:]
