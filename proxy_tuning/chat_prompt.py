"""Let one model read the prompt as a user's message in its own chat template, while the others read it as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from guidance.loading import as_model
from guidance.model import Model
from proxy_tuning.errors import SteeringError

__all__ = ["ChatPrompt"]


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """Put a prompt into a model's chat template: ``ProxyTuning(tuned=chat, ..., tuned_prompt=ChatPrompt(chat))``.

    Parameters
    ----------
    model : whose template to use; its tokenizer is one of transformers.
    system : a system message to put before the prompt.

    Raises
    ------
    SteeringError : when the tokenizer has no chat template.
    """

    model: Model | str
    system: str | None = None

    def __post_init__(self) -> None:
        """Refuse a tokenizer without a template."""
        model = as_model(self.model)
        if not getattr(model.tokenizer, "chat_template", None):
            raise SteeringError(
                f"ChatPrompt: got {model.name}, whose tokenizer has no chat template, expected a chat model; pass a "
                "function that writes the prompt instead, or set tokenizer.chat_template"
            )

    def __call__(self, text: str) -> list[int]:
        """Return the token ids of the whole conversation, up to where the answer begins."""
        messages = [] if self.system is None else [{"role": "system", "content": self.system}]
        messages.append({"role": "user", "content": text})
        tokenizer: Any = as_model(self.model).tokenizer
        found = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
        return [int(token) for token in found]
