"""Check the watermark commands: verdicts, their rates, keys, and refusals."""

from __future__ import annotations

import io
import json
import sys

import pytest

import guidance
from guidance.cli import main
from guidance.embedded import embedded_path
from guidance.sampling import Sampling
from guidance.watermark.display import to_html


@pytest.fixture(scope="module")
def marked():
    """Return a marked text of an embedded model, with its mark and its model."""
    model = guidance.load("embedded/writer")
    mark = guidance.Watermark(key=b"secret", delta=12.0, scheme="lefthash")
    result = guidance.generate(model, "Write about the camera.\n\n", watermark=mark, sampling=Sampling(seed=2))
    return model, mark, result


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line in this process."""

    def run_command(*arguments, text=""):
        monkeypatch.setattr(sys, "argv", ["guidance", "watermark", "detect", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run_command


@pytest.fixture
def key_file(tmp_path):
    """Return the file of the key."""
    path = tmp_path / "key"
    path.write_bytes(b"secret\n")
    return path


def test_detect_prints_the_verdict_with_its_false_positive_rate(run, marked, key_file, tmp_path):
    """A marked text is called so; the same text under another key is not."""
    file = tmp_path / "text.txt"
    file.write_text(marked[2].text, encoding="utf-8")
    arguments = (file, "--model", "embedded/writer", "--scheme", "lefthash", "--false-positive-rate", "0.01")
    code, out, _ = run(*arguments, "--key-file", key_file)
    assert code == 0
    assert out.startswith("watermarked: yes (of unmarked texts, 0.01 are called so)\np-value: ")
    key_file.write_bytes(b"another")
    assert run(*arguments, "--key-file", key_file)[1].startswith("watermarked: no")


def test_detect_reads_results_and_keys_from_the_environment(run, marked, monkeypatch):
    """The JSON of a generation holds the tokens themselves; the key may come from the environment."""
    monkeypatch.setenv("GUIDANCE_WATERMARK_KEY", "secret")
    text = json.dumps({"text": marked[2].text, "token_ids": marked[2].token_ids})
    code, out, _ = run("-", "--model", "embedded/writer", "--scheme", "lefthash", "--json", text=text)
    report = json.loads(out)
    direct = guidance.detect_watermark(marked[2].token_ids, marked[0].vocabulary, marked[1])
    assert code == 0
    assert report["p_value"] == direct.p_value
    assert report["is_watermarked"]


def test_detect_reads_settings_of_transformers(run, tmp_path):
    """A generation configuration of that library says how its texts were marked."""
    config = tmp_path / "generation_config.json"
    config.write_text(json.dumps({"watermarking_config": {"greenlist_ratio": 0.5, "seeding_scheme": "selfhash"}}))
    arguments = ("-", "--transformers", config, "--model")
    code, out, _ = run(*arguments, "embedded/writer", text="an ordinary sentence")
    assert (code, out[:15]) == (0, "watermarked: no")
    folder = str(embedded_path("writer"))
    assert run(*arguments, folder, text="an ordinary sentence")[1] == out


def test_detect_shows_tokens_in_colour(run, marked, key_file):
    """The coloured text, without its colours, is the text."""
    _, out, _ = run(
        "-",
        "--key-file",
        key_file,
        "--scheme",
        "lefthash",
        "--model",
        "embedded/writer",
        "--colours",
        text=marked[2].text,
    )
    coloured = out.partition("\n\nwatermarked")[0]
    for code in ("\x1b[32m", "\x1b[31m", "\x1b[90m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == marked[2].text
    verdict = guidance.detect_watermark("a <b> & c", marked[0], marked[1])
    assert "&lt;b&gt; &amp;" in to_html(verdict, marked[0].vocabulary).replace("</span>", "").replace(
        '<span style="background:#e8e8e8">', ""
    ).replace('<span style="background:#f6c9c9">', "").replace('<span style="background:#c7ecc7">', "")


def test_generate_marks_with_the_key_of_a_file(run, key_file, capsys, monkeypatch):
    """The text is that of the call with the same watermark."""
    arguments = ["Write about the lamp.", "--model", "embedded/writer", "--max-tokens", "20", "--temperature", "1"]
    marking = ["--watermark-key-file", str(key_file), "--watermark-scheme", "synthid"]
    monkeypatch.setattr(sys, "argv", ["guidance", "generate", *arguments, *marking])
    with pytest.raises(SystemExit):
        main()
    mark = guidance.Watermark(key=b"secret", scheme="synthid")
    result = guidance.generate(
        "embedded/writer", "Write about the lamp.", watermark=mark, sampling=Sampling(temperature=1.0), max_tokens=20
    )
    assert capsys.readouterr().out.removesuffix("\n") == result.text
    monkeypatch.setattr(sys, "argv", ["guidance", "generate", *arguments[:3], *marking])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "greedy" in capsys.readouterr().err


def test_detect_refuses_what_it_cannot_read(run, tmp_path, monkeypatch):
    """A missing key, file, scheme: one line on stderr and exit code 2."""
    monkeypatch.delenv("GUIDANCE_WATERMARK_KEY", raising=False)
    assert "key: got none" in run("-", text="x")[2]
    assert run(tmp_path / "none.txt", "--key-file", tmp_path / "none")[0] == 2
    assert "key file" in run("-", "--key-file", tmp_path / "none", text="x")[2]
    monkeypatch.setenv("GUIDANCE_WATERMARK_KEY", "k")
    assert "scheme" in run("-", "--scheme", "other", text="x")[2]
    assert "configuration" in run("-", "--transformers", tmp_path / "none", text="x")[2]
