"""Compile the numeric kernels once after installation, and say so, instead of stalling in the first generation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from subprocess import DEVNULL
from time import perf_counter
from typing import Any

__all__ = ["exercise_drawing", "prepare_kernels"]

_USUAL_SECONDS = 25
# What is compiled only where a grammar of the kind is met: the packages of the kernels, and about how long it takes.
_LATER = {
    "fsm.patterns.": "patterns and lists of texts, once, about 9 s",
    "fsm.rules.": "rules, once, about 12 s",
    "fsm.parsing.": "a lexer and a parser, once, about 14 s",
}


def prepare_kernels() -> None:
    """Compile the kernels unless an earlier run has left them on disk; a line on stderr says that it happens.

    Those of other grammars than JSON's are left until one is met; then a line says so as well.

    Cost: about 25 s the first time on two cores, 1 ms later.
    """
    _announce_later_kernels()
    if all(_is_on_disk(kernel) for kernel in _entry_kernels()):
        return
    sys.stderr.write(f"guidance: compiling kernels, once, about {_USUAL_SECONDS} s ... ")
    sys.stderr.flush()
    started = perf_counter()
    with _compiling_beside("exercise_drawing"):
        _exercise_masks()
    exercise_drawing()
    sys.stderr.write(f"done in {perf_counter() - started:.1f} s\n")


@lru_cache(maxsize=1)
def _announce_later_kernels() -> None:
    """Have Numba tell, from now on, when it compiles what was left until a grammar of the kind is met."""
    from numba.core import event

    class Announcer(event.Listener):  # type: ignore[misc]
        def __init__(self) -> None:
            self.waiting = dict(_LATER)

        def on_start(self, event: Any) -> None:
            module = event.data["dispatcher"].py_func.__module__
            for package in [package for package in self.waiting if module.startswith(package)]:
                sys.stderr.write(f"guidance: compiling kernels of {self.waiting.pop(package)}\n")
                sys.stderr.flush()

        def on_end(self, event: Any) -> None:
            """Say no more."""

    event.register("numba:compile", Announcer())


def _entry_kernels() -> tuple[Any, ...]:
    """Return the kernels that Python calls; they bring in the others."""
    from fsm._fill_kernels import fill_entry
    from fsm._mask_kernels import mask_entry, take_entry
    from fsm._step_kernels import advance_entry
    from fsm.tokens._trie_kernels import build_trie_kernel
    from guidance.logits._draw_kernels import draw_rows_kernel, truncate_kernel
    from guidance.logits._kernels import apply_mask_kernel
    from guidance.transformer._kernels import read_rows_kernel

    drawing = (apply_mask_kernel, draw_rows_kernel, truncate_kernel)
    masks = (advance_entry, fill_entry, mask_entry, take_entry)
    return (*masks, build_trie_kernel, *drawing, read_rows_kernel)


def _is_on_disk(kernel: Any) -> bool:
    """Tell whether Numba's index for the kernel is there and younger than its source."""
    folder = getattr(getattr(kernel, "stats", None), "cache_path", None)
    if folder is None:  # compiling is switched off
        return True
    code = kernel.py_func.__code__
    module = kernel.py_func.__module__.rpartition(".")[2]
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    indices = Path(folder).glob(f"{module}.{kernel.py_func.__qualname__}-{code.co_firstlineno}.{version}*.nbi")
    written = max((index.stat().st_mtime for index in indices), default=0.0)
    return written >= Path(code.co_filename).stat().st_mtime


@contextmanager
def _compiling_beside(function: str) -> Iterator[None]:
    """Run a function of this module in a second process meanwhile, for what it leaves on disk.

    Where that fails nothing is lost: what is not on disk is compiled here.
    """
    command = [sys.executable, "-c", f"import guidance.kernels as kernels; kernels.{function}()"]
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and a name from this module
            command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
        )
    except OSError:
        yield
        return
    try:
        yield
        process.wait()
    finally:
        process.kill()
        process.wait()


def _exercise_masks() -> None:
    """Run the kernels of masks on a vocabulary of bytes."""
    from fsm import Vocabulary, allocate_token_bitmask
    from grammars import json_schema

    vocabulary = Vocabulary([bytes([byte]) for byte in range(256)] + [b""], eos_token_ids=[256])
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 9}, "count": {"type": "integer"}, "e": {"enum": ["x"]}},
        "required": ["name"],
    }
    matcher = json_schema(schema).compile(vocabulary).matcher()
    mask = allocate_token_bitmask(1, vocabulary.size)
    for byte in b'{"name": "\\u00e9\\n\xc3\xa9 z", "count": 12, "e": "x"}':
        matcher.fill_next_token_bitmask(mask)
        matcher.advance(byte)
    matcher.fill_next_token_bitmask(mask)
    matcher.reset()
    matcher.forced_bytes()
    matcher.forced_tokens()
    matcher.shortest_completion()


def exercise_drawing() -> None:
    """Run the kernels that draw from the masked law, and those of the layers before it."""
    import torch

    from fsm import allocate_token_bitmask
    from guidance.logits import NoRepeatNgram, TopP, Typical, apply_token_bitmask_inplace, draw_tokens

    mask = allocate_token_bitmask(1, 257)
    mask[:] = -1
    logits = torch.zeros(1, 257)
    draw_tokens(logits, mask, scales=[1.0], uniforms=[0.5], wants_base=True)
    draw_tokens(logits, None, scales=[0.0], uniforms=[0.0])
    TopP(0.5).process([[None]], logits[None])
    Typical(0.5).process([[None]], logits[None])
    repeats = NoRepeatNgram(2)
    repeats.process([[repeats.start([1, 2, 1])]], logits[None])
    apply_token_bitmask_inplace(logits, mask)
    _exercise_layers()


def _exercise_layers() -> None:
    """Run the kernels of a network on one of one layer."""
    import torch

    from guidance.transformer import LlamaCausalLM
    from guidance.transformer.llama_weights import LayerWeights, LlamaShape, LlamaWeights

    sizes = {"num_layers": 1, "num_heads": 1, "num_kv_heads": 1, "head_size": 2, "hidden_size": 2, "context_size": 4}
    ones = torch.ones(2)
    layer = LayerWeights(
        input_norm=ones,
        qkv=torch.ones(6, 2),
        qkv_bias=None,
        qk_norm=None,
        out=torch.ones(2, 2),
        out_bias=None,
        middle_norm=ones,
        gate_up=torch.ones(4, 2),
        down=torch.ones(2, 2),
    )
    weights = LlamaWeights(embedding=torch.ones(2, 2), layers=(layer,), norm=ones, head=torch.ones(2, 2))
    network = LlamaCausalLM(LlamaShape(**sizes, norm_epsilon=1e-6, rope_theta=1e4), weights)
    cache, _ = network.prefill([[0], [0, 1]])
    network.decode_step(cache, torch.tensor([[1], [1]]))
