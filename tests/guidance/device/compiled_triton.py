"""Compile Triton's kernels for a GPU that need not be here; ``test_triton.py`` starts it in a process of its own."""

from __future__ import annotations

import pytest
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from guidance.logits import _triton as drawing
from guidance.transformer import _triton as layers

TYPES = {
    "logits": "*bf16", "masks": "*i32", "states": "*i64", "scales": "*fp32", "uniforms": "*fp64", "legal": "*fp32",
    "token_ids": "*i64", "log_probs": "*fp64", "is_broken": "*i1", "hidden": "*bf16", "change": "*bf16",
    "weight": "*bf16", "total": "*bf16", "normed": "*bf16", "gate_up": "*bf16", "product": "*bf16", "qkv": "*bf16",
    "rotations": "*fp32", "places": "*i64", "qk_norm": "*bf16", "queries": "*bf16", "keys": "*bf16", "values": "*bf16",
    "parts": "*fp32", "attended": "*bf16", "epsilon": "fp32", "scale": "fp32",
}  # fmt: skip
ATTENTION = {"SPLITS": 16, "SLOT_BLOCK": 64, "QUERY_BLOCK": 16, "HEAD_BLOCK": 128}
CASES = [
    (drawing.apply_masks_kernel, {"BLOCK": 1024}),
    (drawing.draw_rows_kernel, {"HAS_MASK": True, "BLOCK": 4096}),
    (drawing.draw_rows_kernel, {"HAS_MASK": False, "BLOCK": 4096}),
    (layers.add_norm_kernel, {"HAS_CHANGE": True, "BLOCK": 4096}),
    (layers.gate_up_kernel, {"BLOCK": 1024}),
    (layers.rotate_write_kernel, {"HAS_NORM": False, "BLOCK": 64}),
    (layers.rotate_write_kernel, {"HAS_NORM": True, "BLOCK": 64}),
    (layers.attend_kernel, ATTENTION),
    (layers.combine_kernel, {"SPLITS": 16, "HEAD_BLOCK": 128}),
]


@pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION")
@pytest.mark.parametrize(("kernel", "constants"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_kernel_compiles(kernel, constants):
    """Triton and its assembler take it, for the generation of GPUs that the figures are about."""
    signature = {name: "constexpr" if name in constants else TYPES.get(name, "i32") for name in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32))
    assert len(compiled.asm["cubin"]) > 1000
