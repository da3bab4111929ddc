"""Train an embedded model's draft heads on text it writes itself: ``python -m guidance.embedded.train_heads base``.

The model stays as it is. It answers generated prompts by drawing from its own law; the hidden states of its answers are
computed once, and only the heads, small layers over them, are trained. One CPU core takes some minutes.
"""

from __future__ import annotations

import json
import os
import platform
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import track
from torch.nn import functional

import guidance
from guidance.decoding import Decoder, Request
from guidance.embedded.corpora import CORPORA
from guidance.embedded.recipes import HEADS, RECIPES, HeadsRecipe
from guidance.logits import Pipeline
from guidance.sampling import Sampling
from guidance.speculation.heads import DraftHeads
from guidance.speculation.noting import hide_output_layer
from guidance.transformer import LlamaCausalLM

__all__ = ["Answers", "main", "read_answers", "right_shares", "train_heads"]

MOST_ANSWER_TOKENS = 120
ROWS_AT_ONCE = 64
MEASURED_ANSWERS = 300
NO_TOKEN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Hold hidden states and what was written after them.

    hidden : float32[N, H]     at each position of the answers, the one before their first token included
    tokens : int64[N, 1 + K]   the token that follows each, and the K after it; -1 behind the end
    """

    hidden: torch.Tensor
    tokens: torch.Tensor


def main(
    name: Annotated[str, typer.Argument(help=f"The model: {', '.join(HEADS)}.")] = "base",
    out: Annotated[Path, typer.Option(help="The folder to write.")] = Path("heads"),
    steps: Annotated[int, typer.Option(help="Train for so many steps; 0 takes the recipe's.")] = 0,
) -> None:
    """Train one embedded model's heads and save them with what was measured."""
    if name not in HEADS:
        raise typer.BadParameter(f"model: got {name!r}, expected one of {', '.join(HEADS)}")
    recipe = HEADS[name]
    started, used = time.perf_counter(), time.process_time()
    model = guidance.load(f"embedded/{name}")
    answers = read_answers(model, recipe, count=recipe.num_answers, seed=recipe.seed)
    heads = train_heads(model, answers, recipe, steps=steps or recipe.steps)
    shares = right_shares(model, heads, read_answers(model, recipe, count=MEASURED_ANSWERS, seed=recipe.seed + 1))
    _save(heads, out)
    note = {
        "command": f"python -m guidance.embedded.train_heads {name} --steps {steps or recipe.steps}",
        "machine": f"{torch.get_num_threads()} of {os.cpu_count()} shared CPU cores ({platform.machine()})",
        "minutes": round((time.perf_counter() - started) / 60, 1),
        "processor_minutes": round((time.process_time() - used) / 60, 1),
        "steps": steps or recipe.steps,
        "positions": len(answers.hidden),
        "parameters": sum(part.numel() for part in _parts(heads).values()),
        "right_percent": [round(100 * share, 1) for share in shares],
    }
    (out / "training.json").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    Console(stderr=True).print_json(data=note)


def read_answers(model: guidance.Model, recipe: HeadsRecipe, *, count: int, seed: int) -> Answers:
    """Let the model answer generated prompts, and return the hidden states of its answers."""
    rng = random.Random(seed)
    draw_text = CORPORA[RECIPES[recipe.model].corpus]
    prompts = sorted((tuple(model.encode(draw_text(rng).prompt)) for _ in range(count)), key=len)
    network = model.language_model
    assert isinstance(network, LlamaCausalLM), "embedded models are read by the plain decoder"
    headless = hide_output_layer(network)
    parts = [
        _read_part(model, headless, prompts[start : start + ROWS_AT_ONCE], recipe.num_heads)
        for start in track(range(0, count, ROWS_AT_ONCE), "answering", console=Console(stderr=True))
    ]
    return Answers(hidden=torch.cat([part.hidden for part in parts]), tokens=torch.cat([part.tokens for part in parts]))


def train_heads(model: guidance.Model, answers: Answers, recipe: HeadsRecipe, *, steps: int) -> DraftHeads:
    """Train heads to give the tokens that the model wrote itself, each from the hidden state some tokens before."""
    torch.manual_seed(recipe.seed)
    heads = _build(recipe, answers.hidden.shape[1])
    parameters = list(_parts(heads).values())
    optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    embedding, output = _layers(model)
    for step in track(range(steps), "training", console=Console(stderr=True)):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (1 - step / steps)
        chosen = torch.randint(len(answers.hidden), (recipe.batch_size,))
        losses = [
            functional.cross_entropy(functional.linear(guessed, output), wanted)
            for guessed, wanted in _guess_all(heads, answers.hidden[chosen], answers.tokens[chosen], embedding)
        ]
        torch.autograd.backward(torch.stack(losses).sum())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return DraftHeads(**{name: part.detach() for name, part in _parts(heads).items()})


@torch.inference_mode()
def right_shares(model: guidance.Model, heads: DraftHeads, answers: Answers) -> list[float]:
    """Return for each head how often its likeliest token is what the model wrote, given the token just before it."""
    embedding, output = _layers(model)
    return [
        float((functional.linear(guessed, output).argmax(dim=-1) == wanted).float().mean())
        for guessed, wanted in _guess_all(heads, answers.hidden, answers.tokens, embedding)
    ]


def _guess_all(
    heads: DraftHeads, hidden: torch.Tensor, tokens: torch.Tensor, embedding: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield for each head what the output layer is to read, and the tokens that were written, ends behind left out."""
    for head in range(1, heads.num_heads + 1):
        there = tokens[:, head] != NO_TOKEN
        before = functional.embedding(tokens[there, head - 1], embedding)
        yield heads.apply(head, hidden[there], before), tokens[there, head]


def _read_part(
    model: guidance.Model, headless: LlamaCausalLM, prompts: Sequence[tuple[int, ...]], num_heads: int
) -> Answers:
    pipeline = Pipeline(Sampling(seed=prompts[0][0]))
    requests = [
        Request(prompt_ids=prompt, pipeline=pipeline, max_tokens=MOST_ANSWER_TOKENS, row=row)
        for row, prompt in enumerate(prompts)
    ]
    decoder = Decoder(model, requests)
    for _ in decoder.run():
        pass
    answers = [[*row.token_ids, model.vocabulary.eos_token_ids[0]] for row in decoder.rows]
    lines = [[*prompt, *answer] for prompt, answer in zip(prompts, answers, strict=True)]
    longest = max(len(line) for line in lines) - 1
    cache, _ = headless.prefill([line[:1] for line in lines])
    padded = torch.tensor([[0] * (longest + 1 - len(line)) + line[1:] for line in lines])
    states = headless.decode_step(cache, padded, [len(line) - 1 for line in lines], num_logits=longest)
    hidden, tokens = [], []
    for state, answer in zip(states, answers, strict=True):
        size = len(answer)
        hidden.append(state[-size - 1 : -1])
        ahead = torch.tensor([*answer, *[NO_TOKEN] * num_heads])
        tokens.append(torch.stack([ahead[k : k + size] for k in range(num_heads + 1)], dim=1))
    return Answers(hidden=torch.cat(hidden).clone(), tokens=torch.cat(tokens))


def _build(recipe: HeadsRecipe, hidden_size: int) -> DraftHeads:
    """Return fresh heads, which give what the output layer would read by itself."""
    sizes = (recipe.num_heads, recipe.width, hidden_size)
    scale = hidden_size**-0.5
    return DraftHeads(
        hidden=(scale * torch.randn(sizes)).requires_grad_(),
        token=(scale * torch.randn(sizes)).requires_grad_(),
        bias=torch.zeros(sizes[:2], requires_grad=True),
        out=torch.zeros(recipe.num_heads, hidden_size, recipe.width, requires_grad=True),
    )


def _parts(heads: DraftHeads) -> dict[str, torch.Tensor]:
    return {"hidden": heads.hidden, "token": heads.token, "bias": heads.bias, "out": heads.out}


def _layers(model: guidance.Model) -> tuple[torch.Tensor, torch.Tensor]:
    network = model.language_model
    assert isinstance(network, LlamaCausalLM)
    return network.weights.embedding, network.weights.head


def _save(heads: DraftHeads, folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: part.to(torch.float16).contiguous() for name, part in _parts(heads).items()}
    save_file(tensors, folder / "heads.safetensors")


if __name__ == "__main__":
    typer.run(main)
