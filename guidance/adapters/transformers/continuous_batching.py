"""Give requests of transformers' continuous batching their own outputs, each in one running batch.

The manager hands processors a row number for each request, and no list to put processors into: the one here is put
into the manager's own, which later versions may change. So what it relies on is checked, and refused by name where it
is not so. Masks are made between two steps, from each request's tokens; that leaves out batches that run ahead of
their tokens and graphs that call nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fsm import allocate_token_bitmask
from guidance.adapters.transformers.constraint import Constraint
from guidance.adapters.transformers.masking import mask_scores
from guidance.errors import ModelError, SamplingError
from guidance.model import Model

try:
    from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor
except ImportError as error:
    raise ModelError(
        f"continuous batching: got transformers {version('transformers')}, expected 5.17 or newer, whose requests "
        "bring settings of their own; install a newer one, or use guidance.Engine"
    ) from error

__all__ = ["GrammarBatching"]

_LIST = ("logits_processor", "tensors_required", "supported_keys", "do_processing", "_retrieve_processors_kwargs")
_OFF = ("use_async_batching", "use_cuda_graph", "varlen_compile_config", "decode_compile_config")


class GrammarBatching(ContinuousBatchingLogitsProcessor):  # type: ignore[misc] # transformers is not typed
    """Allow each request only tokens from which its own output can still be completed.

    Put it into a manager before that is started; then ``manager.add_request(ids, grammar=batching.output(Person))``.
    Requests without a grammar write free text. Greedy texts are those of `guidance.generate`.

    Parameters
    ----------
    manager : from ``network.init_continuous_batching``, with ``ContinuousBatchingConfig(use_async_batching=False,
        use_cuda_graph=False)``, which is what a machine without a GPU takes anyhow.
    model : the network that generates, with its tokenizer.

    Raises
    ------
    ModelError : for a manager that was started, or that is not made as this one was written for.
    SamplingError : for batches that run ahead, CUDA graphs, and compiled steps.

    Examples
    --------
    >>> import guidance
    >>> from transformers import AutoModelForCausalLM, AutoTokenizer, ContinuousBatchingConfig, GenerationConfig
    >>> from guidance.embedded import embedded_path
    >>> network = AutoModelForCausalLM.from_pretrained(embedded_path("base"))
    >>> model = guidance.Model(network, AutoTokenizer.from_pretrained(embedded_path("base")))
    >>> small = ContinuousBatchingConfig(num_blocks=8, max_batch_tokens=64)
    >>> manager = network.init_continuous_batching(GenerationConfig(max_new_tokens=9, eos_token_id=0), small)
    >>> truth = GrammarBatching(manager, model).output(bool)
    >>> manager.start()
    >>> request = manager.add_request(model.encode("Is it so? "), grammar=truth)
    >>> value = truth.read(manager.get_result(timeout=30))
    >>> manager.stop()
    >>> value in {True, False}
    True
    """

    supported_kwargs: dict[str, type] = {}  # noqa: RUF012 - the name and type that transformers asks for
    ignored_kwargs: tuple[str, ...] = ()

    def __init__(self, manager: Any, model: Model) -> None:
        self.supported_kwargs = {"grammar": BatchOutput}
        self._model = model
        self._mask: NDArray[np.int32] = allocate_token_bitmask(0, model.vocabulary.size)
        self._rows: list[int] = []
        _check_manager(manager)
        _check_settings(manager.continuous_batching_config)
        chain = manager.logit_processor
        # Before what truncates, behind what bans: the legal tokens of a row are what there is to choose from.
        places = [isinstance(item, ContinuousBatchingLogitsProcessor) for item in chain.logits_processor]
        chain.logits_processor.insert(places.index(True) if any(places) else len(places), self)
        chain.tensors_required += 1
        chain._retrieve_processors_kwargs()  # noqa: SLF001 - it has no public name
        chain.do_processing = True

    def output(self, output: Any) -> BatchOutput:
        """Return what a request is given as ``grammar``; one serves any number of requests.

        Parameters
        ----------
        output : what `guidance.generate` takes: a type, a JSON Schema as a dict, a grammar.

        Raises
        ------
        GuidanceError : as in `Constraint`.
        """
        return BatchOutput(self._model, output)

    def fill_defaults(self, int32_tensor: torch.Tensor) -> None:
        """Write the row of requests that are none: padding."""
        int32_tensor.fill_(-1)

    def prepare_tensor_args(self, requests_with_new_token: Sequence[Any]) -> torch.Tensor:
        """Make the masks of the step to come; return each request's row of them, -1 for none: int32[B]."""
        constrained = []
        for request in requests_with_new_token:
            grammar = request.state.logit_processor_kwargs.get("grammar")
            token_ids = request.state.to_generation_output().generated_tokens
            place = None if grammar is None else grammar.place(np.array(token_ids, dtype=np.int64))
            constrained.append((grammar, place))
        mask = allocate_token_bitmask(len(constrained), self._model.vocabulary.size)
        self._rows = [row for row, (_, place) in enumerate(constrained) if place is not None]
        for row in self._rows:
            grammar, place = constrained[row]
            grammar.fill(place, mask, row)
        self._mask = mask[self._rows]
        rows = [-1 if place is None else row for row, (_, place) in enumerate(constrained)]
        return torch.tensor(rows, dtype=torch.int32)

    def __call__(self, scores: torch.Tensor, tensor_arg: torch.Tensor) -> torch.Tensor:
        """Return the masked scores: float[B, V]; rows stand in the order in which the requests were prepared."""
        masked = scores.clone()
        masked[:, self._model.vocabulary.size :] = float("-inf")
        if self._rows:
            assert tensor_arg[self._rows].tolist() == self._rows
            masked[self._rows] = mask_scores(scores[self._rows], self._mask)
        return masked


class BatchOutput(Constraint):
    """Be the output of any number of requests; made by `GrammarBatching.output`."""

    def read(self, generated: Any) -> Any:
        """Return the typed value of a finished request.

        Parameters
        ----------
        generated : the ``GenerationOutput`` that the manager returned.

        Raises
        ------
        OutputError : for a text that was cut short, or that a validator of the type refuses.
        """
        return self.value(np.array(generated.generated_tokens, dtype=np.int64))


def _check_manager(manager: Any) -> None:
    chain = getattr(manager, "logit_processor", None)
    missing = [name for name in _LIST if not hasattr(chain, name)]
    if missing or not hasattr(manager, "continuous_batching_config"):
        raise ModelError(
            f"continuous batching: got a {type(manager).__name__} of transformers {version('transformers')}, whose "
            f"list of processors lacks {', '.join(missing) or 'a config'}, expected that of 5.23; install it, or use "
            "guidance.Engine"
        )
    if manager.batch_processor is not None or manager.is_running():
        raise ModelError(
            "continuous batching: got a manager that was started or warmed up, expected a new one: it has laid out its "
            "memory; make GrammarBatching(manager, model) before manager.start()"
        )


def _check_settings(config: Any) -> None:
    for name in _OFF:
        value = getattr(config, name, None)
        if any(value) if isinstance(value, tuple) else value:
            off = False if name.startswith("use") else None
            raise SamplingError(
                f"continuous batching: got {name}={value!r}, expected it off: masks are made on the host from the "
                f"tokens of the step before; give ContinuousBatchingConfig({name}={off})"
            )
