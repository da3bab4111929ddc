"""Check that models are found by name, and that a wrong name says what is right."""

from __future__ import annotations

import json

import pytest
import torch

import guidance
from guidance.errors import ModelError
from guidance.loading import find_source
from guidance.model import Model
from guidance.transformer import HuggingFaceCausalLM, LlamaCausalLM


def test_load_embedded_writes_a_record():
    """The shipped model works without the hub."""
    model = guidance.load("embedded")
    assert isinstance(model.language_model, LlamaCausalLM)
    result = guidance.generate(model, "Who is described?\n\nMara Lindqvist is 36 and lives in Turin.", max_tokens=80)
    assert json.loads(result.text)["name"] == "Mara Lindqvist"
    assert result.stop_reason == "eos"


def test_load_reads_a_local_folder(tmp_path):
    """A folder written by save_pretrained loads, with its end tokens, through either decoder."""
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    from tests.guidance.conftest import make_network, make_tokenizer

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=make_tokenizer())
    for name, network, kind in [
        ("llama", make_network(), LlamaCausalLM),
        ("gpt2", GPT2LMHeadModel(GPT2Config(vocab_size=280, n_embd=32, n_layer=1, n_head=2)), HuggingFaceCausalLM),
    ]:
        network.generation_config.eos_token_id = [264]
        network.generation_config.bos_token_id = None
        folder = tmp_path / name
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        model = guidance.load(folder)
        assert isinstance(model.language_model, kind)
        assert model.vocabulary.eos_token_ids == (264,)
        assert len(guidance.generate(model, "hello", max_tokens=3).token_ids) <= 3


@pytest.mark.parametrize(
    "name", ["embedded/nonsense", "/no/such/folder", "./nowhere", "three/part/name", "with spaces", ""]
)
def test_load_refuses_a_name_that_is_nothing(name):
    """One error names what was given and what would do."""
    with pytest.raises(guidance.GuidanceError, match="expected"):
        guidance.load(name)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("embeded", "embedded"),
        ("Embedded", "embedded"),
        ("embdedded", "embedded"),
        ("embeded/draft", "embedded/draft"),
        ("embedd/writer", "embedded/writer"),
        ("writer", "embedded/writer"),
    ],
)
def test_load_refuses_a_misspelled_embedded_name_at_once(name, near, monkeypatch):
    """What is all but an embedded model's name is not looked for on the hub."""
    monkeypatch.setattr("guidance.loading._read_network", lambda *_: pytest.fail("asked the hub"))
    with pytest.raises(ModelError, match=f"expected .*'{near}'"):
        guidance.load(name)


@pytest.mark.parametrize(
    "name",
    [
        "gpt2",
        "distilgpt2",
        "bert-base-uncased",
        "t5-small",
        "xlnet-base-cased",
        "EmbeddedLLM/bge-base-en-v1.5",
        "facebook/opt",
    ],
)
def test_hub_ids_are_left_to_the_hub(name):
    """Real ids, with and without a slash, are not mistaken for misspelled names."""
    assert find_source(name) == name


def test_load_refuses_a_file_and_an_empty_folder(tmp_path):
    """Neither is a model."""
    file = tmp_path / "model.bin"
    file.write_bytes(b"")
    with pytest.raises(ModelError, match="a file"):
        guidance.load(file)
    with pytest.raises(ModelError, match="causal language model"):
        guidance.load(tmp_path)


def test_load_refuses_an_unknown_dtype():
    """The message lists what there is."""
    with pytest.raises(ModelError, match="float32, bfloat16, float16"):
        guidance.load("embedded", dtype="int3")


def test_load_bfloat16_agrees_roughly():
    """Half precision loads and writes the same record."""
    model = guidance.load("embedded", dtype="bfloat16")
    prompt = "Who is described?\n\nMara Lindqvist is 36 and lives in Turin."
    assert "Lindqvist" in guidance.generate(model, prompt, max_tokens=60).text


def test_model_refuses_what_is_not_a_language_model(model):
    """A string, a plain module and a model smaller than its tokenizer are each told apart."""
    with pytest.raises(ModelError, match=r"got a str.*guidance\.load"):
        Model("gpt2", model.tokenizer)
    with pytest.raises(ModelError, match="got a Linear"):
        Model(torch.nn.Linear(2, 2), model.tokenizer)
    with pytest.raises(guidance.GuidanceError):
        Model(model.language_model, object())


def test_model_refuses_a_tokenizer_larger_than_the_logits(model):
    """A tokenizer of another model is noticed."""
    from tests.guidance.conftest import make_network

    with pytest.raises(ModelError, match="265 tokens but the logits have 200 columns"):
        Model(make_network(width=200), model.tokenizer)


def test_model_names_itself(model):
    """The representation says what it is."""
    assert repr(model) == "Model('tiny', vocabulary=265, context=256)"
