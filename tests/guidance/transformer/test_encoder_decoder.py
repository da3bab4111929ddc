"""Check that encoder-decoder models run through the same loop and the same constraints."""

from __future__ import annotations

import pytest
import torch

import grammars
import guidance
from guidance.errors import EngineError
from tests.guidance.conftest import make_tokenizer

TEXTS = ("the true answer", "the answer is here", "never", "then")
PROMPTS = ["hello", "a much longer prompt than the others", "x"]


def t5():
    """Return a tiny random T5."""
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=280,
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=264,
        eos_token_id=264,
    )
    return T5ForConditionalGeneration(config)


def bart():
    """Return a tiny random BART."""
    from transformers import BartConfig, BartForConditionalGeneration

    sizes = {"encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4}
    config = BartConfig(
        vocab_size=280,
        d_model=32,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=128,
        decoder_start_token_id=264,
        eos_token_id=264,
        bos_token_id=None,
        pad_token_id=1,
        forced_eos_token_id=None,
        **sizes,
    )
    return BartForConditionalGeneration(config)


@pytest.fixture(scope="module", params=[t5, bart])
def model(request):
    """Return a model of each family, with sharp choices."""
    torch.manual_seed(0)
    network = request.param().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    return guidance.Model(network, make_tokenizer(), name="seq2seq")


def test_steps_equal_the_plain_forward(model):
    """Ragged steps and drops give the logits of the whole text; the encoder reads the prompt with its end token."""
    network, language_model = model.language_model.network, model.language_model
    prompts, texts = [[5, 6, 7, 8], [9, 10]], [[264], [264]]
    cache, logits = language_model.prefill(prompts)
    for new, counts in (([[20, 21], [22]], [1, 0]), ([[23], [24, 25, 26]], [0, 2]), ([[27, 28], [29]], [0, 0])):
        padded = torch.tensor([[0] * (max(map(len, new)) - len(line)) + line for line in new])
        logits = language_model.decode_step(cache, padded, [len(line) for line in new])
        for row, line in enumerate(new):
            texts[row] += line
            with torch.inference_mode():
                whole = network(
                    input_ids=torch.tensor([[*prompts[row], 264]]), decoder_input_ids=torch.tensor([texts[row]])
                ).logits
            torch.testing.assert_close(logits[row, -1], whole[0, -1], atol=1e-4, rtol=1e-4)
        cache.drop(counts)
        texts = [text[: len(text) - count] for text, count in zip(texts, counts, strict=True)]
    assert cache.num_slots == max(map(len, texts))
    assert cache.num_bytes > 0


def test_greedy_equals_transformers_generate():
    """T5 writes what the library's own loop writes."""
    torch.manual_seed(0)
    network = t5().eval()
    model = guidance.Model(network, make_tokenizer())
    num_compared = 0
    for prompt in PROMPTS:
        ids = torch.tensor([[*model.encode(prompt), 264]])
        expected = network.generate(ids, max_new_tokens=20, do_sample=False, num_beams=1)[0, 1:].tolist()
        result = guidance.generate(model, prompt, max_tokens=20)
        usable = next((i for i, token in enumerate(expected) if token >= 264), len(expected))
        assert list(result.token_ids[:usable]) == expected[:usable]
        num_compared += usable
    assert num_compared > 0


@pytest.mark.parametrize("sampling", [guidance.Sampling(temperature=0.0), guidance.Sampling(seed=2, n=2)])
def test_constrained_batches_equal_single_runs(model, finite_grammar, sampling):
    """Forced beginnings, ragged prompts, several samples: every row is what it is alone, and legal."""
    output = finite_grammar(TEXTS)
    together = guidance.generate(model, PROMPTS, output, sampling=sampling, max_tokens=30)
    for prompt, found in zip(PROMPTS, together, strict=True):
        alone = guidance.generate(model, prompt, output, sampling=sampling, max_tokens=30)
        for one, other in zip(*([r] if sampling.n == 1 else r for r in (found, alone)), strict=True):
            assert one.token_ids == other.token_ids
            assert one.text in TEXTS


def test_forced_runs_are_read_as_if_drawn(model, finite_grammar):
    """Log-probabilities after a forced run are those of the network reading it."""
    output = finite_grammar(("forced a", "forced b"))
    result = guidance.generate(model, "hello", output, base_log_probs=True)
    ids, network = [*model.encode("hello"), 264], model.language_model.network
    with torch.inference_mode():
        logits = network(
            input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([[264, *result.token_ids[:-1]]])
        ).logits
    law = torch.log_softmax(logits[0, -1, : model.vocabulary.size], -1)
    assert result.base_log_probs[-1] == pytest.approx(float(law[result.token_ids[-1]]), abs=1e-4)


def test_drafts_change_no_text(model, finite_grammar):
    """Copied drafts are taken back row by row."""
    for output in (None, finite_grammar(TEXTS)):
        plain = guidance.generate(model, PROMPTS, output, max_tokens=30)
        speculation = guidance.Speculation(draft="prompt-lookup", num_tokens=3)
        ahead = guidance.generate(model, PROMPTS, output, max_tokens=30, speculate=speculation)
        assert [r.token_ids for r in ahead] == [r.token_ids for r in plain]


def test_engines_refuse_them(model):
    """With the cure."""
    with pytest.raises(EngineError, match=r"use guidance\.generate"):
        guidance.Engine(model)


def test_loading_a_folder_finds_the_encoder(model, tmp_path):
    """A checkpoint is not taken for its decoder alone."""
    from transformers import PreTrainedTokenizerFast

    model.language_model.network.save_pretrained(tmp_path)
    PreTrainedTokenizerFast(tokenizer_object=make_tokenizer(), eos_token="</s>").save_pretrained(tmp_path)  # noqa: S106
    loaded = guidance.load(tmp_path)
    assert loaded.language_model.reads_prompts_apart
    expected = guidance.generate(model, "hello", max_tokens=8)
    assert guidance.generate(loaded, "hello", max_tokens=8).token_ids == expected.token_ids


def test_beams_read_what_is_forced_with_the_decoder(model):
    """One beam is greedy, with its log-probabilities: the forced beginning goes to the decoder, not to the encoder."""
    output = grammars.choice(["the answer is the end", "the answer is then", "the answer is true"])
    greedy = guidance.generate(model, PROMPTS, output, max_tokens=30)
    found = guidance.generate(model, PROMPTS, output, max_tokens=30, search=guidance.Beams(num_beams=1))
    for alone, beam in zip(greedy, found, strict=True):
        assert alone.metrics.num_forced_tokens > 0
        assert beam.token_ids == alone.token_ids
        assert beam.log_probs == pytest.approx(alone.log_probs, abs=1e-5)
