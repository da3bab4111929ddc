"""Define ``guidance steer``: one steered text, or a sweep over the strength with its picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guidance.cli.commands import AsJson, Choice, Regex, Schema, read_prompt
from guidance.cli.grammars import GrammarChoice
from guidance.cli.printing import check_place, print_note, reporting_errors, to_json, write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from guidance.model import Model
    from guidance.sampling import Sampling
    from proxy_tuning.dexperts import DExperts
    from proxy_tuning.sweep import SweepPoint

__all__ = ["steer"]


@reporting_errors
def steer(
    prompt: Annotated[str | None, typer.Argument(help="The prompt; '-' or nothing reads stdin.")] = None,
    expert: Annotated[
        str | None, typer.Option(help="A model that writes as wanted: embedded/NAME or a folder.")
    ] = None,
    anti_expert: Annotated[str | None, typer.Option(help="A model that writes as not wanted.")] = None,
    alpha: Annotated[float, typer.Option(help="Strength; 0 is the base, below 0 steers the other way.")] = 2.0,
    base_top_p: Annotated[float, typer.Option(help="Keep the base's most likely tokens up to this.")] = 0.9,
    schema: Schema = None,
    regex: Regex = None,
    choice: Choice = None,
    model: Annotated[str, typer.Option("--model", help="The model to steer.")] = "embedded/writer",
    max_tokens: Annotated[int, typer.Option(help="Most tokens to produce.")] = 256,
    temperature: Annotated[float, typer.Option(help="0 takes the most likely token.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Chooses the random numbers.")] = 0,
    sweep: Annotated[
        str | None, typer.Option(metavar="ALPHAS", help="Try these strengths instead, such as '0,0.5,1,2,3.2'.")
    ] = None,
    judge: Annotated[
        str, typer.Option(help="For a sweep: positive, negative, formal, casual, or a pattern.")
    ] = "positive",
    texts: Annotated[int, typer.Option(help="For a sweep: texts drawn at each strength.")] = 100,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="For a sweep: draw it, as .svg or .png.")] = None,
    as_json: AsJson = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the result to this file.")] = None,
) -> None:
    r"""Steer a model by what an expert and an anti-expert say of each token.

    Example: guidance steer $'Write about the lamp.\n\n' --expert embedded/positive --anti-expert embedded/negative
    """
    import guidance

    check_place(output)
    check_place(picture)
    grammar = GrammarChoice(schema=schema, regex=regex, choice=tuple(choice or ())).output()
    make_steer = _experts(expert, anti_expert, base_top_p)
    strengths = None if sweep is None else _read_strengths(sweep)
    make_steer(alpha)  # refuse what cannot work before the models are asked to
    text, base = read_prompt(prompt), guidance.load(model)
    if strengths is None:
        sampling = guidance.Sampling(temperature=temperature, seed=seed)
        _steer_once(base, text, make_steer(alpha), (grammar, sampling, max_tokens), (output, as_json))
        return
    sampling = guidance.Sampling(temperature=temperature, seed=seed, n=texts)
    points = _sweep(base, text, make_steer, (strengths, judge, picture), (grammar, sampling, max_tokens))
    write_result(to_json([point.to_json() for point in points]) if as_json else _table(points), output)


Drawing = tuple[Any, "Sampling", int]


def _steer_once(base: Model, text: str, method: DExperts, drawing: Drawing, place: tuple[Path | None, bool]) -> None:
    import guidance

    grammar, sampling, max_tokens = drawing
    output, as_json = place
    result = guidance.generate(base, text, grammar, steer=[method], sampling=sampling, max_tokens=max_tokens)
    if grammar is not None:
        _ = result.value  # a text that is cut short is an error, not a result
    record = {"text": result.text, "stop_reason": result.stop_reason.value, "metrics": result.metrics.to_json()}
    write_result(to_json(record) if as_json else result.text, output)


def _sweep(
    base: Model,
    text: str,
    make_steer: Callable[[float], DExperts],
    what: tuple[list[float], str, Path | None],
    drawing: Drawing,
) -> list[SweepPoint]:
    """Try every strength, with a line on stderr for each; draw the picture that was asked for."""
    from proxy_tuning.effects import make_judge
    from proxy_tuning.picture import check_pictures, save_picture
    from proxy_tuning.sweep import SweepSettings
    from proxy_tuning.sweep import sweep as try_strengths

    strengths, judge, picture = what
    if picture is not None:
        check_pictures()
    grammar, sampling, max_tokens = drawing
    settings = SweepSettings(sampling=sampling, max_tokens=max_tokens, output=grammar)
    points = []
    for point in try_strengths(
        base, [text], make_steer, strengths=strengths, judge=make_judge(judge), settings=settings
    ):
        points.append(point)
        if sys.stderr.isatty():
            print_note(f"alpha {point.strength:g}: {100 * point.rate:.0f} % {judge}")
    if picture is not None:
        save_picture(points, picture, title=f"{base.name}: {judge}")
    return points


def _experts(expert: str | None, anti_expert: str | None, base_top_p: float) -> Callable[[float], DExperts]:
    import guidance
    from proxy_tuning.dexperts import DExperts

    loaded = [None if name is None else guidance.load(name) for name in (expert, anti_expert)]

    def make(alpha: float) -> DExperts:
        return DExperts(expert=loaded[0], antiexpert=loaded[1], alpha=alpha, base_top_p=base_top_p)

    return make


def _read_strengths(text: str) -> list[float]:
    from proxy_tuning.errors import SteeringError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise SteeringError(
            f"--sweep: got {text!r}, expected numbers with commas, such as 0,0.5,1,2; correct it"
        ) from error


def _table(points: Sequence[SweepPoint]) -> str:
    lines = [f"{'alpha':>7}{'rate':>8}{'perplexity':>12}{'distinct-1':>12}{'distinct-2':>12}"]
    lines += [
        f"{point.strength:>7g}{100 * point.rate:>6.1f} %{point.perplexity:>12.3f}"
        f"{point.distinct_1:>12.3f}{point.distinct_2:>12.3f}"
        for point in points
    ]
    return "\n".join(lines)
