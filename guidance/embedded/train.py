"""Train an embedded model on generated text: ``python -m guidance.embedded.train base --out FOLDER``.

Everything follows from the recipe's seed. The loss covers the answers only. On 2 CPU cores the base model
takes under an hour with bfloat16 autocast; ``--device cuda`` runs the same recipe in minutes.
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
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from guidance.embedded.batches import Batch, draw_batches
from guidance.embedded.evaluate import answer_prompts, draw_examples, share_right
from guidance.embedded.recipes import RECIPES, Recipe
from guidance.embedded.tokenizer import CONTEXT_SIZE, EOS_TOKEN, PAD_TOKEN, save_tokenizer, train_tokenizer

__all__ = ["build_model", "main", "measure_model", "save_model", "train_model"]

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
    tokenizer = train_tokenizer(RECIPES["base"].seed)  # one tokenizer for all models: a draft must share it
    model = train_model(recipe, tokenizer, device=device)
    minutes = (time.perf_counter() - started) / 60
    save_model(model, tokenizer, out)
    figures = measure_model(out)
    note = {
        "command": f"python -m guidance.embedded.train {name} --device {device} --steps {recipe.steps}",
        "machine": _device_name(device),
        "minutes": round(minutes, 1),
        "steps": recipe.steps,
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }
    (out / "training.json").write_text(json.dumps(note | figures, indent=2) + "\n", encoding="utf-8")
    Console(stderr=True).print_json(data=note | figures)


def measure_model(folder: Path) -> dict[str, float]:
    """Measure a saved model's exact records on held-out sentences, greedily and without a mask."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    figures = {}
    for forms, count in (("seen", 500), ("unseen", 200)):
        examples = draw_examples(forms, count)
        answers = answer_prompts(model, tokenizer, [example.prompt for example in examples])
        figures[f"{forms}_right_percent"] = round(100 * share_right(examples, answers), 1)
    return figures


def build_model(recipe: Recipe, tokenizer: Tokenizer) -> LlamaForCausalLM:
    """Build the recipe's model with fresh weights from its seed."""
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=recipe.hidden_size,
        intermediate_size=recipe.intermediate_size,
        num_hidden_layers=recipe.num_layers,
        num_attention_heads=recipe.num_heads,
        num_key_value_heads=recipe.num_kv_heads,
        max_position_embeddings=CONTEXT_SIZE,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.token_to_id(EOS_TOKEN),
        pad_token_id=tokenizer.token_to_id(PAD_TOKEN),
    )
    return LlamaForCausalLM(config)


def train_model(recipe: Recipe, tokenizer: Tokenizer, *, device: str = "cpu") -> LlamaForCausalLM:
    """Train the recipe's model on generated text."""
    model = build_model(recipe, tokenizer).to(device).train()
    optimizers = _build_optimizers(model, recipe)
    batches = draw_batches(tokenizer, batch_size=recipe.batch_size, seed=recipe.seed + 1)
    console = Console(stderr=True)
    for step, batch in _with_progress(batches, recipe.steps, console):
        share = _learning_rate_share(step, recipe)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * share
        loss = _answer_loss(model, batch, device)
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


def _answer_loss(model: LlamaForCausalLM, batch: Batch, device: str) -> torch.Tensor:
    token_ids = torch.from_numpy(batch.token_ids).to(device)
    targets = torch.from_numpy(batch.targets).to(device)
    with torch.autocast(device, dtype=torch.bfloat16):
        # Padding is at the end, so the causal mask alone keeps it out of sight.
        hidden = model.model(token_ids, use_cache=False).last_hidden_state
        scored = targets >= 0
        logits = model.lm_head(hidden[scored])
    return nn.functional.cross_entropy(logits.float(), targets[scored])


def _learning_rate_share(step: int, recipe: Recipe) -> float:
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    done = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    return FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * done))


def _build_optimizers(model: LlamaForCausalLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
    matrices = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "embed" not in name]
    others = [weight for name, weight in model.named_parameters() if weight.ndim != 2 or "embed" in name]
    if recipe.optimizer == "adamw":
        groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
        return [torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=MOMENTUM)]
    muon = torch.optim.Muon(
        matrices, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return [muon, torch.optim.AdamW(others, lr=recipe.learning_rate, betas=MOMENTUM, weight_decay=0.0)]


def save_model(model: LlamaForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
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
