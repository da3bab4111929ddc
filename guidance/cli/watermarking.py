"""Define the commands about watermarks: ``guidance watermark detect``."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guidance.cli.printing import reporting_errors, to_json, write_result
from guidance.errors import InputFileError, WatermarkError

if TYPE_CHECKING:
    from guidance.watermark import TransformersWatermark, Verdict, Watermark

__all__ = ["KeyFile", "MarkScheme", "make_watermark", "watermark_app"]

KEY_VARIABLE = "GUIDANCE_WATERMARK_KEY"

KeyFile = Annotated[Path | None, typer.Option(help="Watermark the text with the key in this file.")]
MarkScheme = Annotated[str, typer.Option(help="The watermark's scheme; see guidance watermark detect --help.")]

watermark_app = typer.Typer(help="Look for watermarks in texts.", no_args_is_help=True, rich_markup_mode=None)


@watermark_app.callback()
def _group() -> None:
    """Look for watermarks in texts."""


@watermark_app.command()
@reporting_errors
def detect(
    file: Annotated[Path, typer.Argument(help="A text, or the JSON of guidance generate --json; '-' reads stdin.")],
    *,
    key_file: Annotated[
        Path | None, typer.Option(help=f"The file that holds the key; else ${KEY_VARIABLE} is taken.")
    ] = None,
    scheme: Annotated[str, typer.Option(help="lefthash, selfhash, minhash, skipgram, gumbel or synthid.")] = "selfhash",
    gamma: Annotated[float, typer.Option(help="The green share of the vocabulary.")] = 0.25,
    context_size: Annotated[
        int | None, typer.Option(help="Tokens a list depends on; the scheme's own if left out.")
    ] = None,
    false_positive_rate: Annotated[float, typer.Option(help="Unmarked texts that may be called marked.")] = 1e-3,
    model: Annotated[
        str, typer.Option("--model", help="Whose tokens: 'embedded', a folder, or a hub id.")
    ] = "embedded",
    transformers: Annotated[
        Path | None, typer.Option(metavar="CONFIG", help="A generation_config.json with transformers' watermarking.")
    ] = None,
    colours: Annotated[bool, typer.Option("--colours", help="Print the text with its tokens in colour.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything known as one JSON object.")] = False,
) -> None:
    """Say whether a text bears a watermark, and how rarely an unmarked text would be called so.

    Example: guidance watermark detect letter.txt --key-file key.bin
    """
    from guidance.loading import load_encoder
    from guidance.watermark import detect_watermark
    from guidance.watermark.display import to_ansi

    text = _read_text(file)
    mark: Watermark | TransformersWatermark
    encoder = load_encoder(model)
    if transformers is not None:
        mark = _read_foreign(transformers, _logits_size(model) or encoder.vocabulary.size)
    else:
        mark = make_watermark(key_file, scheme, gamma=gamma, context_size=context_size)
    verdict = detect_watermark(text, encoder, mark, false_positive_rate=false_positive_rate)
    if as_json:
        write_result(to_json(_report(verdict)), None)
        return
    lines = [to_ansi(verdict, encoder.vocabulary), ""] if colours else []
    write_result("\n".join([*lines, *_describe(verdict)]), None)


def make_watermark(
    key_file: Path | None, scheme: str, *, gamma: float = 0.25, context_size: int | None = None
) -> Watermark:
    """Return the watermark of the key in a file, or in the environment.

    Raises
    ------
    InputFileError : when the file cannot be read.
    WatermarkError : when there is no key, or a setting is out of range.
    """
    from guidance.watermark import Watermark

    return Watermark(
        key=_read_key(key_file),
        scheme=scheme,  # type: ignore[arg-type] # the class refuses what is none
        gamma=gamma,
        context_size=context_size,
    )


def _read_text(file: Path) -> str | list[int]:
    """Return a text, or the token ids that a JSON result holds: they are what was marked."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(f"text {file}: got {error}, expected a UTF-8 file; check the path") from error
    if text.startswith("{") and '"token_ids"' in text:
        try:
            return [int(token) for token in json.loads(text)["token_ids"]]
        except (ValueError, KeyError, TypeError):
            return text
    return text.removesuffix("\n")


def _read_key(file: Path | None) -> bytes:
    if file is None:
        given = os.environ.get(KEY_VARIABLE, "")
        if not given:
            raise WatermarkError(
                f"key: got none, expected --key-file or ${KEY_VARIABLE}; give the key of the watermark"
            )
        return given.encode()
    try:
        return file.read_bytes().removesuffix(b"\n")
    except OSError as error:
        raise InputFileError(f"key file {file}: got {error.strerror}, expected a file; check the path") from error


def _logits_size(model: str) -> int | None:
    """Return the width of a model folder's logits, which may exceed its tokens; that library's lists depend on it."""
    config = Path(model) / "config.json"
    return int(json.loads(config.read_text(encoding="utf-8"))["vocab_size"]) if config.is_file() else None


def _read_foreign(file: Path, vocabulary_size: int) -> TransformersWatermark:
    from guidance.watermark import TransformersWatermark

    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        settings = found.get("watermarking_config", found)
        return TransformersWatermark(
            vocabulary_size=int(found.get("vocab_size", vocabulary_size)),
            gamma=float(settings.get("greenlist_ratio", 0.25)),
            delta=float(settings.get("bias", 2.0)),
            hashing_key=int(settings.get("hashing_key", 15_485_863)),
            scheme=settings.get("seeding_scheme", "lefthash"),
            context_width=int(settings.get("context_width", 1)),
        )
    except (OSError, ValueError, AttributeError) as error:
        raise InputFileError(
            f"configuration {file}: got {error}, expected JSON with a watermarking_config; check the path"
        ) from error


def _report(verdict: Verdict) -> dict[str, Any]:
    return {
        "is_watermarked": verdict.is_watermarked,
        "false_positive_rate": verdict.false_positive_rate,
        "z": verdict.z,
        "p_value": verdict.p_value,
        "num_scored": verdict.num_scored,
        "num_repeated": verdict.num_repeated,
        "green_fraction": verdict.green_fraction,
        "window": None if verdict.window is None else asdict(verdict.window),
    }


def _describe(verdict: Verdict) -> list[str]:
    answer = "yes" if verdict.is_watermarked else "no"
    lines = [
        f"watermarked: {answer} (of unmarked texts, {verdict.false_positive_rate:g} are called so)",
        f"p-value: {verdict.p_value:.3g}",
        f"z: {verdict.z:.2f}",
        f"tokens scored: {verdict.num_scored}, {verdict.green_fraction:.1%} green; {verdict.num_repeated} repeated",
    ]
    if verdict.window is not None:
        found = verdict.window
        lines.append(f"loudest stretch: tokens {found.start} to {found.end}, p-value at most {found.p_value:.3g}")
    return lines
