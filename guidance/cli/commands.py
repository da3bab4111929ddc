"""Define the commands and their options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guidance.cli.grammars import GrammarChoice
from guidance.cli.inspection import allowed_after, find_token, follow, measure_cost
from guidance.cli.plugins import add_plugins
from guidance.cli.printing import INTERRUPTED, check_place, print_note, reporting_errors, to_json, write_result
from guidance.cli.watermarking import KeyFile, MarkScheme, make_watermark, watermark_app
from guidance.errors import PromptError

if TYPE_CHECKING:
    from guidance.result import Result

__all__ = ["AsJson", "Choice", "Regex", "Schema", "main", "read_prompt"]

app = typer.Typer(
    name="guidance",
    help="Make a language model's output exactly the type you asked for.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(watermark_app, name="watermark")

Schema = Annotated[Path | None, typer.Option("--schema", metavar="FILE", help="A JSON Schema file.")]
Regex = Annotated[str | None, typer.Option("--regex", help="A regular expression the whole text must match.")]
Choice = Annotated[list[str] | None, typer.Option("--choice", help="An allowed text; repeat for each.")]
ModelName = Annotated[str, typer.Option("--model", help="'embedded', a folder, or a hub id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything known as one JSON object.")]


@app.command()
@reporting_errors
def generate(
    prompt: Annotated[str | None, typer.Argument(help="The prompt; '-' or nothing reads stdin.")] = None,
    schema: Schema = None,
    regex: Regex = None,
    choice: Choice = None,
    model: ModelName = "embedded",
    as_json: AsJson = False,
    max_tokens: Annotated[int, typer.Option(help="Most tokens to produce.")] = 256,
    temperature: Annotated[float, typer.Option(help="0 takes the most likely token.")] = 0.0,
    top_p: Annotated[float | None, typer.Option(help="Keep the most likely tokens up to this probability.")] = None,
    seed: Annotated[int, typer.Option(help="Chooses the random numbers.")] = 0,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the result to this file.")] = None,
    watermark_key_file: KeyFile = None,
    watermark_scheme: MarkScheme = "selfhash",
) -> None:
    """Generate what follows a prompt.

    Example: guidance generate "Ada Lovelace, 36, London" --schema person.json
    """
    import guidance
    from guidance.sampling import Sampling

    check_place(output)
    grammar = GrammarChoice(schema=schema, regex=regex, choice=tuple(choice or ())).output()
    sampling = Sampling(temperature=temperature, top_p=top_p, seed=seed)
    watermark = None if watermark_key_file is None else make_watermark(watermark_key_file, watermark_scheme)
    text = read_prompt(prompt)
    events = guidance.stream(
        guidance.load(model), text, grammar, sampling=sampling, max_tokens=max_tokens, watermark=watermark
    )
    result = _show_progress(events)
    is_interrupted = result.stop_reason == "cancelled"
    if not is_interrupted:
        _ = result.value  # a text that is cut short is an error, not a result
    write_result(to_json(_report(result)) if as_json else result.text, None if is_interrupted else output)
    if is_interrupted:
        print_note("interrupted; what there was is above")
        raise SystemExit(INTERRUPTED)


@app.command(name="compile")
@reporting_errors
def compile_(
    schema_file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A JSON Schema file.")] = None,
    schema: Schema = None,
    regex: Regex = None,
    choice: Choice = None,
    lenient: Annotated[bool, typer.Option(help="Warn of what is not supported, leave it unchecked.")] = False,
    model: ModelName = "embedded",
    as_json: AsJson = False,
) -> None:
    """Check a grammar; print what it costs, what it enforces, and what in it is unreachable, endless or ambiguous.

    Example: guidance compile person.json
    """
    from guidance.kernels import prepare_kernels
    from guidance.loading import load_vocabulary

    prepare_kernels()
    chosen = GrammarChoice(schema=schema or schema_file, regex=regex, choice=tuple(choice or ()), lenient=lenient)
    chosen.grammar()  # refuse a broken one before the vocabulary is read
    vocabulary = load_vocabulary(model)
    measure_cost(chosen.grammar, vocabulary)  # warm: kernels, and what grammars of one vocabulary share
    cost = measure_cost(chosen.grammar, vocabulary).to_json()
    warnings = chosen.grammar().compile(vocabulary).warnings
    for warning in warnings:
        print_note(warning)
    report = chosen.grammar().report()
    lines = [f"{name.replace('_', ' '):<24}{value!r}" for name, value in cost.items()]
    record = {**cost, "warnings": list(warnings), "report": report.to_json()}
    write_result(to_json(record) if as_json else "\n".join([*lines, "", str(report)]), None)


@app.command()
@reporting_errors
def explain(
    prefix: Annotated[str, typer.Argument(help="The text so far.")] = "",
    schema: Schema = None,
    regex: Regex = None,
    choice: Choice = None,
    token: Annotated[str | None, typer.Option("--token", help="A token's text or id: why is it not allowed?")] = None,
    model: ModelName = "embedded",
    as_json: AsJson = False,
) -> None:
    r"""Say which bytes and tokens may follow a prefix, and why a token may not.

    Example: guidance explain "20" --regex "\d{4}" --token a
    """
    from guidance.kernels import prepare_kernels
    from guidance.loading import load_vocabulary

    prepare_kernels()
    chosen = GrammarChoice(schema=schema, regex=regex, choice=tuple(choice or ()))
    grammar = chosen.grammar()
    vocabulary = load_vocabulary(model)
    matcher = grammar.compile(vocabulary).matcher()
    follow(matcher, prefix, vocabulary)
    allowed = allowed_after(matcher, vocabulary)
    why = None if token is None else str(matcher.explain(find_token(token, vocabulary)))
    pieces = [vocabulary.token_bytes[token_id] for token_id in allowed.token_ids]
    if as_json:
        record = {
            "bytes": list(allowed.bytes_allowed),
            "tokens": dict(zip(map(str, allowed.token_ids), map(_show, pieces), strict=True)),
            "may_end": allowed.ends,
            "why": why,
        }
        write_result(to_json(record), None)
        return
    write_result(_allowed_lines(allowed.bytes_allowed, pieces, ends=allowed.ends, why=why), None)


def main() -> None:
    """Run the command line."""
    add_plugins(app, sys.argv[1:])
    app()


def read_prompt(prompt: str | None) -> str:
    """Return the prompt, or what stands on stdin.

    Raises
    ------
    PromptError : when there is neither, or stdin is not UTF-8.
    """
    if prompt not in {None, "-"}:
        assert prompt is not None
        return prompt
    if sys.stdin.isatty():
        raise PromptError("prompt: got none, expected an argument or text on stdin; give one")
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError as error:
        raise PromptError("prompt: got bytes on stdin that are not UTF-8, expected text; convert it") from error
    return text.removesuffix("\n")


def _show_progress(events: Any) -> Result[Any]:
    """Consume a stream, with a live line on stderr when that is a terminal; return its result."""
    from guidance.metrics import follow

    result: Result[Any] | None = None
    for event in follow(events) if sys.stderr.isatty() else events:
        result = event.result
    assert result is not None
    return result


def _report(result: Result[Any]) -> dict[str, Any]:
    return {
        "text": result.text,
        "value": result.value if result.is_valid else None,
        "token_ids": list(result.token_ids),
        "log_probs": list(result.log_probs),
        "stop_reason": result.stop_reason.value,
        "metrics": result.metrics.to_json(),
    }


def _allowed_lines(first_bytes: tuple[int, ...], pieces: list[bytes], *, ends: bool, why: str | None) -> str:
    shown = " ".join(_show(piece) for piece in pieces[:40])
    more = f" and {len(pieces) - 40} more" if len(pieces) > 40 else ""
    lines = [
        f"next bytes: {' '.join(_show(bytes([byte])) for byte in first_bytes) or 'none'}",
        f"next tokens ({len(pieces)}): {shown or 'none'}{more}",
        f"may end here: {'yes' if ends else 'no'}",
    ]
    return "\n".join(lines if why is None else [*lines, why])


def _show(piece: bytes) -> str:
    return repr(piece)[1:]
