"""Load a model by name: ``embedded``, ``embedded/NAME``, a local folder, or a hub id."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fsm import Vocabulary
from guidance.encoding import TextEncoder
from guidance.errors import ModelError

if TYPE_CHECKING:
    from guidance.model import CausalLM, Model

__all__ = ["as_model", "load", "load_encoder", "load_tokenizer", "load_vocabulary"]

EMBEDDED = "embedded"

_UNREADABLE = (OSError, ValueError, KeyError, ImportError)

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def load(
    name: str | Path, *, device: str | None = None, dtype: str | None = None, static_cache: int | None = None
) -> Model:
    """Load a model and its tokenizer.

    Parameters
    ----------
    name : ``"embedded"`` for the model in the package, ``"embedded/draft"`` and the like for the others, the path of
        a folder written by ``save_pretrained``, or a hub id such as ``"Qwen/Qwen2.5-0.5B-Instruct"``.
    device : where to put it, such as ``"cuda"``; None leaves it on the CPU.
    dtype : ``"float32"``, ``"bfloat16"`` or ``"float16"``; ``"int8"`` keeps the layers' matrices in eight bits, with a
        scale for each row, and all else in bfloat16, where the plain decoder computes the network; None takes float32
        on the CPU, else the checkpoint's.
    static_cache : the tokens, prompt and output together, for which every row gets its keys and values at once, so that
        they never move; None lets them grow with the texts. Only where the plain decoder computes the network.

    Raises
    ------
    ModelError : when there is no such model, it cannot be read, or it cannot have a static cache.

    Examples
    --------
    >>> load("embedded").name
    'embedded'
    """
    from guidance.model import Model

    source = find_source(str(name))
    network = _read_plain(source, device=device, dtype=_dtype(dtype, device), static_cache=static_cache)
    if network is None:
        _refuse_plain_only(str(name), static_cache=static_cache, dtype=dtype)
        network = _read_network(source, str(name), _dtype(dtype, device))
        network = network if device is None else network.to(device)
    tokenizer = load_tokenizer(name)
    return Model(
        network,
        tokenizer,
        name=str(name),
        generation_config=_read_generation_config(source),
        labels=_read_labels(source),
    )


def as_model(model: Model | str) -> Model:
    """Return a model that was given itself or by name; the last eight names stay loaded.

    Raises
    ------
    ModelError : when it is neither, or there is no model of that name.
    """
    from guidance.model import Model

    if isinstance(model, Model):
        return model
    if isinstance(model, str):
        return _load_once(model)
    raise ModelError(
        f"model: got {type(model).__name__}, expected a guidance.Model or a name; "
        "wrap it: guidance.Model(network, tokenizer)"
    )


@lru_cache(maxsize=8)  # a model, its experts and its classifiers
def _load_once(name: str) -> Model:
    return load(name)


def load_vocabulary(name: str | Path) -> Vocabulary:
    """Load a model's vocabulary without its weights.

    Raises
    ------
    ModelError : when there is no such model, or its tokenizer cannot be read.

    Examples
    --------
    >>> load_vocabulary("embedded").size
    1024
    """
    return load_encoder(name).vocabulary


def load_encoder(name: str | Path) -> TextEncoder:
    """Load what turns text into a model's tokens, without its weights.

    Raises
    ------
    ModelError : when there is no such model, or its tokenizer cannot be read.
    """
    from guidance.tokenizers import vocabulary_from

    source = find_source(str(name))
    tokenizer = load_tokenizer(name)
    return TextEncoder(tokenizer, vocabulary_from(tokenizer, generation_config=_read_generation_config(source)))


def load_tokenizer(name: str | Path) -> Any:
    """Load a model's tokenizer, as the library it comes from has it.

    Raises
    ------
    ModelError : when there is no such model, or its tokenizer cannot be read.
    """
    source = find_source(str(name))
    return _read_embedded_tokenizer(source) if _is_embedded(name) else _read_tokenizer(source, str(name))


def _is_embedded(name: str | Path) -> bool:
    return str(name).partition("/")[0] == EMBEDDED


def find_source(name: str) -> str:
    """Return the folder or the hub id that a name stands for."""
    if _is_embedded(name):
        from guidance.embedded import embedded_path

        return str(embedded_path(name.partition("/")[2] or "base"))
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder)
    if folder.is_file() or not _HUB_ID.fullmatch(name):
        found = "a file" if folder.is_file() else "no such folder"
        raise ModelError(
            f"model {name!r}: got {found}, expected 'embedded', a folder with config.json and safetensors, or a hub id "
            "such as 'Qwen/Qwen2.5-0.5B-Instruct'; check the spelling"
        )
    _refuse_misspelled(name)
    return name


def _refuse_misspelled(name: str) -> None:
    """Refuse a hub id that is all but the name of an embedded model: offline, the hub is tried for half a minute."""
    from guidance.embedded import embedded_names

    names = [EMBEDDED, *(f"{EMBEDDED}/{each}" for each in embedded_names())]
    near = get_close_matches(name.lower(), names, cutoff=0.8)
    near += [f"{EMBEDDED}/{each}" for each in embedded_names() if each == name]
    if near:
        raise ModelError(
            f"model {name!r}: got no embedded model and no folder of this name, expected "
            f"{' or '.join(map(repr, near))}; check the spelling, or load a checkpoint of this name from a folder"
        )


def _dtype(dtype: str | None, device: str | None) -> Any:
    import torch

    if dtype is None:
        return torch.float32 if device in {None, "cpu"} else "auto"
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "int8": torch.int8}
    if dtype not in known:
        raise ModelError(f"dtype: got {dtype!r}, expected one of {', '.join(known)}; change dtype")
    return known[dtype]


def _refuse_plain_only(name: str, *, static_cache: int | None, dtype: str | None) -> None:
    """Refuse what only the plain decoder offers."""
    given = {"static_cache": static_cache, "dtype": dtype if dtype == "int8" else None}
    for option, value in given.items():
        if value is not None:
            raise ModelError(
                f"model {name!r}: got {option}={value!r} for a network that transformers runs, expected one that the "
                f"plain decoder computes (a folder of Llama, Mistral, Qwen2, Qwen3 or SmolLM); drop {option}"
            )


def _read_plain(source: str, *, device: str | None, dtype: Any, static_cache: int | None) -> CausalLM | None:
    """Return the plain decoder for a folder it computes exactly; it needs no transformers and is faster."""
    folder = Path(source)
    if not (folder / "config.json").is_file():
        return None
    from guidance.transformer.llama import LlamaCausalLM
    from guidance.transformer.llama_weights import read_checkpoint

    read = read_checkpoint(folder, dtype=None if dtype == "auto" else dtype, device=device or "cpu")
    return None if read is None else LlamaCausalLM(*read, static_cache=static_cache)


def _read_network(source: str, name: str, dtype: Any) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        is_encoder_decoder = AutoConfig.from_pretrained(source).is_encoder_decoder
        kind = AutoModelForSeq2SeqLM if is_encoder_decoder else AutoModelForCausalLM
        return kind.from_pretrained(source, dtype=dtype)
    except _UNREADABLE as error:
        raise _unreadable(name, "a causal language model", error) from error


def _read_embedded_tokenizer(source: str) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(Path(source) / "tokenizer.json"))


def _read_generation_config(source: str) -> SimpleNamespace | None:
    """Return the end tokens a folder names; chat models have several."""
    file = Path(source) / "generation_config.json"
    if not file.is_file():
        return None
    return SimpleNamespace(eos_token_id=json.loads(file.read_text(encoding="utf-8")).get("eos_token_id"))


def _read_labels(source: str) -> list[str]:
    """Return the names of a classifier's outputs, as far as the folder has them."""
    file = Path(source) / "config.json"
    names = json.loads(file.read_text(encoding="utf-8")).get("id2label") if file.is_file() else None
    return [str(names[place]) for place in sorted(names, key=int)] if names else []


def _read_tokenizer(source: str, name: str) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(source)
    except _UNREADABLE as error:
        raise _unreadable(name, "a tokenizer", error) from error


def _unreadable(name: str, expected: str, error: Exception) -> ModelError:
    reason = str(error).strip().split("\n")[0]
    return ModelError(
        f"model {name!r}: got an error while reading it ({reason}), expected {expected}; "
        "check the name and the network, or use 'embedded', which needs neither"
    )
