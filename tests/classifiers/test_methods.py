"""Check each kind of classifier against a slow twin, in whole generations, and against what it cannot steer."""

from __future__ import annotations

import json

import pytest
import torch

import guidance
from classifiers import Caif, ClassifierError, Fudge, GeDi, OnePassHead
from classifiers.errors import VocabularyError
from fsm import Vocabulary
from guidance.embedded import embedded_path
from guidance.embedded.judge import judge_sentiment
from guidance.errors import ModelError
from guidance.logits import Context
from guidance.sampling import Sampling
from guidance.speculation import Speculation
from tests.reference.classifiers import log_law, score_candidates, score_text

PROMPT = "Write about the camera.\n\n"
SCHEMA = {
    "type": "object",
    "properties": {"topic": {"type": "string", "maxLength": 20}, "message": {"type": "string", "maxLength": 120}},
    "required": ["topic", "message"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def caif_network():
    """Return the embedded classifier and its tokenizer, as the transformers library loads them."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = embedded_path("sentiment")
    return AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def methods():
    """Return one of each kind that needs no transformers network."""
    return {
        "fudge": Fudge("embedded/sentiment", attribute="positive", top_k=20),
        "head": OnePassHead("embedded/sentiment_head", attribute="positive"),
        "gedi": GeDi({"praise": "embedded/positive", "blame": "embedded/negative"}, attribute="praise"),
    }


def test_fudge_adds_what_the_classifier_says_of_each_candidate(writer, sentiment, slow_sentiment):
    """Candidates gain strength times their score less the prefix's; other tokens stay."""
    method = Fudge(sentiment, attribute="positive", strength=3.0, top_k=6, plausible=0.0)
    prompt = writer.encode(PROMPT)
    logits = writer.language_model.prefill([prompt])[1]
    changed = method.process([[0]], logits, Context(companion=method.open([prompt])))[0, 0]
    best = logits[0, 0].topk(6).indices.tolist()
    wanted = score_candidates(slow_sentiment, prompt, best, 1)
    gains = (changed - logits[0, 0])[best] / 3.0 + score_text(slow_sentiment, prompt, 1)
    assert gains.tolist() == pytest.approx(wanted, abs=2e-4)
    others = torch.ones(len(changed), dtype=torch.bool)
    others[best] = False
    assert torch.equal(changed[others], logits[0, 0][others])


def test_caif_is_fudge_when_both_have_the_same_classifier(writer, sentiment, caif_network):
    """One reads each candidate as a whole text, the other shares the prefix: one law."""
    settings = {"attribute": "positive", "strength": 2.0, "top_k": 8, "plausible": 1e-4}
    fudge, caif = Fudge(sentiment, **settings), Caif(*caif_network, **settings)
    prompts = [writer.encode(PROMPT), writer.encode("Tell me about the old lamp.\n\n")]
    logits = torch.cat([writer.language_model.prefill([prompt])[1] for prompt in prompts])
    readers = [method.open(prompts) for method in (fudge, caif)]
    for token in (40, 77):
        found = [
            method.process([[0], [0]], logits, Context(companion=reader))
            for method, reader in zip((fudge, caif), readers, strict=True)
        ]
        assert torch.allclose(*found, atol=1e-3)
        for reader in readers:
            reader.read(torch.tensor([[token], [token + 1]]))
    for reader in readers:
        reader.read(torch.tensor([[5, 6, 7], [0, 8, 9]]), [3, 2], num_logits=2)
        reader.drop([1, 0])
        reader.select([1, 0])
    assert torch.allclose(readers[0].fork().prefix_scores()[0], readers[1].fork().prefix_scores()[0], atol=1e-3)
    assert readers[1].num_bytes > 0


def test_one_pass_heads_add_their_columns(writer):
    """The score of a token is the log-sigmoid of its column, whichever label is asked for."""
    model = guidance.load("embedded/sentiment_head")
    prompt = writer.encode(PROMPT)
    column = model.language_model.prefill([prompt])[1][0, 0].float()
    logits = torch.zeros(1, 1, len(column))
    for attribute, sign in (("positive", 1.0), (0, -1.0)):
        method = OnePassHead(model, attribute=attribute, plausible=0.0)
        changed = method.process([[0]], logits, Context(companion=method.open([prompt])))[0, 0]
        wanted = torch.nn.functional.logsigmoid(sign * column)
        assert torch.allclose(torch.softmax(changed, 0), torch.softmax(wanted, 0), atol=1e-6)


def test_class_conditional_models_weigh_the_text_so_far(writer):
    """The score is the posterior of the class over the text since the prompt, per token, as the paper has it."""
    from transformers import AutoModelForCausalLM

    method = methods()["gedi"]
    slow = [AutoModelForCausalLM.from_pretrained(embedded_path(name)).eval() for name in ("positive", "negative")]
    prompt, text = writer.encode(PROMPT), writer.encode_text("the camera is")
    reader = method.open([prompt, prompt])
    reader.read(torch.tensor([text, text]))
    reader.read(torch.tensor([[5, 6], [0, 7]]), [2, 1], num_logits=2)
    reader.drop([1, 0])
    reader.read(torch.tensor([[8], [9]]))
    for row, tail in enumerate(([5, 8], [7, 9])):
        whole = [*text, *tail]
        sums = []
        for network in slow:
            laws = [log_law(network, [*prompt, *whole[:place]]) for place in range(len(whole) + 1)]
            known = sum(float(laws[place][token]) for place, token in enumerate(whole))
            sums.append((known + laws[-1]) / (len(whole) + 1))
        wanted = torch.log_softmax(torch.stack(sums), dim=0)[0]
        assert torch.allclose(reader.candidate_scores(None)[row, 0], wanted, atol=1e-4)
    assert torch.allclose(reader.fork().prefix_scores(), reader.prefix_scores())


def test_codes_make_one_model_write_every_class(writer):
    """With texts as classes, one model runs as rows of one batch, each after its code."""
    method = GeDi({"a": "Praise: ", "b": "Blame: "}, attribute="a", model=writer)
    prompts = [writer.encode(PROMPT), writer.encode("Go.\n\n")]
    reader = method.open(prompts)
    reader.read(torch.tensor([[30], [31]]))
    together = reader.candidate_scores(None)
    alone = method.open(prompts[1:])
    alone.read(torch.tensor([[31]]))
    assert torch.allclose(together[1], alone.candidate_scores(None)[0], atol=1e-5)
    reader.select([1])
    assert torch.equal(reader.candidate_scores(None)[0], together[1])


@pytest.mark.parametrize("name", ["fudge", "head", "gedi"])
def test_batches_and_drafts_leave_every_text_as_it_is(writer, name):
    """A row's text does not depend on its batch mates, nor on tokens drafted ahead (A7, A9)."""
    method = methods()[name]
    prompts = [PROMPT, "Write about the lamp, please.\n\n", "Tell me what you think about the train.\n\n"]
    settings = {"steer": [method], "sampling": Sampling(seed=4), "max_tokens": 30}
    together = guidance.generate(writer, prompts, **settings)
    assert guidance.generate(writer, prompts[1], **settings).text == together[1].text
    for tree in (None, (3, 2, 1)):
        speculation = Speculation(draft="embedded/small_writer", num_tokens=3, tree=tree)
        drafted = guidance.generate(writer, prompts, speculate=speculation, **settings)
        assert [row.text for row in drafted] == [row.text for row in together]


@pytest.mark.parametrize("name", ["fudge", "head", "gedi"])
def test_steered_texts_have_the_attribute_more_often(writer, name):
    """By the word lists, not by the classifier that steered; steering away works too."""
    method = methods()[name]
    sampling = Sampling(seed=1, n=40)

    def count(*steer):
        texts = guidance.generate(writer, PROMPT, steer=steer, sampling=sampling, max_tokens=60)
        return sum(judge_sentiment(text.text) == "positive" for text in texts)

    assert count(method) >= count() + 8


def test_documents_stay_valid_under_steering_and_a_watermark(writer):
    """Every document fits its schema, in one batch with classifier, watermark and truncation."""
    results = guidance.generate(
        writer,
        "Write about the camera as JSON.\n\n",
        SCHEMA,
        steer=[methods()["fudge"]],
        watermark=guidance.Watermark(key=b"k"),
        sampling=Sampling(seed=2, n=10, top_p=0.95),
        max_tokens=160,
    )
    assert all(result.is_valid for result in results)
    assert sum(judge_sentiment(json.loads(result.text)["message"]) == "positive" for result in results) >= 6


def test_other_tokenizers_are_refused_by_the_first_token_that_differs(writer, sentiment):
    """Smaller, permuted, or with other control symbols: named before the first token (A17)."""
    method = Fudge(sentiment, attribute="positive")
    base = guidance.load("embedded")
    with pytest.raises(VocabularyError, match="token"):
        guidance.generate(base, "Who is described?\n\nAda, 36, London", steer=[method])
    tokens = list(writer.vocabulary.token_bytes)
    tokens[300], tokens[301] = tokens[301], tokens[300]
    wrong = {
        "permuted": Vocabulary(tokens, special_token_ids=writer.vocabulary.special_token_ids),
        "larger": Vocabulary([*writer.vocabulary.token_bytes, b"new token"], writer.vocabulary.eos_token_ids),
        "silent": Vocabulary(
            writer.vocabulary.token_bytes, special_token_ids=[*writer.vocabulary.special_token_ids, 400]
        ),
    }
    for vocabulary in wrong.values():
        with pytest.raises(VocabularyError, match="Fudge"):
            method.bind(type("Model", (), {"vocabulary": vocabulary}))


def test_what_cannot_steer_is_refused_with_what_can(writer, sentiment, caif_network):
    """Each method names the model or the setting, and the cure."""
    with pytest.raises(ClassifierError, match="no classification head"):
        Fudge(writer, attribute="positive")
    with pytest.raises(ClassifierError, match="'negative', 'positive'"):
        Fudge(sentiment, attribute="cheerful")
    with pytest.raises(ClassifierError, match="steer with Fudge"):
        OnePassHead(sentiment, attribute="positive")
    with pytest.raises(ClassifierError, match="two or more classes"):
        GeDi({"a": writer}, attribute="a")
    with pytest.raises(ClassifierError, match="language models of each class"):
        GeDi({"a": writer, "b": sentiment}, attribute="a")
    with pytest.raises(ClassifierError, match="sequence classifier"):
        Caif(object(), caif_network[1], attribute="positive")
    with pytest.raises(ModelError, match="judges texts"):
        guidance.generate(sentiment, "a")


def test_heads_refuse_texts_beyond_their_context():
    """By name."""
    reader = OnePassHead("embedded/sentiment_head", attribute=1).discriminator.open([[5] * 1020])
    with pytest.raises(ClassifierError, match="context"):
        reader.read(torch.tensor([[5] * 8]))
