"""Write the figures: a table, the README's section, a JSON file."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

__all__ = ["machine", "save_json", "table", "update_readme"]

START, END = "<!-- maskbench:start -->", "<!-- maskbench:end -->"
Figures = Mapping[str, float]

_ROWS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("schemas", ("schemas",), "{:,.0f}"),
    ("right", ("schemas_right", "schemas_right_percent"), "{:,.0f} ({:.1f} %)"),
    ("accepts an invalid instance", ("schemas_accepts_invalid",), "{:,.0f}"),
    ("rejects a valid instance", ("schemas_rejects_valid",), "{:,.0f}"),
    ("refused", ("schemas_refused",), "{:,.0f}"),
    ("out of time / crashed", ("schemas_timeout", "schemas_crashed"), "{:,.0f} / {:,.0f}"),
    ("first mask: p50 / p95 / p99 µs", ("ttfm_p50_us", "ttfm_p95_us", "ttfm_p99_us"), "{:,.0f} / {:,.0f} / {:,.0f}"),
    *(
        (
            f"{label}: avg / p50 / p90 / p95 / p99 / p99.9 µs",
            tuple(f"tbm_{name}_{figure}_us" for figure in ("avg", "p50", "p90", "p95", "p99", "p99.9")),
            "{:,.1f} / {:,.1f} / {:,.1f} / {:,.1f} / {:,.0f} / {:,.0f}",
        )
        for label, name in (("next mask, cold", "cold"), ("next mask, warm", "warm"))
    ),
    ("vocabulary: MB / s", ("vocabulary_megabytes", "vocabulary_seconds"), "{:,.0f} / {:.2f}"),
    ("one schema after use: p50 / p99 KB", ("schema_p50_kilobytes", "schema_p99_kilobytes"), "{:,.0f} / {:,.0f}"),
)


def table(figures: Mapping[str, Figures]) -> str:
    """Lay out one column per engine."""
    lines = ["| | " + " | ".join(figures) + " |", "|---|" + "---|" * len(figures)]
    for label, names, form in _ROWS:
        cells = [_cell(_with_units(column), names, form) for column in figures.values()]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def update_readme(path: Path, text: str) -> None:
    """Replace what stands between the markers; without markers, add the section at the end."""
    content = path.read_text(encoding="utf-8")
    head, start, rest = content.partition(START)
    _, end, tail = rest.partition(END)
    if not (start and end):
        head, tail = content.rstrip("\n") + "\n\n## Benchmark\n\n", "\n"
    path.write_text(f"{head}{START}\n{text}\n{END}{tail}", encoding="utf-8")


def save_json(path: Path, figures: Mapping[str, Figures], settings: Mapping[str, object]) -> None:
    """Write every figure as ``engine.figure``, with the machine and the versions."""
    flat = {f"{engine}.{name}": value for engine, column in figures.items() for name, value in column.items()}
    document = {"figures": flat, "machine": machine(), "settings": settings}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, str]:
    """Describe this machine and the versions that matter."""
    versions = {name: _version(name) for name in ("numpy", "numba", "tiktoken", "llguidance", "xgrammar")}
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version for name, version in versions.items() if version},
    }


def _with_units(figures: Figures) -> dict[str, float]:
    more = dict(figures)
    more["vocabulary_megabytes"] = figures["vocabulary_bytes"] / 1e6
    for name in ("schema_p50", "schema_p99"):
        if f"{name}_bytes" in figures:
            more[f"{name}_kilobytes"] = figures[f"{name}_bytes"] / 1e3
    return more


def _cell(figures: Figures, names: Sequence[str], form: str) -> str:
    if any(name not in figures for name in names):
        return "not reported"
    return form.format(*(figures[name] for name in names))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
