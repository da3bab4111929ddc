"""Check that one model may read the prompt in its own chat template."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import guidance
from proxy_tuning import ChatPrompt, DExperts, ProxyTuning, SteeringError

TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<answer>{% endif %}"
)


def make_tokenizer(template):
    """Return a byte-level tokenizer of transformers that begins every text with a start token."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 256)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.add_special_tokens({"bos_token": "<s>", "eos_token": "</s>"})
    fast.chat_template = template
    return fast


@pytest.fixture(scope="module")
def chat(networks):
    """Return a base, and a chat model of the same tokens."""
    base = guidance.Model(networks(1, width=258), make_tokenizer(None), name="base")
    tuned = guidance.Model(networks(2, width=258), make_tokenizer("<s>" + TEMPLATE), name="chat")
    return base, tuned


def test_template_is_read_with_one_start_token(chat):
    """What the tuned model reads is the conversation, begun once; what comes next is the same for both."""
    base, tuned = chat
    ids = ChatPrompt(tuned, system="be kind")("Hello")
    assert tuned.decode(ids) == "<system>be kind<user>Hello<answer>"
    assert ids.count(256) == 1
    method = ProxyTuning(tuned=tuned, untuned=base, tuned_prompt=ChatPrompt(tuned)).bind(base)
    prompt = base.encode("Hello")
    companion = method.open([prompt])
    companion.read(torch.tensor([[40, 41]]))
    text = [*ChatPrompt(tuned)("Hello"), 40, 41]
    expected = tuned.language_model.prefill([text])[1]
    torch.testing.assert_close(companion.logits(0), expected, atol=1e-4, rtol=1e-4)


def test_template_works_in_a_batch(chat):
    """Rows whose templates differ in length are what they are alone."""
    base, tuned = chat
    steer = [ProxyTuning(tuned=tuned, untuned=base, tuned_prompt=ChatPrompt(tuned))]
    prompts = ["Hello", "a longer one", "x"]
    together = guidance.generate(base, prompts, steer=steer, max_tokens=12)
    alone = [guidance.generate(base, prompt, steer=steer, max_tokens=12) for prompt in prompts]
    assert [r.token_ids for r in together] == [r.token_ids for r in alone]


def test_a_model_without_a_template_is_refused(chat):
    """The message says what to do instead."""
    with pytest.raises(SteeringError, match="base, whose tokenizer has no chat template"):
        ChatPrompt(chat[0])
    assert DExperts(expert=chat[1]).bind(chat[0]).plan is not None
