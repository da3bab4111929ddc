"""Check training: what is read, learned, measured and saved, and that what is saved steers."""

from __future__ import annotations

import json
import random
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import torch

import guidance
from classifiers import Fudge, OnePassHead, TrainingError, commands
from classifiers.training import Schedule, train_classifier, train_expert
from classifiers.training.batches import TokenText, draw_batches, pad_texts
from classifiers.training.calibration import fit_temperature, measure_by_length
from classifiers.training.picture import Curve, Panel, draw_panels
from classifiers.training.texts import read_texts, split_texts
from guidance.embedded.judge import judge_sentiment
from guidance.embedded.messages import make_message
from guidance.sampling import Sampling

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Return a file of generated messages."""
    rng = random.Random(5)
    path = tmp_path_factory.mktemp("texts") / "messages.jsonl"
    messages = [message for message in (make_message(rng) for _ in range(500)) if "JSON" not in message.prompt]
    lines = [json.dumps({"prompt": m.prompt, "text": m.answer, "label": m.sentiment}) for m in messages]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def small(**settings):
    """Return a schedule of seconds."""
    return Schedule(**({"steps": 50, "batch_size": 16, "num_validations": 2, "learning_rate": 2e-3} | settings))


def test_a_trained_classifier_steers_and_says_how_right_it_is(file, tmp_path, writer):
    """Weights, tokenizer, report and picture are saved; scores get better with the length of the prefix."""
    trained = train_classifier(file, tmp_path / "out", schedule=small())
    assert trained.labels == ("negative", "positive")
    assert trained.points[-1].step == 50
    assert min(point.validation_loss for point in trained.points) < 0.75
    assert trained.lengths[-1].auc > 0.7 > trained.lengths[0].auc
    report = json.loads((tmp_path / "out" / "training.json").read_text())
    assert report["by_prefix_length"][-1]["count"] == trained.lengths[-1].count
    picture = ET.fromstring((tmp_path / "out" / "curves.svg").read_text())  # noqa: S314 - our own
    assert len(picture.findall("{http://www.w3.org/2000/svg}g")) == 3
    assert (tmp_path / "out" / "model.safetensors").is_file()
    steer = Fudge(str(tmp_path / "out"), attribute="positive", strength=8.0, top_k=20)
    results = guidance.generate(
        writer, "Write about the camera.\n\n", steer=[steer], sampling=Sampling(n=20, seed=1), max_tokens=50
    )
    judged = [judge_sentiment(result.text) for result in results]
    assert judged.count("positive") >= judged.count("negative") + 5


def test_a_trained_head_is_loaded_with_its_own_output_layer(file, tmp_path):
    """A one-pass head is no longer tied to the embedding."""
    trained = train_classifier(file, tmp_path / "out", kind="one-pass", schedule=small(steps=10))
    model = guidance.load(tmp_path / "out")
    assert not torch.equal(model.language_model.weights.head, model.language_model.weights.embedding)
    assert OnePassHead(model, attribute=trained.labels[1]).discriminator.open([[5, 6]]).num_bytes > 0


def test_an_expert_learns_the_texts_of_its_label(file, tmp_path):
    """Its perplexity falls, and what it writes has the label more often than not."""
    trained = train_expert(file, tmp_path / "out", label="positive", schedule=small(steps=25, learning_rate=1e-3))
    assert min(point.score for point in trained.points) < 1.6
    model = guidance.load(tmp_path / "out")
    results = guidance.generate(model, "Write about the camera.\n\n", sampling=Sampling(n=30, seed=1), max_tokens=50)
    judged = [judge_sentiment(result.text) for result in results]
    assert judged.count("positive") > 2 * judged.count("negative")


def test_the_commands_train(file, tmp_path, capsys):
    """Figures go to stderr, one JSON object to stdout; errors are one line and exit code 2."""
    out = tmp_path / "out"
    commands.train_classifier(file, out=out, steps=3, batch_size=4)
    printed = capsys.readouterr()
    assert json.loads(printed.out)["labels"] == ["negative", "positive"]
    assert "after 1 to 1 tokens: accuracy" in printed.err
    commands.train_expert(file, out=tmp_path / "expert", label="negative", steps=2, batch_size=4)
    assert json.loads(capsys.readouterr().out)["perplexity"] > 1.0
    for command, wrong in ((commands.train_expert, {"out": out}), (commands.train_classifier, {"kind": "other"})):
        with pytest.raises(SystemExit) as ended:
            command(file, **wrong)
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith("error: ")


def test_the_distribution_names_the_commands():
    """The command line finds them by their entry points."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = project["entry-points"]["guidance.commands"]
    assert named["train-classifier"] == "classifiers.commands:train_classifier"
    assert named["train-expert"] == "classifiers.commands:train_expert"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "no texts"),
        ('{"text": "a"}', ":1: got"),
        ('{"text": "a", "label": "x"}\nnone', ":2: got"),
        ('{"text": "", "label": "x"}', "not empty"),
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": "x"}', "two or more labels"),
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}', "two texts each"),
    ],
)
def test_texts_nothing_can_be_learned_from_are_refused(tmp_path, lines, message):
    """With the line, before a model is read."""
    path = tmp_path / "texts.jsonl"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(TrainingError, match=message):
        train_classifier(path, tmp_path / "out")


def test_what_cannot_be_trained_is_refused(file, tmp_path):
    """A label without texts, a folder in use, three labels for a head, a file that is not there, settings."""
    with pytest.raises(TrainingError, match="'negative', 'positive'"):
        train_expert(file, tmp_path / "out", label="joyful")
    with pytest.raises(TrainingError, match="there already"):
        train_expert(file, file.parent)
    three = tmp_path / "three.jsonl"
    three.write_text("".join(json.dumps({"text": f"t{i}", "label": i % 3}) + "\n" for i in range(9)))
    with pytest.raises(TrainingError, match="one-pass"):
        train_classifier(three, tmp_path / "out", kind="one-pass")
    with pytest.raises(TrainingError, match="check the path"):
        read_texts(tmp_path / "none")
    for settings in ({"steps": 0}, {"learning_rate": 0.0}, {"validation_share": 1.0}):
        with pytest.raises(TrainingError, match=next(iter(settings))):
            Schedule(**settings)


def test_equal_texts_are_held_out_together(file):
    """Nothing that is validated on was learned."""
    texts = read_texts(file)
    learned, held = split_texts([*texts, *texts], seed=3)
    assert len(learned) + len(held) == 2 * len(texts)
    assert not {text.text for text in learned} & {text.text for text in held}


def test_batches_mark_the_text_and_hide_padding():
    """Neither prompt nor padding counts; every text comes once in a round."""
    texts = [TokenText(token_ids=tuple(range(1, 3 + n)), start=n % 2, label=n % 2) for n in range(7)]
    batch = pad_texts(texts[:3])
    assert batch.is_text.tolist() == [[True, True, False, False], [False, True, True, False], [True] * 4]
    assert batch.attention_mask.sum(dim=1).tolist() == [2, 3, 4]
    batches = draw_batches(texts, 3, seed=0)
    assert sorted(int(m) for _ in range(3) for m in next(batches).attention_mask.sum(dim=1)) == list(range(2, 9))


def test_calibration_is_measured_by_the_length_of_the_prefix():
    """Bins double; a perfect classifier has AUC one, a constant one a half, and an overconfident one an error."""
    labels = torch.arange(400) % 2
    lengths = torch.arange(400) // 50 + 1
    sure = torch.stack([1.0 - labels, labels], dim=1).float() * 40
    perfect = measure_by_length(sure, labels, lengths)
    assert [(r.first, r.last, r.count) for r in perfect] == [(1, 1, 50), (2, 2, 50), (3, 4, 100), (5, 8, 200)]
    assert {(r.accuracy, r.auc) for r in perfect} == {(1.0, 1.0)}
    flat = measure_by_length(torch.zeros(400, 2), labels, lengths)[0]
    assert (flat.auc, flat.calibration_error) == (0.5, 0.0)
    boastful = torch.tensor([[40.0, 0.0]]).expand(400, -1)
    assert measure_by_length(boastful, labels, lengths)[0].calibration_error == pytest.approx(0.5, abs=1e-3)
    assert fit_temperature(sure, labels) < 1.0 < fit_temperature(boastful, labels)


def test_pictures_are_well_formed_whatever_they_show():
    """Gaps, single points and nothing at all."""
    panels = [
        Panel("a < b", "x", [Curve("c & d", [(0, float("nan")), (1, -2.0), (2, 3.0)])]),
        Panel("one", "x", [Curve("y", [(1, 1.0)])]),
        Panel("none", "x", []),
    ]
    assert ET.fromstring(draw_panels(panels)).tag.endswith("svg")  # noqa: S314 - our own
