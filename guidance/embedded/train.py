"""Train an embedded model on generated text: ``python -m guidance.embedded.train base --out FOLDER``.

Everything follows from the recipe's seed. The loss covers the answers only. On 2 CPU cores the base model
takes about 38 minutes (extrapolated from 60 steps); ``--device cuda`` runs the same recipe in minutes.
"""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tokenizers import Tokenizer
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedModel

from guidance.embedded import embedded_path
from guidance.embedded.batches import Batch, draw_batches
from guidance.embedded.corpora import CORPORA, recipe_tokenizer
from guidance.embedded.losses import LOSSES
from guidance.embedded.measure import measure_model
from guidance.embedded.recipes import RECIPES, Recipe
from guidance.embedded.tokenizer import CONTEXT_SIZE, EOS_TOKEN, PAD_TOKEN, save_tokenizer

__all__ = ["build_model", "main", "save_model", "train_model"]

MOMENTUM = (0.9, 0.95)
REPORT_STEPS = 250
FINAL_SHARE = 0.02  # of the learning rate, at the last step


def main(
    name: Annotated[str, typer.Argument(help=f"The recipe: {', '.join(RECIPES)}.")] = "base",
    out: Annotated[Path, typer.Option(help="The folder to write.")] = Path("trained"),
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    steps: Annotated[int, typer.Option(help="Train for so many steps; 0 takes the recipe's.")] = 0,
) -> None:
    """Train one embedded model and save it with its tokenizer."""
    if name not in RECIPES:
        raise typer.BadParameter(f"recipe: got {name!r}, expected one of {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    recipe = replace(recipe, steps=steps or recipe.steps)
    started = time.perf_counter()
    tokenizer = recipe_tokenizer(recipe)
    model = train_model(recipe, tokenizer, device=device)
    minutes = (time.perf_counter() - started) / 60
    save_model(model, tokenizer, out)
    figures = measure_model(out, recipe)
    note = {
        "command": f"python -m guidance.embedded.train {name} --device {device} --steps {recipe.steps}",
        "machine": _device_name(device),
        "minutes": round(minutes, 1),
        "steps": recipe.steps,
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }
    (out / "training.json").write_text(json.dumps(note | figures, indent=2) + "\n", encoding="utf-8")
    Console(stderr=True).print_json(data=note | figures)


def build_model(recipe: Recipe, tokenizer: Tokenizer) -> PreTrainedModel:
    """Build the recipe's model: with fresh weights from its seed, or with those of the recipe it starts from."""
    if recipe.start is not None:
        return LlamaForCausalLM.from_pretrained(embedded_path(recipe.start), dtype=torch.float32)
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=recipe.hidden_size,
        intermediate_size=recipe.intermediate_size,
        num_hidden_layers=recipe.num_layers,
        num_attention_heads=recipe.num_heads,
        num_key_value_heads=recipe.num_kv_heads,
        max_position_embeddings=CONTEXT_SIZE,
        tie_word_embeddings=recipe.goal == "text",
        bos_token_id=None,
        eos_token_id=tokenizer.token_to_id(EOS_TOKEN),
        pad_token_id=tokenizer.token_to_id(PAD_TOKEN),
    )
    if recipe.goal != "text":
        config.id2label = {0: "negative", 1: "positive"}
        config.label2id = {"negative": 0, "positive": 1}
    if recipe.goal != "attribute":
        return LlamaForCausalLM(config)
    return LlamaForSequenceClassification(config)


def train_model(recipe: Recipe, tokenizer: Tokenizer, *, device: str = "cpu") -> PreTrainedModel:
    """Train the recipe's model on generated text."""
    model = build_model(recipe, tokenizer).to(device).train()
    optimizers = _build_optimizers(model, recipe)
    batches = draw_batches(tokenizer, CORPORA[recipe.corpus], batch_size=recipe.batch_size, seed=recipe.seed + 1)
    console = Console(stderr=True)
    for step, batch in _with_progress(batches, recipe.steps, console):
        share = _learning_rate_share(step, recipe)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * share
        loss = LOSSES[recipe.goal](model, batch, device)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if step % REPORT_STEPS == 0:
            console.print(f"step {step}: loss {loss.item():.4f}")
    return model.eval()


def _with_progress(batches: Iterator[Batch], steps: int, console: Console) -> Iterator[tuple[int, Batch]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        for step in progress.track(range(steps), description="training"):
            yield step, next(batches)


def _learning_rate_share(step: int, recipe: Recipe) -> float:
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    done = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    return FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * done))


def _build_optimizers(model: PreTrainedModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    matrices = [weight for name, weight in model.named_parameters() if _is_inner(name, weight)]
    others = [weight for name, weight in model.named_parameters() if not _is_inner(name, weight)]
    if recipe.optimizer == "adamw":
        groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
        return [torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=MOMENTUM)]
    muon = torch.optim.Muon(
        matrices, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return [muon, torch.optim.AdamW(others, lr=recipe.learning_rate, betas=MOMENTUM, weight_decay=0.0)]


def _is_inner(name: str, weight: torch.Tensor) -> bool:
    """Tell the matrices between layers from the embedding, the heads and the norms."""
    return weight.ndim == 2 and "layers." in name


def save_model(model: PreTrainedModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Save half-precision weights that load as float32, and the tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    half = model.to("cpu", torch.float16)
    half.save_pretrained(folder)
    half.config.dtype = torch.float32  # CPUs compute in float32; the file stays small
    half.config.save_pretrained(folder)
    save_tokenizer(tokenizer, folder)


def _device_name(device: str) -> str:
    if device.startswith("cuda"):
        return f"one {torch.cuda.get_device_name()}"
    return f"{torch.get_num_threads()} CPU threads ({platform.machine()})"


if __name__ == "__main__":
    typer.run(main)
