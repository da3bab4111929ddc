"""Run every example as its own process, offline, and check what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

PRINTED = {
    "call_tools.py": ["<tool_call>", "look_up {'name': 'Mara Lindqvist', 'age': 36}"],
    "choose.py": ["product"],
    "demo.py": [
        "Ada Lovelace",
        "choice: person",
        "85",
        "person.schema.json",
        "tokens per second",
        "forced by the grammar",
    ],
    "draft_ahead.py": ["prompt-lookup: the same text in ", "embedded/draft: the same text in "],
    "fill_template.py": ["{'name': 'Mara Lindqvist', 'age': 36, 'mood': 'good'}"],
    "indent_blocks.py": ["  - milk", "beside True\ndeeper True\nback True\nend True"],
    "mask_only.py": ["[b'a', b'ab']", "accepted"],
    "match_regex.py": ["36"],
    "reason_first.py": ["reasoning: ", "answer: {'name': 'Mara Lindqvist', 'age': 36"],
    "sample_penalties.py": ["log-probability"],
    "schema_batch.py": ["Ada Lovelace", "log-probability"],
    "search_beams.py": ["beam  -0.0000  name='Mara Lindqvist'", "without repetition, weight 0.", "best of 8 "],
    "serve_many.py": ["record: {'name': 'Mara Lindqvist'", "kind: ", "stopped because: cancelled"],
    "steer_arithmetic.py": ["embedded/small_formal and embedded/negative, stacked", "Dear Sir or Madam"],
    "steer_classifier.py": [
        "positive: hey, i cherish it.",
        "negative: hey, i detest it.",
        "message='we adore the sound.",
    ],
    "steer_formal.py": ["cheers!", "My supervisor", "embedded/small_formal and embedded/small_writer, stacked"],
    "steer_sentiment.py": ["alpha -2: ", "horrible", "alpha +2: ", "Post(topic='lamp', message='i adore it."],
    "stream_partial.py": ["name='Mara Lindqvist' age=None", "city='Turin'"],
    "transformers_generate.py": [
        "beams of transformers: [Person(name='Mara Lindqvist', age=36, city='Turin'), Person(name='Kwame Okonkwo'",
        "our loop, with drafts: [Person(name='Mara Lindqvist', age=36, city='Turin'), Person(name='Kwame Okonkwo'",
    ],
    "typed_function.py": ["name='Ada Lovelace', age=36", "Kwame Okonkwo"],
    "watermark_text.py": ["watermarked: True", "watermarked: False"],
}


def test_every_example_is_listed():
    """No example goes untested."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_example_prints_what_it_says(name):
    """Each runs from the repository's root without the network."""
    offline = {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(EXAMPLES.parent), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        env=os.environ | offline,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for text in PRINTED[name]:
        assert text in done.stdout


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_example_is_short(path):
    """One feature each, under 40 lines; the demo shows the whole job."""
    if path.name != "demo.py":
        assert len(path.read_text(encoding="utf-8").splitlines()) < 40
