"""Run the main job offline: sentences the model has never seen become validated objects, as they are written."""

import json
from importlib.resources import files
from pathlib import Path
from time import perf_counter

import jsonschema
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

import guidance
from grammars import choice, regex
from guidance.decoding import Metrics

SCHEMA = Path(__file__).with_name("person.schema.json")
KINDS = "What kind of record is this?\n\n{}\n"
AGES = "How old is the person?\n\n{}\n"


class Person(BaseModel):
    """Who a sentence describes."""

    name: str
    age: int
    city: str


@guidance.structured(model="embedded")
def extract(text: str) -> Person:
    """Who is described?\n\n{text}"""


def main() -> None:
    """Extract, choose, match, validate; then say what it took."""
    console = Console(highlight=False)
    console.print("[bold]loading[/] the embedded model")
    model = extract.model
    sentences = (files("guidance.embedded") / "demo_sentences.txt").read_text(encoding="utf-8").splitlines()
    started = perf_counter()
    metrics = extract_people(console, sentences)
    prompt = "Who is described?\n\n" + sentences[1]
    show(
        console, "choice", guidance.generate(model, KINDS.format(sentences[1]), choice(["person", "product", "event"]))
    )
    show(console, "regex \\d{1,3}", guidance.generate(model, AGES.format(sentences[1]), regex(r"\d{1,3}")))
    schema = json.loads(SCHEMA.read_text())
    result = guidance.generate(model, prompt, schema)
    jsonschema.validate(result.value, schema)
    show(console, SCHEMA.name, result)
    report(console, metrics, perf_counter() - started)


def extract_people(console: Console, sentences: list[str]) -> list[Metrics]:
    """Stream one object per sentence under a progress bar; return the metrics."""
    metrics = []
    columns = (BarColumn(24), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(sentences))
        for sentence in sentences:
            for event in extract.stream(sentence):
                progress.update(task, description=str(event.partial or ""))
            console.print(f"[dim]{sentence}[/]\n  {event.result.value!r}")
            metrics.append(event.result.metrics)
            progress.advance(task)
    return metrics


def show(console: Console, name: str, result: guidance.Result) -> None:
    """Print one result beside its grammar."""
    console.print(f"[bold]{name}[/]: {result.value}")


def report(console: Console, metrics: list[Metrics], seconds: float) -> None:
    """Print speed, latency, and what the grammar decided."""
    num_tokens = sum(m.num_output_tokens for m in metrics)
    forced = sum(m.num_forced_tokens for m in metrics) / num_tokens
    speed = num_tokens / sum(m.total_seconds for m in metrics)
    first = sorted(m.time_to_first_token_seconds for m in metrics)[len(metrics) // 2]
    console.print(
        f"[bold]{speed:.0f}[/] tokens per second, first token after [bold]{1e3 * first:.1f} ms[/] (median), "
        f"[bold]{forced:.0%}[/] of {num_tokens} tokens forced by the grammar, {seconds:.1f} s in all"
    )


if __name__ == "__main__":
    main()
